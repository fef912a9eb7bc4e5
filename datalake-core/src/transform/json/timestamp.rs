//! Times of any form as RFC 3339 in UTC.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};

use crate::{Error, Result};

/// How a time is written, taken apart once.
#[derive(Debug)]
pub(super) struct Format(Vec<Item<'static>>);

impl Format {
    pub(super) fn parse(format: &str) -> Result<Self> {
        let bad = || Error::config("the form of a time is wrong").with("format", format_args!("{format:?}"));
        if format.is_empty() {
            return Err(bad());
        }
        Ok(Self(StrftimeItems::new(format).parse_to_owned().map_err(|_| bad())?))
    }

    /// The time that a text of this form means, as RFC 3339 in UTC.
    pub(super) fn read(&self, text: &str) -> Option<String> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.0.iter()).ok()?;
        let time: DateTime<Utc> = if parsed.offset().is_some() {
            parsed.to_datetime().ok()?.to_utc()
        } else if let Ok(time) = parsed.to_naive_datetime_with_offset(0) {
            time.and_utc()
        } else if parsed.to_naive_time().is_err()
            && parsed.hour_div_12().is_none()
            && parsed.hour_mod_12().is_none()
        {
            parsed.to_naive_date().ok()?.and_time(NaiveTime::MIN).and_utc()
        } else {
            return None;
        };
        Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}
