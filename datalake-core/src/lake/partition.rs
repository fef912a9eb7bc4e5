//! Hive-style partitions: `dt=2026-11-22/region=eu`.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Value, json};

use crate::transform::{Draft, Pointer};
use crate::{Content, Error, RecordError, Result};

/// The longest value in a path, bytes after escaping.
const LONGEST: usize = 200;
/// Where a record goes that has no value to go by. Hive's own name for it.
const NOWHERE: &str = "__HIVE_DEFAULT_PARTITION__";

/// One level of Hive-style partitions, in UTC.
///
/// A value out of a record is escaped to letters, digits, `-`, `_`, `.` and `%XX`, so no record can name a path
/// outside its dataset. A record without the field goes to `__HIVE_DEFAULT_PARTITION__`; one whose field is not what
/// the partition needs (no time, or a value too long for a path) is refused.
#[derive(Debug, Clone)]
pub struct Partition {
    name: String,
    by: By,
}

#[derive(Debug, Clone)]
enum By {
    Acquired,
    Day(Pointer),
    Hour(Pointer),
    Field(Pointer),
}

impl Partition {
    /// By the day of acquisition, as `dt=2026-11-22`.
    #[must_use]
    pub fn acquired() -> Self {
        Self { name: "dt".into(), by: By::Acquired }
    }

    /// By the UTC day of a time in the record, as `dt=2026-11-22`. The time is RFC 3339, or a date, or without a zone
    /// and then UTC, or a number of seconds (or milliseconds, from 100,000,000,000 on) since 1970.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a bad JSON Pointer.
    pub fn day(pointer: &str) -> Result<Self> {
        Ok(Self { name: "dt".into(), by: By::Day(Pointer::parse(pointer)?) })
    }

    /// By the UTC hour of a time in the record, as `hour=2026-11-22T10`. The time as for [`day`](Self::day).
    ///
    /// # Errors
    /// As [`day`](Self::day).
    pub fn hour(pointer: &str) -> Result<Self> {
        Ok(Self { name: "hour".into(), by: By::Hour(Pointer::parse(pointer)?) })
    }

    /// By the value of a field, as `<name>=<value>`.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a bad JSON Pointer or a name other than letters,
    /// digits and `_`.
    pub fn field(name: &str, pointer: &str) -> Result<Self> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Error::config("a partition name is letters, digits and '_'").with("name", name));
        }
        Ok(Self { name: name.into(), by: By::Field(Pointer::parse(pointer)?) })
    }

    /// The name of the level, for instance `dt`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is by the day of acquisition, so that no record decides it.
    #[must_use]
    pub fn is_acquired(&self) -> bool {
        matches!(self.by, By::Acquired)
    }

    /// The settings, for the digest in lineage.
    #[must_use]
    pub fn describe(&self) -> Value {
        match &self.by {
            By::Acquired => json!({ "name": self.name, "by": "acquired" }),
            By::Day(pointer) => json!({ "name": self.name, "by": "day", "of": pointer.to_string() }),
            By::Hour(pointer) => json!({ "name": self.name, "by": "hour", "of": pointer.to_string() }),
            By::Field(pointer) => json!({ "name": self.name, "by": "field", "of": pointer.to_string() }),
        }
    }

    /// The value for a record, ready for a path.
    ///
    /// # Errors
    /// The reason is `partition` if the field is not what the partition needs, or as for [`Draft::field`].
    pub fn value(&self, draft: &mut Draft, acquired: DateTime<Utc>) -> Result<String, RecordError> {
        match &self.by {
            By::Acquired => Ok(acquired.format("%Y-%m-%d").to_string()),
            By::Day(pointer) => time(draft, pointer, "%Y-%m-%d"),
            By::Hour(pointer) => time(draft, pointer, "%Y-%m-%dT%H"),
            By::Field(pointer) => match find(draft, pointer)? {
                Some(found) => escape(&found, pointer),
                None => Ok(NOWHERE.into()),
            },
        }
    }
}

/// The text of a field: of a string its content, of a number or truth value its JSON. `None` for null, an object, an
/// array, or no such field.
fn find(draft: &mut Draft, pointer: &Pointer) -> Result<Option<String>, RecordError> {
    if draft.content() != Content::Json {
        return Ok(None);
    }
    let Some(raw) = draft.field(pointer)? else { return Ok(None) };
    Ok(match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok(),
        Some(b'{' | b'[' | b'n') | None => None,
        Some(_) => Some(raw.to_owned()),
    })
}

fn time(draft: &mut Draft, pointer: &Pointer, format: &str) -> Result<String, RecordError> {
    let Some(text) = find(draft, pointer)? else { return Ok(NOWHERE.into()) };
    let time = parse_time(&text)
        .ok_or_else(|| RecordError::new("partition", "the field is not a time").at(pointer.to_string()))?;
    Ok(time.format(format).to_string())
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(number) = text.parse::<f64>() {
        let seconds = if number.abs() >= 1e11 { number / 1000.0 } else { number };
        return DateTime::from_timestamp(seconds.floor() as i64, 0);
    }
    let zoneless = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let zoneless = zoneless.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    zoneless.or_else(day).map(|time| time.and_utc())
}

fn escape(text: &str, pointer: &Pointer) -> Result<String, RecordError> {
    if text.is_empty() {
        return Ok(NOWHERE.into());
    }
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || (byte == b'.' && !path.is_empty())
        {
            path.push(char::from(byte));
        } else if write!(path, "%{byte:02X}").is_err() {
            break;
        }
    }
    if path.len() > LONGEST {
        let message = format!("the value is longer than {LONGEST} bytes and cannot name a partition");
        return Err(RecordError::new("partition", message).at(pointer.to_string()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_leave_its_folder() {
        let pointer = Pointer::parse("/x").unwrap();
        for text in ["..", ".", "../../etc", "a/b", "a\\b", "\0", "\n", "ä", "a=b", "%2e%2e", ".hidden"] {
            let path = escape(text, &pointer).unwrap();
            assert!(
                !path.starts_with('.') && !path.contains(['/', '\\', '\0', '\n', '=']),
                "{text:?} -> {path}"
            );
        }
        assert!(escape(&"x".repeat(LONGEST + 1), &pointer).is_err());
        assert_eq!(escape("eu-west.1", &pointer).unwrap(), "eu-west.1");
    }

    #[test]
    fn times_are_utc_on_both_sides_of_midnight_and_of_daylight_saving() {
        let day = |text: &str| parse_time(text).unwrap().format("%Y-%m-%dT%H").to_string();
        assert_eq!(day("2026-03-29T00:30:00+01:00"), "2026-03-28T23");
        assert_eq!(day("2026-10-25T02:30:00+02:00"), "2026-10-25T00");
        assert_eq!(day("2026-10-25T02:30:00+01:00"), "2026-10-25T01");
        assert_eq!(day("2026-11-22"), "2026-11-22T00");
        assert_eq!(day("2026-11-22 10:11:12.5"), "2026-11-22T10");
        assert_eq!(day("1763809200"), "2025-11-22T11");
        assert_eq!(day("1763809200000"), "2025-11-22T11");
        assert!(parse_time("yesterday").is_none());
    }
}
