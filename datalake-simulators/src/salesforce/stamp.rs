//! Points in time as the service writes and reads them.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// `2024-01-01T00:00:00.000+0000`, as REST writes it.
pub(super) fn rest(millis: i64) -> String {
    time(millis).format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// `2024-01-01T00:00:00.000Z`, as results of Bulk have it.
pub(super) fn bulk(millis: i64) -> String {
    time(millis).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The time with an offset, or `Z`, in milliseconds since 1970.
pub(super) fn parse(text: &str) -> Option<i64> {
    let parsed = DateTime::parse_from_rfc3339(text);
    let parsed = parsed.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    parsed.ok().map(|time| time.timestamp_millis())
}

/// Whether it is a date alone.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

pub(super) fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// As HTTP has it in `Date`.
pub(super) fn http(millis: i64) -> String {
    time(millis).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
