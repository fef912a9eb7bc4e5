//! Values by hand; `sql::postgres` has them from a server.

use super::{Field, Kind};

fn json(kind: &Kind, text: &str) -> Result<String, String> {
    let mut out = Vec::new();
    kind.write(text, &mut out).map_err(|error| error.to_string())?;
    let text = String::from_utf8(out).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).map_err(|error| format!("{text}: {error}"))?;
    Ok(text)
}

fn is(kind: &Kind, text: &str, expected: &str) {
    assert_eq!(json(kind, text).unwrap(), expected, "{text}");
}

#[test]
fn numbers_keep_their_digits() {
    for text in ["0", "-9223372036854775808", "0.30", "1e+20", "1e-07", "123456789012345678901234567890.000"]
    {
        is(&Kind::Number, text, text);
    }
    for text in ["NaN", "Infinity", "-Infinity", "", "-", "01", "1.", ".5", "1 "] {
        is(&Kind::Number, text, &format!("\"{text}\""));
    }
}

#[test]
fn times_become_those_of_rfc_3339() {
    let zoned = &Kind::TimestampTz;
    is(zoned, "2024-01-02 03:04:05.678+00", "\"2024-01-02T03:04:05.678Z\"");
    is(zoned, "2024-01-02 03:04:05-03:30", "\"2024-01-02T03:04:05-03:30\"");
    is(zoned, "2024-01-02 03:04:05+02", "\"2024-01-02T03:04:05+02:00\"");
    is(zoned, "10000-01-02 03:04:05+00", "\"10000-01-02T03:04:05Z\"");
    is(zoned, "0044-03-15 12:00:00+00 BC", "\"0044-03-15T12:00:00Z BC\"");
    is(zoned, "-infinity", "\"-infinity\"");
    is(&Kind::Timestamp, "2024-01-02 03:04:05", "\"2024-01-02T03:04:05\"");
}

#[test]
fn texts_are_escaped_and_nothing_else() {
    is(&Kind::Text, "a\"b\\c\n\r\t\u{1}ü\u{7f}", "\"a\\\"b\\\\c\\n\\r\\t\\u0001ü\u{7f}\"");
    is(&Kind::Json, "{ \"a\" :\n 0.30 }", "{ \"a\" :  0.30 }");
    is(&Kind::Bytes, "\\x00ff10", "\"AP8Q\"");
    is(&Kind::Bool, "t", "true");
}

#[test]
fn a_text_is_escaped_wherever_in_it_that_is_due() {
    for length in 0..40 {
        for at in 0..length {
            for odd in ["\"", "\\", "\n", "\u{1f}", "é", "\u{7f}"] {
                let text = format!("{}{odd}{}", "x".repeat(at), "y".repeat(length - at));
                let expected = serde_json::to_string(&text).unwrap();
                is(&Kind::Text, &text, &expected);
            }
        }
    }
}

#[test]
fn arrays_are_nested_as_they_were() {
    let numbers = Kind::array(Kind::Number);
    is(&numbers, "{}", "[]");
    is(&numbers, "{1,NULL,NaN}", "[1,null,\"NaN\"]");
    is(&numbers, "[0:1][2:3]={{1,2},{3,4}}", "[[1,2],[3,4]]");
    is(&Kind::array(Kind::Text), r#"{a,"b \"c\\ ,}","NULL",""}"#, r#"["a","b \"c\\ ,}","NULL",""]"#);
    let boxes = Kind::Array { of: Box::new(Kind::Text), delimiter: ';' };
    is(&boxes, "{(1,1),(0,0);(3,3),(2,2)}", r#"["(1,1),(0,0)","(3,3),(2,2)"]"#);
}

#[test]
fn rows_become_objects() {
    let field = |name: &str, kind| Field { name: name.into(), kind };
    let point = Kind::Composite { fields: vec![field("x", Kind::Number), field("a \"b\"", Kind::Text)] };
    is(&point, r#"(1,"a ""b"" \\ (,)")"#, r#"{"x":1,"a \"b\"":"a \"b\" \\ (,)"}"#);
    is(&point, "(,)", r#"{"x":null,"a \"b\"":null}"#);
    is(&point, "(1,\"\")", r#"{"x":1,"a \"b\"":""}"#);
    let line = Kind::array(point);
    is(&line, r#"{"(1,a)","(2,\"b,c\")"}"#, r#"[{"x":1,"a \"b\"":"a"},{"x":2,"a \"b\"":"b,c"}]"#);
    is(&Kind::Composite { fields: Vec::new() }, "()", "{}");
}

#[test]
fn a_row_of_another_number_of_fields_than_its_type_stays_a_text() {
    let field = |name: &str| Field { name: name.into(), kind: Kind::Number };
    let pair = Kind::Composite { fields: vec![field("x"), field("y")] };
    for text in ["(1)", "(1,2,3)", "(,,)", "()"] {
        is(&pair, text, &format!("\"{text}\""));
    }
    is(&pair, r#"(1,"a "",b"" \\"" c")"#, r#"{"x":1,"y":"a \",b\" \\\" c"}"#);
}

#[test]
fn what_is_no_value_is_an_error_and_no_panic() {
    let row = Kind::Composite { fields: vec![Field { name: "a".into(), kind: Kind::Number }] };
    let numbers = Kind::array(Kind::Number);
    for (kind, texts) in [
        (&Kind::Bool, &["x", ""][..]),
        (&Kind::Bytes, &["", "\\x1", "\\xgg", "ab"]),
        (&numbers, &["", "{", "{1", "{1}}", "{\"", "1", "[1:2]", "{{{{{{{1}}}}}}}", "{1;2"]),
        (&row, &["", "(", "(1", "(1,2)", "()x", "(\"1)"]),
    ] {
        for text in texts {
            let found = json(kind, text);
            assert!(found.is_err() || !found.unwrap().contains(['{', '[']), "{text}");
        }
    }
}
