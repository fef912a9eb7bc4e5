//! Texts that are times.

use chrono::{DateTime, NaiveDate, SecondsFormat};

/// The microseconds since 1970 of an RFC 3339 time in UTC. `None` for any other text, and for one that a number of
/// microseconds would not say all of: another offset, a leap second, finer fractions, another way to write it.
pub(super) fn micros(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !(20..=27).contains(&bytes.len()) || bytes[10] != b'T' || bytes[bytes.len() - 1] != b'Z' {
        return None;
    }
    if bytes[17] == b'6' {
        return None;
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros())
}

/// A time as text, with three, six or no digits after the second.
pub(super) fn from_micros(micros: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(micros)?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// The days since 1970 of a text like `2026-11-26`.
pub(super) fn days(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' || !bytes[0].is_ascii_digit() {
        return None;
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text).then(|| date.to_epoch_days())
}

/// A date as text.
pub(super) fn from_days(days: i32) -> Option<String> {
    NaiveDate::from_epoch_days(days).map(|date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_were_or_are_left_as_text() {
        for text in ["2026-11-26T10:05:00Z", "1969-12-31T23:59:59.999999Z", "2026-03-29T01:30:00.120Z"] {
            assert_eq!(from_micros(micros(text).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(micros("2026-11-26T10:05:00.000Z"), micros("2026-11-26T10:05:00Z"));
        for text in [
            "2026-11-26T10:05:00+01:00",
            "2026-11-26 10:05:00Z",
            "2026-11-26T10:05:00",
            "2016-12-31T23:59:60Z",
            "2026-11-26T10:05:00.1234567Z",
            "2026-02-30T10:05:00Z",
            "yesterday",
            "äääääääääZ",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
        for text in ["2026-11-26", "1969-12-31", "0001-01-01"] {
            assert_eq!(from_days(days(text).unwrap()).as_deref(), Some(text));
        }
        for text in ["2026-1-2", "2026-02-30", "20261126", "+026-01-01", "2026-11-2 "] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
