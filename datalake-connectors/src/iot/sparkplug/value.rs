//! Values by their types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Number, Value, json};

use super::payload::{DataSet, MetaData, PropertyContent, PropertySet, Simple};

/// The names of types, from 1.
const NAMES: [&str; 34] = [
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float",
    "Double",
    "Boolean",
    "String",
    "DateTime",
    "Text",
    "UUID",
    "DataSet",
    "Bytes",
    "File",
    "Template",
    "PropertySet",
    "PropertySetList",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Int64Array",
    "UInt8Array",
    "UInt16Array",
    "UInt32Array",
    "UInt64Array",
    "FloatArray",
    "DoubleArray",
    "BooleanArray",
    "StringArray",
    "DateTimeArray",
];
const DATE_TIME: u32 = 13;

/// Sets of properties, and templates, nested deeper than this are refused.
pub(super) const MAX_DEPTH: usize = 16;

/// Something is nested too deep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// The name of a type; `None` for one that is not known.
pub(super) fn name(datatype: u32) -> Option<&'static str> {
    NAMES.get(usize::try_from(datatype.checked_sub(1)?).ok()?).copied()
}

/// Milliseconds since 1970 as RFC 3339, or as the number where they are beyond any calendar.
pub(super) fn time(millis: u64) -> Value {
    let at = i64::try_from(millis).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
    // Years of more than four digits are none in RFC 3339.
    match at.filter(|_| millis < 253_402_300_800_000) {
        Some(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        None => millis.into(),
    }
}

/// The bits of an integer by its type. Without one, and where they do not fit it, they are unsigned.
pub(super) fn integer(datatype: Option<u32>, bits: u64) -> Value {
    let signed = match datatype {
        Some(1) => signed(bits, 8),
        Some(2) => signed(bits, 16),
        Some(3) => signed(bits, 32),
        Some(4) => signed(bits, 64),
        Some(DATE_TIME) => return time(bits),
        _ => None,
    };
    signed.map_or_else(|| bits.into(), Into::into)
}

/// Two's complement of so many bits, also where it is extended to 32 or 64.
fn signed(bits: u64, width: u32) -> Option<i64> {
    let extended = |from: u32| ((bits << (64 - from)).cast_signed()) >> (64 - from);
    let fits = |value: i64| {
        let most = i64::MAX >> (64 - width);
        (-most - 1..=most).contains(&value).then_some(value)
    };
    let length = 64 - bits.leading_zeros();
    match length {
        length if length <= width => Some(extended(width)),
        0..=32 => fits(extended(32)),
        _ => fits(bits.cast_signed()),
    }
}

pub(super) fn float(value: f32) -> Value {
    // The shortest decimal that is this float, not the one that is the double next to it.
    match value.to_string().parse() {
        Ok(short) if value.is_finite() => double(short),
        _ => double(f64::from(value)),
    }
}

pub(super) fn double(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

pub(super) fn bytes(value: &[u8]) -> Value {
    STANDARD.encode(value).into()
}

pub(super) fn simple(datatype: Option<u32>, value: Option<Simple>) -> Value {
    match value {
        None => Value::Null,
        Some(Simple::Int(bits)) => integer(datatype, bits.into()),
        Some(Simple::Long(bits)) => integer(datatype, bits),
        Some(Simple::Float(value)) => float(value),
        Some(Simple::Double(value)) => double(value),
        Some(Simple::Boolean(value)) => value.into(),
        Some(Simple::Text(value)) => value.into(),
    }
}

pub(super) fn data_set(set: DataSet) -> Value {
    let types: Vec<_> = set.types.iter().map(|datatype| name(*datatype)).collect();
    let rows = set.rows.into_iter().map(|row| {
        let elements = row.elements.into_iter().enumerate();
        elements.map(|(n, element)| simple(set.types.get(n).copied(), element.value)).collect::<Value>()
    });
    json!({ "columns": set.columns, "types": types, "rows": rows.collect::<Value>() })
}

/// Properties by their names. A value without a name is under `value_N`.
pub(super) fn properties(set: PropertySet, depth: usize) -> Result<Value, TooDeep> {
    if depth >= MAX_DEPTH {
        return Err(TooDeep);
    }
    let mut all = Map::new();
    let mut keys = set.keys.into_iter();
    for (n, property) in set.values.into_iter().enumerate() {
        let key = keys.next().unwrap_or_else(|| format!("value_{n}"));
        let datatype = property.datatype;
        let value = match property.value {
            _ if property.is_null == Some(true) => Value::Null,
            Some(PropertyContent::Set(set)) => properties(set, depth + 1)?,
            Some(PropertyContent::List(list)) => {
                let sets = list.sets.into_iter().map(|set| properties(set, depth + 1));
                Value::Array(sets.collect::<Result<_, _>>()?)
            }
            Some(PropertyContent::Int(bits)) => integer(datatype, bits.into()),
            Some(PropertyContent::Long(bits)) => integer(datatype, bits),
            Some(PropertyContent::Float(value)) => float(value),
            Some(PropertyContent::Double(value)) => double(value),
            Some(PropertyContent::Boolean(value)) => value.into(),
            Some(PropertyContent::Text(value)) => value.into(),
            None => Value::Null,
        };
        all.insert(key, json!({ "type": datatype.and_then(name), "value": value }));
    }
    for key in keys {
        all.insert(key, json!({ "type": null, "value": null }));
    }
    Ok(Value::Object(all))
}

/// What is said about a metric; what is not said is left out.
pub(super) fn metadata(data: MetaData) -> Value {
    let all = [
        ("is_multi_part", data.is_multi_part.map(Value::from)),
        ("content_type", data.content_type.map(Value::from)),
        ("size", data.size.map(Value::from)),
        ("seq", data.seq.map(Value::from)),
        ("file_name", data.file_name.map(Value::from)),
        ("file_type", data.file_type.map(Value::from)),
        ("md5", data.md5.map(Value::from)),
        ("description", data.description.map(Value::from)),
    ];
    let said = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(said.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_integer_is_signed_again_however_far_it_was_extended() {
        for (datatype, bits, value) in [
            (1, 0xF9, json!(-7)),
            (1, 0xFFFF_FFF9, json!(-7)),
            (1, 0xFFFF_FFFF_FFFF_FFF9, json!(-7)),
            (1, 0x7F, json!(127)),
            (1, 0x1F9, json!(0x1F9)),
            (2, 0xFFFF_8000, json!(-32_768)),
            (3, 0xFFFF_FFF9, json!(-7)),
            (3, 0x8000_0000, json!(i32::MIN)),
            (4, u64::MAX, json!(-1)),
            (4, 1 << 63, json!(i64::MIN)),
            (8, u64::MAX, json!(u64::MAX)),
            (7, 0xFFFF_FFFF, json!(u32::MAX)),
        ] {
            assert_eq!(integer(Some(datatype), bits), value, "{datatype} {bits:x}");
        }
        assert_eq!(integer(None, 0xFFFF_FFF9), json!(0xFFFF_FFF9_u32));
    }

    #[test]
    fn a_float_is_the_shortest_number_that_it_is() {
        assert_eq!(float(0.1).to_string(), "0.1");
        assert_eq!(float(f32::MAX).as_f64().unwrap() as f32, f32::MAX);
        assert_eq!((float(f32::NAN), float(f32::NEG_INFINITY)), (json!("NaN"), json!("-Infinity")));
        assert_eq!(double(1.0 / 3.0).to_string(), "0.3333333333333333");
    }

    #[test]
    fn a_time_beyond_the_calendar_stays_a_number() {
        assert_eq!(time(1_767_408_540_500), json!("2026-01-03T02:49:00.500Z"));
        assert_eq!(time(u64::MAX), json!(u64::MAX));
        assert_eq!(time(253_402_300_800_000), json!(253_402_300_800_000_u64));
    }

    #[test]
    fn types_have_names_from_one_on() {
        assert_eq!(
            (name(0), name(1), name(19), name(34), name(35)),
            (None, Some("Int8"), Some("Template"), Some("DateTimeArray"), None)
        );
    }
}
