//! The event, read with tolerance: emulators and older samples of AWS leave out ids, or write texts for numbers.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::{Error, ErrorKind, RecordError, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event. Texts are slices of its bytes wherever they hold no escape.
#[derive(Debug, Default)]
pub(super) struct Event {
    pub(super) invocation: String,
    pub(super) stream: String,
    pub(super) records: Vec<Given>,
}

/// One record of an event.
#[derive(Debug)]
pub(super) struct Given {
    /// The id as it stands in the JSON, quotes included; empty if there is none that can be given back.
    pub(super) id: Bytes,
    /// What Firehose was given, in Base64.
    pub(super) data: Result<Bytes, RecordError>,
    /// When Firehose got it.
    pub(super) arrival: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer<'a, T> {
    #[serde(default, borrow)]
    invocation_id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    delivery_stream_arn: Option<&'a RawValue>,
    records: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inner<'a> {
    #[serde(default, borrow)]
    record_id: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(default, borrow)]
    approximate_arrival_timestamp: Option<&'a RawValue>,
}

/// A record of which nothing is sure.
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

impl Event {
    /// Reads an event. A record that is odd costs no other: it is there with the reason.
    ///
    /// # Errors
    /// [`RecordInvalid`](ErrorKind::RecordInvalid) if it is not JSON or has no list of records.
    pub(super) fn read(bytes: &Bytes) -> Result<Self> {
        // Looked at once, and not text by text.
        let text = simdutf8::basic::from_utf8(bytes).ok();
        if let Some(Ok(outer)) = text.map(serde_json::from_str::<Outer<'_, Inner<'_>>>) {
            return Ok(Self::of(&outer, |inner| Given {
                id: id(bytes, inner.record_id),
                data: Ok(shared(bytes, &inner.data)),
                arrival: inner.approximate_arrival_timestamp.and_then(time),
            }));
        }
        let outer: Outer<'_, &RawValue> = serde_json::from_slice(bytes).map_err(|cause| {
            Error::new(ErrorKind::RecordInvalid, "this is no event of Firehose")
                .with("line", cause.line())
                .with("column", cause.column())
        })?;
        Ok(Self::of(&outer, |raw| odd(bytes, raw)))
    }

    fn of<T>(outer: &Outer<'_, T>, given: impl Fn(&T) -> Given) -> Self {
        Self {
            invocation: outer.invocation_id.and_then(text).unwrap_or_default(),
            stream: outer.delivery_stream_arn.and_then(text).unwrap_or_default(),
            records: outer.records.iter().map(given).collect(),
        }
    }
}

fn odd(bytes: &Bytes, raw: &RawValue) -> Given {
    let no_data = || RecordError::new("data", "the record has no data in Base64");
    match serde_json::from_str::<Odd<'_>>(raw.get()) {
        Ok(odd) => {
            let data = odd.data.and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok());
            Given {
                id: id(bytes, odd.record_id),
                data: data.map(|data| shared(bytes, &data)).ok_or_else(no_data),
                arrival: odd.approximate_arrival_timestamp.and_then(time),
            }
        }
        Err(_) => Given { id: Bytes::new(), data: Err(no_data()), arrival: None },
    }
}

/// A text as a slice of the event, if it is one.
fn shared(bytes: &Bytes, text: &str) -> Bytes {
    let (all, part) = (bytes.as_ptr_range(), text.as_bytes().as_ptr_range());
    if part.start >= all.start && part.end <= all.end {
        bytes.slice_ref(text.as_bytes())
    } else {
        Bytes::copy_from_slice(text.as_bytes())
    }
}

/// The id as it is to be given back: the same text if it has no escape, and else the one way to write it.
fn id(bytes: &Bytes, raw: Option<&RawValue>) -> Bytes {
    let Some(raw) = raw.map(RawValue::get) else { return Bytes::new() };
    match raw.as_bytes().first() {
        Some(b'"') if raw.len() == 2 => Bytes::new(),
        Some(b'"') if raw.contains('\\') => {
            let plain = serde_json::from_str::<String>(raw).and_then(|text| serde_json::to_string(&text));
            plain.map_or_else(|_| shared(bytes, raw), Bytes::from)
        }
        Some(b'"' | b'-' | b'0'..=b'9') => shared(bytes, raw),
        _ => Bytes::new(),
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Milliseconds since 1970 as a number or a text, or a time in RFC 3339.
fn time(raw: &RawValue) -> Option<DateTime<Utc>> {
    let raw = raw.get().trim_matches('"');
    match raw.parse::<f64>() {
        Ok(millis) => DateTime::from_timestamp_millis(millis as i64),
        Err(_) => DateTime::parse_from_rfc3339(raw).ok().map(|time| time.to_utc()),
    }
}
