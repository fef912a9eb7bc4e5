//! Which columns records become, and that nothing of them is lost.

use datalake_core::testkit::Rng;
use serde_json::Value;

use super::{lake, read, sink, types, written};
use crate::lake::ParquetSettings;

/// Records of one file, its columns, and the records as they are read back (where they differ).
type Case<'a> = (&'a [&'a str], &'a str, Option<&'a [&'a str]>);

#[tokio::test]
async fn records_become_columns_and_come_back() {
    let cases: &[Case<'_>] = &[
        (&[r#"{"a":0.30}"#, r#"{"a":12.05}"#, r#"{"a":-7.00}"#], r#"{"a":"decimal(18,2)"}"#, None),
        (&[r#"{"a":1}"#, r#"{"a":-9223372036854775808}"#], r#"{"a":"int64"}"#, None),
        (&[r#"{"a":1}"#, r#"{"a":12345678901234567890}"#], r#"{"a":"decimal(38,0)"}"#, None),
        (&[r#"{"a":12345678901234567890.123456789}"#], r#"{"a":"decimal(38,9)"}"#, None),
        (
            &[r#"{"a":1}"#, r#"{"a":2.5}"#],
            r#"{"a":"decimal(18,1)"}"#,
            Some(&[r#"{"a":1.0}"#, r#"{"a":2.5}"#]),
        ),
        (
            &[r#"{"a":1e300}"#, r#"{"a":0.1}"#],
            r#"{"a":"double"}"#,
            Some(&[r#"{"a":1e+300}"#, r#"{"a":0.1}"#]),
        ),
        (&[r#"{"a":1e300}"#, r#"{"a":0.12345678901234567890123}"#], r#"{"a":"json"}"#, None),
        (
            &[r#"{"a":"2026-11-26T10:05:00Z"}"#, r#"{"a":"1969-12-31T23:59:59.120Z"}"#],
            r#"{"a":"timestamp"}"#,
            None,
        ),
        (
            &[r#"{"a":"2026-11-26T10:05:00Z"}"#, r#"{"a":"2026-11-26T10:05:00+01:00"}"#],
            r#"{"a":"text"}"#,
            None,
        ),
        (&[r#"{"a":"2026-11-26"}"#, r#"{"a":"0001-01-01"}"#], r#"{"a":"date"}"#, None),
        (&[r#"{"a":"2026-11-26"}"#, r#"{"a":"2026-11-26T10:05:00Z"}"#], r#"{"a":"text"}"#, None),
        (
            &[
                r#"{"a":"x"}"#,
                r#"{"a":12}"#,
                r#"{"a":"12"}"#,
                r#"{"a":{"b":[1]}}"#,
                r#"{"a":" null "}"#,
                r#"{"a":true}"#,
            ],
            r#"{"a":"json"}"#,
            None,
        ),
        (
            &[r#"{"a":{"b":1,"c":[{"d":"x"},{"e":true}]}}"#, r#"{"a":{}}"#, r#"{"a":{"c":[]}}"#, r#"{}"#],
            r#"{"a":{"b":"int64","c":[{"d":"text","e":"bool"}]}}"#,
            None,
        ),
        (&[r#"{"a":[1,null,2.5]}"#], r#"{"a":["decimal(18,1)"]}"#, Some(&[r#"{"a":[1.0,null,2.5]}"#])),
        (&[r#"{"a":[[1],[],[2,3]]}"#], r#"{"a":[["int64"]]}"#, None),
        (
            &[r#"{"a":[],"b":{},"c":null}"#],
            r#"{"a":["null"],"b":{},"c":"null"}"#,
            Some(&[r#"{"a":[],"b":{}}"#]),
        ),
        (&[r#"{"a":null}"#, r#"{"a":1}"#], r#"{"a":"int64"}"#, Some(&["{}", r#"{"a":1}"#])),
        (
            &["{\"ä ö/~.\":\"語🚂\u{2028}\",\"\":\"\\u0000\\n\\\"\"}"],
            "{\"ä ö/~.\":\"text\",\"\":\"text\"}",
            None,
        ),
        (
            &[r#"{"b":1,"a":2}"#, r#"{"c":3,"a":4}"#],
            r#"{"b":"int64","a":"int64","c":"int64"}"#,
            Some(&[r#"{"b":1,"a":2}"#, r#"{"a":4,"c":3}"#]),
        ),
    ];
    for (lines, columns, back) in cases {
        let lake = lake();
        let receipt = written(&*sink(&lake, ParquetSettings::new()), 1, lines).await.unwrap();
        assert!(receipt.refused.is_empty(), "{lines:?}: {:?}", receipt.refused);
        assert_eq!(types(&lake, &receipt).await, *columns, "{lines:?}");
        assert_eq!(read(&lake, &receipt).await, back.unwrap_or(lines), "{columns}");
    }
}

#[tokio::test]
async fn numbers_become_doubles_if_wanted_and_if_that_says_the_same() {
    let lake = lake();
    let sink = sink(&lake, ParquetSettings::new().doubles());
    let lines = [r#"{"a":0.30,"b":1,"c":0.12345678901234567890}"#, r#"{"a":7,"b":2,"c":1.5}"#];
    let receipt = written(&*sink, 1, &lines).await.unwrap();
    assert_eq!(types(&lake, &receipt).await, r#"{"a":"double","b":"int64","c":"decimal(38,20)"}"#);
    let expected =
        [r#"{"a":0.3,"b":1,"c":0.12345678901234567890}"#, r#"{"a":7.0,"b":2,"c":1.50000000000000000000}"#];
    assert_eq!(read(&lake, &receipt).await, expected);
}

#[tokio::test]
async fn a_map_and_what_is_nested_too_deep_are_kept_as_json() {
    let wide: Vec<_> = (0..400).map(|n| format!("\"key{n}\":{n}")).collect();
    let deep = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
    let lines = [format!("{{\"wide\":{{{}}}}}", wide.join(",")), deep];
    let lake = lake();
    let receipt = written(&*sink(&lake, ParquetSettings::new()), 1, &[&*lines[0], &*lines[1]]).await.unwrap();
    let types = types(&lake, &receipt).await;
    assert!(types.starts_with(r#"{"wide":"json","a":{"a":"#) && types.contains(r#"{"a":"json"}"#), "{types}");
    assert_eq!(read(&lake, &receipt).await, lines);
}

/// A value of any kind, of which none is null inside an object.
fn value(rng: &mut Rng, depth: usize) -> String {
    let texts =
        ["", "x", "12", "null", "true", "\\\"", "{}", "ä語", "2026-11-26", "2026-11-26T00:00:00.5Z", "-0"];
    let numbers =
        ["0", "-1", "0.5", "1e10", "1E-5", "99999999999999999999", "0.1234567890123456789", "1e308"];
    match rng.below(if depth > 3 { 3 } else { 6 }) {
        0 => format!("\"{}\"", texts[rng.below(texts.len())]),
        1 => numbers[rng.below(numbers.len())].to_owned(),
        2 => ["true", "false"][rng.below(2)].to_owned(),
        3 => {
            let items: Vec<_> = (0..rng.below(4)).map(|_| value(rng, depth + 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => object(rng, depth + 1),
    }
}

fn object(rng: &mut Rng, depth: usize) -> String {
    let names: Vec<_> = ["a", "b", "c", "d"].into_iter().filter(|_| rng.below(2) == 0).collect();
    let members: Vec<_> = names.iter().map(|name| format!("\"{name}\": {}", value(rng, depth))).collect();
    format!("{{{}}}", members.join(","))
}

#[tokio::test]
async fn random_records_come_back_with_every_value() {
    let mut rng = Rng::new(5);
    for round in 0..300 {
        let lines: Vec<_> = (0..rng.below(12) + 1).map(|_| object(&mut rng, 0)).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let settings = if round % 2 == 0 { ParquetSettings::new() } else { ParquetSettings::new().doubles() };
        let lake = lake();
        let receipt = written(&*sink(&lake, settings), 1, &lines).await.unwrap();
        assert!(receipt.refused.is_empty());
        let found = read(&lake, &receipt).await;
        assert_eq!(found.len(), lines.len());
        for (found, expected) in found.iter().zip(&lines) {
            assert!(same(found, expected), "{found}\n{expected}\n{lines:#?}");
        }
    }
}

/// The same JSON value, numbers by all of their digits.
fn same(one: &str, other: &str) -> bool {
    let value = |text| by_value(&super::super::json::Node::parse(text).unwrap());
    value(one) == value(other)
}

fn by_value(node: &super::super::json::Node<'_>) -> Value {
    use super::super::json::Value as Json;
    match &node.value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(text) => exact(text).into(),
        Json::String(text) => format!("\"{}", text.replace(".500Z", ".5Z")).into(),
        Json::Array(items) => items.iter().map(by_value).collect(),
        Json::Object(members) => {
            members.iter().map(|(name, node)| (name.to_string(), by_value(node))).collect()
        }
    }
}

/// All digits and the power of ten that the last of them counts.
fn exact(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let trimmed = digits.trim_end_matches('0');
    let power = exponent.parse::<i64>().unwrap() - part.len() as i64 + (digits.len() - trimmed.len()) as i64;
    match trimmed.trim_start_matches('0') {
        "" => "zero".into(),
        digits => format!("{sign}{digits}e{power}"),
    }
}
