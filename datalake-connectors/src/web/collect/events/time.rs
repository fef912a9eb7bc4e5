//! Times of clocks that may be wrong.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::web::collect::properties::RECEIVED;

/// When the collector received a request.
pub(super) fn received(properties: &Map<String, Value>) -> Option<DateTime<Utc>> {
    parse(properties.get(RECEIVED)?.as_str()?)
}

/// A time as RFC 3339 says.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// A time as milliseconds since 1970 say.
pub(super) fn millis(text: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(text.parse().ok()?)
}

/// A time as text, to the millisecond.
pub(in crate::web::collect) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// When something happened, by our clock, given when a device says that it happened and that it told of it. Where the device
/// contradicts itself, only when we heard of it is sure.
pub(super) fn corrected(
    received: DateTime<Utc>,
    happened: DateTime<Utc>,
    sent: DateTime<Utc>,
) -> DateTime<Utc> {
    let before = sent - happened;
    if before < chrono::TimeDelta::zero() {
        return received;
    }
    received.checked_sub_signed(before).unwrap_or(received)
}
