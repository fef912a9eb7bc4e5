use serde_json::{Value, json};

use super::*;
use crate::Secret;
use crate::transform::Transform;
use crate::transform::tests::one;

fn kept(step: impl Transform, json: &str) -> String {
    let out = one(&step, json).unwrap();
    serde_json::from_str::<Value>(&out).unwrap();
    out
}

const ORDER: &str = r#"{"id": 1, "customer":{"name":"A", "email":"a@b.example" , "tags":[ "x",{"y":0.10, "z":2}, 3]}, "net":0.30}"#;

#[test]
fn select_keeps_what_is_named_in_its_order_and_nothing_else() {
    let select = |pointers: &[&str], json: &str| kept(select("s", pointers.iter().copied()).unwrap(), json);
    assert_eq!(select(&["/net", "/id"], ORDER), r#"{"id": 1, "net":0.30}"#);
    assert_eq!(
        select(&["/customer/email", "/net"], ORDER),
        r#"{ "customer":{ "email":"a@b.example" }, "net":0.30}"#
    );
    assert_eq!(select(&["/customer/name"], ORDER), r#"{ "customer":{"name":"A"}}"#);
    assert_eq!(
        select(&["/customer/tags/1/y", "/customer/tags/0"], ORDER),
        r#"{ "customer":{ "tags":[ "x",{"y":0.10}]}}"#
    );
    assert_eq!(select(&["/customer", "/customer/name"], ORDER).len(), ORDER.len() - 20);
    assert_eq!(select(&["/customer/none", "/id/x", "/x"], ORDER), "{}");
    assert_eq!(select(&["/a"], r#"{"a":1,"b":2,"\u0061":3}"#), r#"{"a":1,"\u0061":3}"#);
    assert_eq!(select(&["/a/b/c", "/d"], r#"{"a":{"b":{"x":[],"y":1},"c":2},"d":{}}"#), r#"{"d":{}}"#);
    assert_eq!(select(&[""], "[1]"), "[1]");
    let step = super::select("s", ["/a"]).unwrap();
    assert!(one(&step, "[1]").unwrap_err().starts_with("not-an-object"));
}

#[test]
fn drop_takes_out_what_is_there() {
    let drop = drop_fields("d", ["/customer/tags/1", "/none/x", "/id", "/net"]).unwrap();
    assert_eq!(kept(drop, ORDER), r#"{ "customer":{"name":"A", "email":"a@b.example" , "tags":[ "x", 3]}}"#);
}

#[test]
fn rename_and_set_do_as_they_say() {
    assert_eq!(
        kept(rename("r", "/customer/name", "label").unwrap(), ORDER),
        ORDER.replace("\"name\"", "\"label\"")
    );
    assert_eq!(kept(rename("r", "/none", "label").unwrap(), ORDER), ORDER);
    assert_eq!(
        one(&rename("r", "/id", "net").unwrap(), ORDER).unwrap_err(),
        "rename: the new name is taken at /id"
    );
    assert_eq!(
        kept(set("s", "/net", json!({"eur": 1})).unwrap(), r#"{"net": 0.30}"#),
        r#"{"net": {"eur":1}}"#
    );
    assert_eq!(kept(set("s", "/a/b", "x").unwrap(), "{}"), r#"{"a":{"b":"x"}}"#);
    assert!(one(&set("s", "/net/b", 1).unwrap(), ORDER).unwrap_err().starts_with("set: "));
}

#[test]
fn a_cast_loses_nothing() {
    let time = || Type::Timestamp("%d.%m.%Y %H:%M".to_owned());
    let zoned = || Type::Timestamp("%Y-%m-%dT%H:%M:%S%.f%#z".to_owned());
    let cases = [
        (Type::Number, r#""0.30""#, Ok("0.30")),
        (Type::Number, r#"" -1.50e+10 ""#, Ok("-1.50e+10")),
        (Type::Number, "12345678901234567890123.00", Ok("12345678901234567890123.00")),
        (Type::Number, r#""1,5""#, Err("the value is no number")),
        (Type::Number, r#""""#, Err("the value is no number")),
        (Type::Number, "true", Err("the value is no number")),
        (Type::Number, "null", Ok("null")),
        (Type::Integer, r#""123456789012345678901234567890""#, Ok("123456789012345678901234567890")),
        (Type::Integer, "-7.000", Ok("-7")),
        (Type::Integer, r#""\u0037""#, Ok("7")),
        (Type::Integer, "7.5", Err("the value is no integer")),
        (Type::Integer, r#""007""#, Err("the value is no integer")),
        (Type::Integer, "1e3", Err("the value is no integer")),
        (Type::Integer, "{}", Err("the value is no integer")),
        (Type::String, "0.30", Ok(r#""0.30""#)),
        (Type::String, "true", Ok(r#""true""#)),
        (Type::String, r#""\u00e9""#, Ok(r#""\u00e9""#)),
        (Type::String, "[1]", Err("an object or array is no string")),
        (Type::Boolean, r#""TRUE""#, Ok("true")),
        (Type::Boolean, "0", Ok("false")),
        (Type::Boolean, "false", Ok("false")),
        (Type::Boolean, "2", Err("the value is no boolean")),
        (Type::Boolean, r#""\ud800""#, Err("half a surrogate pair is no text")),
        (time(), r#""24.12.2025 18:30""#, Ok(r#""2025-12-24T18:30:00Z""#)),
        (time(), r#""24.13.2025 18:30""#, Err("the value is no time of the form")),
        (zoned(), r#""2025-12-24T18:30:00.250+02:00""#, Ok(r#""2025-12-24T16:30:00.250Z""#)),
        (zoned(), r#""2025-12-24T18:30:00Z""#, Ok(r#""2025-12-24T18:30:00Z""#)),
        (Type::Timestamp("%Y%m%d".to_owned()), "20251224", Ok(r#""2025-12-24T00:00:00Z""#)),
        (Type::Timestamp("%s".to_owned()), "1766601000", Ok(r#""2025-12-24T18:30:00Z""#)),
        (Type::Timestamp("%H:%M".to_owned()), r#""18:30""#, Err("the value is no time of the form")),
    ];
    for (to, from, expected) in cases {
        let json = |value: &str| format!(r#"{{"a":{{"b": {value} }}}}"#);
        let step = cast("c", "/a/b", to.clone()).unwrap();
        let expected = match expected {
            Ok(value) => Ok(json(value)),
            Err(why) => Err(format!("cast: {why} at /a/b")),
        };
        assert_eq!(one(&step, &json(from)), expected, "{to:?} {from}");
    }
}

#[test]
fn a_cast_reads_a_decimal_comma_and_refuses_what_is_not_of_that_form() {
    let number = || cast("c", "/a", Type::Number).unwrap().decimal_comma();
    assert_eq!(kept(number(), r#"{"a":"1.234,50"}"#), r#"{"a":1234.50}"#);
    assert_eq!(kept(number(), r#"{"a":" 12,50- "}"#), r#"{"a":-12.50}"#);
    assert_eq!(kept(number(), r#"{"a":1.5}"#), r#"{"a":1.5}"#);
    let whole = || cast("c", "/a", Type::Integer).unwrap().decimal_comma();
    assert_eq!(kept(whole(), r#"{"a":"1.234,00"}"#), r#"{"a":1234}"#);
    for (step, text) in [(number(), r#"{"a":"1.5"}"#), (whole(), r#"{"a":"1,5"}"#)] {
        assert!(one(&step, text).unwrap_err().starts_with("cast: "));
    }
    let plain = cast("c", "/a", Type::Number).unwrap();
    assert_ne!(Transform::config(&plain), Transform::config(&number()));
}

#[test]
fn a_cast_may_take_empty_for_null_and_insist_on_a_value() {
    let number = || cast("c", "/a", Type::Number).unwrap();
    assert_eq!(kept(number().empty_as_null(), r#"{"a":" "}"#), r#"{"a":null}"#);
    assert_eq!(kept(number().empty_as_null(), r#"{"b":1}"#), r#"{"b":1}"#);
    for json in [r#"{"a":null}"#, r#"{"a":""}"#, r#"{"b":1}"#, "[]"] {
        assert!(one(&number().empty_as_null().required(), json).unwrap_err().starts_with("cast: "), "{json}");
    }
    assert!(cast("c", "/a", Type::Timestamp("%Q".to_owned())).is_err());
}

#[test]
fn a_mask_hides_the_value_and_its_duplicates() {
    let mask = || mask("m", "/c/e").unwrap();
    let json = r#"{"c":{"e":"secret"},"c":{"e":"secret", "e":"Jo-1@shöp.example", "f":0.30}}"#;
    let with = |value: &str| format!(r#"{{"c":{{ "e":"{value}", "f":0.30}}}}"#);
    assert_eq!(kept(mask(), json), with("***"));
    assert_eq!(kept(mask().with("\"gone\""), json), with("\\\"gone\\\""));
    assert_eq!(kept(mask().keep_last(4), json), with("*************mple"));
    assert_eq!(kept(mask().keep_last(9), json), with("*****************"));
    assert_eq!(kept(mask().keep_shape(), json), with("Xx-9@xxxx.xxxxxxx"));
    let cases = [
        ("123456.30", "\"******.30\""),
        ("12.30", "\"*****\""),
        ("null", "null"),
        ("{\"x\":\"secret\"}", "\"***\""),
        ("\"\\ud800\"", "\"***\""),
    ];
    for (value, masked) in cases {
        let json = |value: &str| format!(r#"{{"c":{{"e":{value}}}}}"#);
        assert_eq!(kept(mask().keep_last(3), &json(value)), json(masked));
    }
    let shadowed = r#"{"c":{"e":"secret"},"c":{}}"#;
    assert_eq!(kept(mask(), shadowed), r#"{"c":{}}"#);
    assert_eq!(kept(mask(), r#"{"c":"none"}"#), r#"{"c":"none"}"#);
}

#[test]
fn a_hash_is_keyed_and_says_nothing_of_the_key() {
    let hash = || hash("h", "/a", &Secret::new("Jefe")).unwrap();
    let expected = r#"{"a":"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}"#;
    assert_eq!(kept(hash(), r#"{"a":"what do ya want for nothing?"}"#), expected);
    assert_eq!(kept(hash(), r#"{"a":"what do ya want for nothin\u0067?"}"#), expected);
    assert_ne!(kept(hash(), r#"{"a":7}"#), kept(hash(), r#"{"a":8}"#));
    assert_eq!(kept(hash(), r#"{"a":null}"#), r#"{"a":null}"#);
    let shown = format!("{:?} {}", hash(), hash().config());
    assert!(shown.contains("hmac-sha-256") && !shown.contains("Jefe"), "{shown}");
    assert!(super::hash("h", "/a", &Secret::new("")).is_err());
}

#[test]
fn flatten_joins_names_and_keeps_values() {
    let flat = |json: &str| one(&flatten("f", ".").unwrap(), json);
    assert_eq!(
        flat(ORDER).unwrap(),
        r#"{"id": 1,"customer.name":"A","customer.email":"a@b.example","customer.tags":[ "x",{"y":0.10, "z":2}, 3], "net":0.30}"#
    );
    assert_eq!(flat(r#"{"a":{"b":{"c\"":1E400}, "d":{}}}"#).unwrap(), r#"{"a.b.c\"":1E400,"a.d":{}}"#);
    assert_eq!(flat(r#"{"a":1, "a":2}"#).unwrap(), r#"{"a":1, "a":2}"#);
    assert_eq!(flat(r#"{"a":1, "a":{"b":1}}"#).unwrap(), r#"{"a":1,"a.b":1}"#);
    for json in [r#"{"a.b":1,"a":{"b":1}}"#, r#"{"a":{"b":1,"\u0062":1}}"#] {
        assert_eq!(flat(json).unwrap_err(), "flatten: two fields would be named \"a.b\"");
    }
    assert!(flat("[]").unwrap_err().starts_with("not-an-object"));
    let deep = format!("{}1{}", "{\"a\":".repeat(64), "}".repeat(64));
    assert_eq!(flat(&deep).unwrap(), format!("{{\"a{}\":1}}", ".a".repeat(63)));
    assert_eq!(kept(flatten("f", "\"").unwrap(), r#"{"a":{"b":1}}"#), r#"{"a\"b":1}"#);
    assert_eq!(kept(flatten("f", "_").unwrap(), r#"{"":{"lake":1}}"#), r#"{"_lake_origin":1}"#);
}

#[test]
fn a_type_refuses_what_does_not_fit_and_keeps_the_bytes_of_the_rest() {
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Order {
        id: u64,
        net: f64,
    }
    assert_eq!(kept(validate_as::<Order>("v", "1"), ORDER), ORDER);
    let refused = |json: &str| one(&validate_as::<Order>("v", "1"), json).unwrap_err();
    assert_eq!(refused(r#"{"id":"secret","net":1}"#), "type: invalid type: string, expected u64 at /id");
    assert_eq!(refused("{}"), "type: missing field `id`");
}

#[cfg(feature = "json-schema")]
#[test]
fn a_schema_refuses_what_it_does_not_allow() {
    let schema = json!({
        "properties": { "customer": { "properties": { "email": { "type": "string", "maxLength": 5 } } } },
        "required": ["id"],
    });
    let refused = |json: &str| one(&validate_schema("v", &schema).unwrap(), json);
    assert_eq!(refused(r#"{"id": 1.50}"#).unwrap(), r#"{"id": 1.50}"#);
    assert_eq!(
        refused(ORDER).unwrap_err(),
        "schema: the value is longer than 5 characters at /customer/email"
    );
    assert!(refused("{}").unwrap_err().contains("\"id\" is a required property"));
    assert!(validate_schema("v", &json!({ "type": "nonsense" })).is_err());
    assert!(validate_schema("v", &json!({ "$ref": "https://schemas.example/order.json" })).is_err());
    assert!(validate_schema("v", &json!({ "$ref": "file:///etc/passwd" })).is_err());
}

#[test]
fn a_setting_that_is_wrong_is_refused_at_once() {
    assert!(select("s", []).is_err());
    assert!(select("s", ["a"]).is_err());
    assert!(drop_fields("d", [""]).is_err());
    assert!(rename("r", "/a", "/b").is_err());
    assert!(rename("r", "/a", "_lake").is_err());
    assert!(set("s", "", 1).is_err());
    assert!(mask("m", "email").is_err());
    assert!(flatten("f", "").is_err());
}

#[test]
fn the_settings_of_a_step_are_in_its_config() {
    let configs = [
        select("s", ["/a", "/b"]).unwrap().config(),
        rename("r", "/a", "b").unwrap().config(),
        cast("c", "/a", Type::Timestamp("%s".to_owned())).unwrap().required().config(),
        mask("m", "/a").unwrap().keep_last(4).config(),
    ];
    assert_eq!(
        Value::from(configs.to_vec()),
        json!([
            { "step": "select", "pointers": ["/a", "/b"] },
            { "step": "rename", "from": "/a", "to": "b" },
            { "step": "cast", "pointer": "/a", "to": { "timestamp": "%s" }, "empty_as_null": false, "required": true },
            { "step": "mask", "pointer": "/a", "style": { "keep_last": 4 } },
        ])
    );
}
