//! Asking only for what has changed since.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::probe::is_pointer;
use datalake_core::{Error, Result};

/// How a timestamp is written into the query, and what a number in a record means. Always rounded down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeFormat {
    /// RFC 3339 in UTC with as many digits as needed: `2024-01-03T02:49:00Z`.
    #[default]
    Rfc3339,
    /// The date alone, in UTC: `2024-01-03`.
    Date,
    /// Whole seconds since 1970.
    Seconds,
    /// Whole milliseconds since 1970.
    Millis,
}

/// Asks in every cycle only for the records changed since the one before.
///
/// The lower bound sent is the greatest timestamp seen, less the look-back, and the server must take it as inclusive
/// (or the look-back must be longer than nothing). It moves only when a cycle is complete, never beyond the moment
/// the cycle began, and is never rounded up. So a record is not lost if it
///
/// * shares its timestamp with others, however many, as long as the pagination reaches them all;
/// * becomes visible late, by no more than the look-back;
/// * changes while the pages are read.
///
/// The price: records inside the look-back come again. A page whose records are byte for byte those of a page of the
/// cycle before is not given again; a page with anything new is given whole, since documents are never altered.
/// Remove what is then known already by `(id, content)` downstream, for instance with a `dedupe` transform.
///
/// Timestamps are read as RFC 3339, as date and time without a zone (taken as UTC), as a date, or as a number
/// (seconds since 1970, or milliseconds with [`TimeFormat::Millis`]). A record without a timestamp that can be read
/// is given like any other and leaves the bound where it is. If no record of a page has one, the pointer is wrong,
/// and that is an error.
///
/// ```
/// use std::time::Duration;
///
/// use datalake_connectors::web::poll::{Incremental, Pagination, PollSource};
/// use datalake_core::Dataset;
///
/// let source = PollSource::builder(Dataset::new("shop/orders")?, "https://shop.example/orders")
///     .records("/items")
///     .pagination(Pagination::next_url("/next"))
///     .incremental(Incremental::since("updated_since", "/updated_at").look_back(Duration::from_secs(600)))
///     .build()?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Incremental {
    pub(super) since: String,
    text: Option<String>,
    pub(super) timestamp: String,
    pub(super) id: Option<(String, String)>,
    pub(super) look_back: Duration,
    pub(super) format: TimeFormat,
    pub(super) start: Option<DateTime<Utc>>,
}

impl Incremental {
    /// The settings as lineage keeps them.
    pub(super) fn config(&self) -> Value {
        let id = self.id.as_ref();
        json!({
            "since": self.since,
            "text": self.text,
            "timestamp": self.timestamp,
            "id": id.map(|(id, parameter)| json!({ "id": id, "parameter": parameter })),
            "look_back_seconds": self.look_back.as_secs_f64(),
            "format": self.format,
            "start": self.start,
        })
    }

    /// By the query parameter that takes the lower bound, and where a record has its timestamp (a JSON Pointer). The
    /// look-back is five minutes.
    pub fn since(parameter: impl Into<String>, timestamp: impl Into<String>) -> Self {
        Self {
            since: parameter.into(),
            text: None,
            timestamp: timestamp.into(),
            id: None,
            look_back: Duration::from_secs(300),
            format: TimeFormat::default(),
            start: None,
        }
    }

    /// Where a record has its id (a JSON Pointer), and the parameter that takes one: the server then gives what comes
    /// after `(timestamp, id)` in its own order. Goes with [`Pagination::keyset`](super::Pagination::keyset) only.
    #[must_use]
    pub fn id(mut self, pointer: impl Into<String>, parameter: impl Into<String>) -> Self {
        self.id = Some((pointer.into(), parameter.into()));
        self
    }

    /// How much before the greatest timestamp seen to ask again: longer than it takes a record to become visible
    /// after it got its timestamp.
    #[must_use]
    pub fn look_back(mut self, look_back: Duration) -> Self {
        self.look_back = look_back;
        self
    }

    /// Sends the lower bound in a text, in the place of `{since}`: `updated_at:>='{since}'`.
    #[must_use]
    pub fn within(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    fn bound(&self, at: DateTime<Utc>) -> String {
        let at = self.format.write(at);
        self.text.as_ref().map_or_else(|| at.clone(), |text| text.replace("{since}", &at))
    }

    /// How the lower bound is written.
    #[must_use]
    pub fn format(mut self, format: TimeFormat) -> Self {
        self.format = format;
        self
    }

    /// The lower bound of the first cycle. By default it has none and reads everything.
    #[must_use]
    pub fn start(mut self, start: DateTime<Utc>) -> Self {
        self.start = Some(start);
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        for pointer in
            [Some(&self.timestamp), self.id.as_ref().map(|(pointer, _)| pointer)].into_iter().flatten()
        {
            if !is_pointer(pointer) || pointer.is_empty() {
                return Err(
                    Error::config("a field of a record is named by a JSON Pointer").with("found", pointer)
                );
            }
        }
        Ok(())
    }

    /// The parameters for a cycle that goes on after a mark.
    pub(super) fn lower_bound(&self, mark: Option<&Mark>) -> Vec<(&str, String)> {
        match mark {
            Some(mark) if self.look_back.is_zero() => self.after(mark),
            Some(mark) => {
                let back = TimeDelta::from_std(self.look_back).unwrap_or(TimeDelta::MAX);
                let at = mark.at.checked_sub_signed(back).unwrap_or(DateTime::<Utc>::MIN_UTC);
                vec![(&self.since, self.bound(at))]
            }
            None => self.start.iter().map(|start| (self.since.as_str(), self.bound(*start))).collect(),
        }
    }

    /// The parameters for the page after a mark.
    pub(super) fn after(&self, mark: &Mark) -> Vec<(&str, String)> {
        let mut pairs = vec![(self.since.as_str(), self.bound(mark.at))];
        if let (Some((_, parameter)), Some(id)) = (&self.id, &mark.id) {
            pairs.push((parameter, id.clone()));
        }
        pairs
    }
}

/// How far the records of a source have been seen: a timestamp, and for keyset pages the id of the last record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
}

impl Mark {
    /// Whether this comes after another in the order of the server, which is known for timestamps only.
    pub(super) fn follows(&self, other: &Self) -> bool {
        self.at > other.at || (self.at == other.at && self.id.is_some() && self.id != other.id)
    }
}

impl TimeFormat {
    pub(super) fn write(self, at: DateTime<Utc>) -> String {
        match self {
            Self::Rfc3339 => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Self::Date => at.format("%Y-%m-%d").to_string(),
            Self::Seconds => at.timestamp().to_string(),
            Self::Millis => at.timestamp_millis().to_string(),
        }
    }

    /// Reads the timestamp of a record.
    pub(super) fn read(self, value: &RawValue) -> Option<DateTime<Utc>> {
        let text = text(value)?;
        let text = text.trim();
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Some(at.to_utc());
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
            if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
                return Some(at.and_utc());
            }
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%#z"] {
            if let Ok(at) = DateTime::parse_from_str(text, format) {
                return Some(at.to_utc());
            }
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(date.and_time(chrono::NaiveTime::MIN).and_utc());
        }
        self.number(text)
    }

    /// A number since 1970, its fraction cut below a nanosecond.
    fn number(self, text: &str) -> Option<DateTime<Utc>> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let (negative, whole) = whole.strip_prefix('-').map_or((false, whole), |whole| (true, whole));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let unit: i128 = if self == Self::Millis { 1_000_000 } else { 1_000_000_000 };
        let places = if self == Self::Millis { 6 } else { 9 };
        let fraction: String = fraction.chars().chain("000000000".chars()).take(places).collect();
        let nanos = whole.parse::<i128>().ok()?.checked_mul(unit)?.checked_add(fraction.parse().ok()?)?;
        let nanos = if negative { -nanos } else { nanos };
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
        DateTime::from_timestamp(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?)
    }
}

/// The text of a string or a number.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: TimeFormat, json: &str) -> Option<String> {
        let value: &RawValue = serde_json::from_str(json).unwrap();
        format.read(value).map(|at| TimeFormat::Rfc3339.write(at))
    }

    #[test]
    fn a_timestamp_is_read_as_an_instant() {
        for (json, at) in [
            (r#""2024-01-03T04:49:00+02:00""#, "2024-01-03T02:49:00Z"),
            (r#""2024-01-03T02:49:00.123456789Z""#, "2024-01-03T02:49:00.123456789Z"),
            (r#""2024-01-03T02:49:00.1234567899Z""#, "2024-01-03T02:49:00.123456789Z"),
            (r#""2024-01-03 02:49:00""#, "2024-01-03T02:49:00Z"),
            (r#""2024-01-03 04:49:00.5+02""#, "2024-01-03T02:49:00.500Z"),
            (r#""2024-01-03T04:49:00+0200""#, "2024-01-03T02:49:00Z"),
            (r#""2024-01-03""#, "2024-01-03T00:00:00Z"),
            ("1704250140", "2024-01-03T02:49:00Z"),
            ("1704250140.9999999999", "2024-01-03T02:49:00.999999999Z"),
            (r#""1704250140""#, "2024-01-03T02:49:00Z"),
            ("-1", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(TimeFormat::Rfc3339, json).as_deref(), Some(at), "{json}");
        }
        assert_eq!(read(TimeFormat::Millis, "1704250140250").unwrap(), "2024-01-03T02:49:00.250Z");
        for json in [
            "null",
            "true",
            r#""soon""#,
            "{}",
            r#""""#,
            "1e9",
            "99999999999999999999999999999999999999999",
            "170141183460469231731687303715.999999999",
        ] {
            assert_eq!(read(TimeFormat::Rfc3339, json), None, "{json}");
        }
    }

    #[test]
    fn a_bound_is_rounded_down() {
        let at: DateTime<Utc> = "2024-01-03T02:49:00.999999999Z".parse().unwrap();
        assert_eq!(TimeFormat::Rfc3339.write(at), "2024-01-03T02:49:00.999999999Z");
        assert_eq!(TimeFormat::Seconds.write(at), "1704250140");
        assert_eq!(TimeFormat::Millis.write(at), "1704250140999");
        assert_eq!(TimeFormat::Date.write(at), "2024-01-03");
        let before: DateTime<Utc> = "1969-12-31T23:59:59.5Z".parse().unwrap();
        assert_eq!(TimeFormat::Seconds.write(before), "-1");
    }
}
