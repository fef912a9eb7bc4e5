//! An event of Segment's libraries with what their service adds.

use chrono::{DateTime, Utc};
use datalake_core::RecordError;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::members::Members;
use super::time::{corrected, parse, received, text};
use crate::web::collect::properties::{SENT, TYPE};

const TYPES: [&str; 6] = ["track", "identify", "page", "screen", "group", "alias"];

/// The event, completed.
pub(super) fn row(body: &[u8], properties: &Map<String, Value>) -> Result<Vec<u8>, RecordError> {
    let mut row = Members::read(body).ok_or_else(|| refused("the event is no JSON object"))?;
    let property = |name: &str| properties.get(name).and_then(Value::as_str);
    match row.find("type").map(string) {
        None => {
            let kind = property(TYPE).ok_or_else(|| refused("the event has no type").at("/type"))?;
            row.set_text("type", kind);
        }
        Some(Some(kind)) if TYPES.contains(&kind.as_str()) => {}
        Some(_) => return Err(refused("the type is not known").at("/type")),
    }
    let original = match time(&row, "originalTimestamp")? {
        Some(original) => Some(original),
        None => time(&row, "timestamp")?,
    };
    let told = match time(&row, "sentAt")? {
        Some(told) => Some(told),
        None => property(SENT).and_then(|sent| Some((sent.to_owned(), parse(sent)?))),
    };
    if let Some((original, _)) = &original {
        row.set_text("originalTimestamp", original);
    }
    if let Some((told, _)) = &told {
        row.set_text("sentAt", told);
    }
    if let Some(received) = received(properties) {
        row.set_text("receivedAt", &text(received));
        row.set_text("timestamp", &text(happened(received, original.map(|o| o.1), told.map(|t| t.1))));
    }
    for name in ["network_userid", "user_ipaddress", "useragent"] {
        if let Some(value) = property(name) {
            row.set_text(name, value);
        }
    }
    Ok(row.json())
}

/// When the event happened.
fn happened(
    received: DateTime<Utc>,
    original: Option<DateTime<Utc>>,
    told: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    match (original, told) {
        (Some(original), Some(told)) => corrected(received, original, told),
        (Some(original), None) => original.min(received),
        (None, _) => received,
    }
}

/// A time of an event, as text and as time.
fn time(row: &Members, name: &str) -> Result<Option<(String, DateTime<Utc>)>, RecordError> {
    let Some(value) = row.find(name).filter(|value| value.get() != "null") else { return Ok(None) };
    let time = string(value).and_then(|text| parse(&text).map(|time| (text, time)));
    time.map(Some).ok_or_else(|| refused("it is no time as RFC 3339 writes it").at(format!("/{name}")))
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn refused(message: &str) -> RecordError {
    RecordError::new("segment", message)
}
