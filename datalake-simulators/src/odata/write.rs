//! Rows in JSON and in Atom.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Version;
use super::entity::{Entity, Kind};
use super::literal::plain;
use super::value::Value;

/// A text as JSON has it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A text as XML has it.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#xD;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Appends a value as a version has it in JSON. Numbers that a double cannot hold are texts in V2, and in V4 if `exact`.
pub(crate) fn value(out: &mut String, version: Version, exact: bool, kind: Kind, value: &Value) {
    let v2 = version == Version::V2;
    let text = match (kind, value) {
        (_, Value::Null) => "null".into(),
        (Kind::DateTime | Kind::Date, Value::Moment(millis)) if v2 => format!("\"\\/Date({millis})\\/\""),
        (Kind::DateTimeOffset, Value::Moment(millis)) if v2 => format!("\"\\/Date({millis}+0000)\\/\""),
        (_, Value::Initial) if v2 => "\"0000-00-00T00:00:00\"".into(),
        (_, Value::Time(_)) if v2 => format!("\"{}\"", duration(value)),
        (_, Value::Binary(bytes)) if v2 => format!("\"{}\"", STANDARD.encode(bytes)),
        (Kind::Int64 | Kind::Decimal { .. }, _) if v2 || exact => format!("\"{}\"", plain(kind, value)),
        (Kind::Double, Value::Double(number)) if v2 || !number.is_finite() => {
            format!("\"{}\"", plain(kind, value))
        }
        (_, Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_) | Value::Double(_)) => {
            plain(kind, value)
        }
        _ => quoted(&plain(kind, value)),
    };
    out.push_str(&text);
}

fn duration(value: &Value) -> String {
    let Value::Time(seconds) = value else { return String::new() };
    format!("PT{:02}H{:02}M{:02}S", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Appends a row's properties to an entry of Atom.
pub(crate) fn properties(out: &mut String, entity: &Entity, shown: &[usize], row: &[Value]) {
    out.push_str("<m:properties>");
    for n in shown {
        let property = &entity.properties[*n];
        let name = &property.name;
        let text = match (property.kind, &row[*n]) {
            (_, Value::Null) => {
                write!(out, "<d:{name} m:null=\"true\"/>").ok();
                continue;
            }
            (Kind::DateTime | Kind::Date, moment @ Value::Moment(_)) => {
                plain(Kind::DateTime, moment).trim_end_matches('Z').to_owned()
            }
            (_, Value::Initial) => "0000-00-00T00:00:00".into(),
            (_, time @ Value::Time(_)) => duration(time),
            (_, Value::Binary(bytes)) => STANDARD.encode(bytes),
            (kind, value) => plain(kind, value),
        };
        write!(out, "<d:{name}>{}</d:{name}>", escaped(&text)).ok();
    }
    out.push_str("</m:properties>");
}
