//! The event, read with tolerance: emulators and older samples of AWS leave out ids, or write texts for numbers.

use chrono::{DateTime, Utc};
use datalake_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Given, Parts, Text};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer<'a> {
    #[serde(default, borrow)]
    invocation_id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    delivery_stream_arn: Option<&'a RawValue>,
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Odd<'a> {
    #[serde(default, borrow)]
    record_id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, borrow)]
    approximate_arrival_timestamp: Option<&'a RawValue>,
}

/// Reads an event.
///
/// # Errors
/// [`RecordInvalid`](ErrorKind::RecordInvalid) if it is not JSON or has no list of records.
pub(super) fn read(bytes: &[u8]) -> Result<Parts> {
    let outer: Outer<'_> = serde_json::from_slice(bytes).map_err(|cause| {
        Error::new(ErrorKind::RecordInvalid, "this is no event of Firehose")
            .with("line", cause.line())
            .with("column", cause.column())
    })?;
    Ok(Parts {
        invocation: outer.invocation_id.and_then(text).unwrap_or_default(),
        stream: outer.delivery_stream_arn.and_then(text).unwrap_or_default(),
        records: outer.records.into_iter().map(|raw| given(bytes, raw)).collect(),
    })
}

fn given(bytes: &[u8], raw: &RawValue) -> Given {
    let Ok(odd) = serde_json::from_str::<Odd<'_>>(raw.get()) else { return Given::default() };
    Given {
        id: id(bytes, odd.record_id),
        data: odd.data.and_then(|raw| data(bytes, raw)),
        arrival: odd.approximate_arrival_timestamp.and_then(time),
    }
}

/// The data, if it is a text.
fn data(bytes: &[u8], raw: &RawValue) -> Option<Text> {
    let there = serde_json::from_str::<&str>(raw.get()).map(|text| place(bytes, text));
    there.ok().or_else(|| text(raw).map(|text| Text::Own(text.into_bytes().into())))
}

/// Where a text stands in the event, or itself.
fn place(bytes: &[u8], text: &str) -> Text {
    let (all, part) = (bytes.as_ptr_range(), text.as_bytes().as_ptr_range());
    if part.start >= all.start && part.end <= all.end {
        let start = part.start.addr() - all.start.addr();
        Text::There(start..start + text.len())
    } else {
        Text::Own(text.as_bytes().into())
    }
}

/// The id as it is to be given back: the same text if it has no escape, and else the one way to write it.
fn id(bytes: &[u8], raw: Option<&RawValue>) -> Text {
    let Some(raw) = raw.map(RawValue::get) else { return Text::default() };
    match raw.as_bytes().first() {
        Some(b'"') if raw.len() == 2 => Text::default(),
        Some(b'"') if raw.contains('\\') => {
            let plain = serde_json::from_str::<String>(raw).and_then(|text| serde_json::to_string(&text));
            plain.map_or_else(|_| place(bytes, raw), |text| Text::Own(text.into_bytes().into()))
        }
        Some(b'"' | b'-' | b'0'..=b'9') => place(bytes, raw),
        _ => Text::default(),
    }
}

pub(super) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Milliseconds since 1970 as a number or a text, or a time in RFC 3339.
pub(super) fn time(raw: &RawValue) -> Option<DateTime<Utc>> {
    let raw = raw.get().trim_matches('"');
    match raw.parse::<f64>() {
        Ok(millis) => DateTime::from_timestamp_millis(millis as i64),
        Err(_) => DateTime::parse_from_rfc3339(raw).ok().map(|time| time.to_utc()),
    }
}
