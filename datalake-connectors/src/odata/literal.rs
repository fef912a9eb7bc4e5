//! Values of a page as literals of a query, without going through a number: nothing is rounded.

use chrono::{DateTime, Duration, SecondsFormat};
use serde_json::value::RawValue;

use super::Version;
use datalake_core::{Error, Result};

/// The literal of a value as it stands in JSON, for a property of a type. `None` for null and for the initial dates of
/// SAP, which are no dates.
///
/// # Errors
/// `Unexpected` if the value is none of the type.
pub(crate) fn literal(value: &RawValue, kind: &str, version: Version) -> Result<Option<String>> {
    let raw = value.get();
    if raw == "null" {
        return Ok(None);
    }
    let text =
        if raw.starts_with('"') { serde_json::from_str(raw).map_err(|_| odd(kind))? } else { raw.to_owned() };
    let plain = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:".contains(c)) && !text.is_empty()
    };
    let literal = match (kind, version) {
        ("Edm.String", _) => format!("'{}'", text.replace('\'', "''")),
        ("Edm.DateTime" | "Edm.DateTimeOffset", Version::V2) => {
            if is_initial(&text) {
                return Ok(None);
            }
            let date = date(&text).ok_or_else(|| odd(kind))?;
            let shown = date.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            match kind {
                "Edm.DateTime" => format!("datetime'{}'", shown.trim_end_matches('Z')),
                _ => format!("datetimeoffset'{shown}'"),
            }
        }
        _ if !plain(&text) => return Err(odd(kind)),
        (_, _) if is_initial(&text) => return Ok(None),
        ("Edm.Guid", Version::V2) => format!("guid'{text}'"),
        ("Edm.Time" | "Edm.Duration", _) if duration(&text).is_none() => return Err(odd(kind)),
        ("Edm.Time", _) => format!("time'{text}'"),
        ("Edm.Duration", _) => format!("duration'{text}'"),
        ("Edm.Int64", Version::V2) => format!("{text}L"),
        _ => text,
    };
    Ok(Some(literal))
}

/// A moment as a literal of a type of time.
pub(crate) fn moment(at: DateTime<chrono::Utc>, kind: &str, version: Version) -> Option<String> {
    let shown = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Some(match (kind, version) {
        ("Edm.DateTime", Version::V2) => format!("datetime'{}'", shown.trim_end_matches('Z')),
        ("Edm.DateTimeOffset", Version::V2) => format!("datetimeoffset'{shown}'"),
        ("Edm.DateTimeOffset", Version::V4) => shown,
        _ => return None,
    })
}

/// What orders values of a type of time: nanoseconds since 1970. `None` for other types.
pub(crate) fn order(value: &RawValue, kind: &str) -> Option<i128> {
    if !matches!(kind, "Edm.DateTime" | "Edm.DateTimeOffset") {
        return None;
    }
    let text: String = serde_json::from_str(value.get()).ok()?;
    let date = date(&text)?;
    Some(i128::from(date.timestamp()) * 1_000_000_000 + i128::from(date.timestamp_subsec_nanos()))
}

/// A moment as JSON writes it: `/Date(1704067261007+0120)/`, where the offset is of minutes and changes nothing, since
/// the milliseconds are UTC already; or as ISO 8601, with an offset or without.
pub(crate) fn date(text: &str) -> Option<DateTime<chrono::Utc>> {
    let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) else {
        let zoned = DateTime::parse_from_rfc3339(text).map(|date| date.to_utc());
        return zoned.or_else(|_| text.parse().map(|plain: chrono::NaiveDateTime| plain.and_utc())).ok();
    };
    let end =
        inner.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map_or(inner.len(), |(at, _)| at);
    let (millis, offset) = inner.split_at(end);
    if !offset.is_empty() && offset[1..].parse::<u16>().is_err() {
        return None;
    }
    DateTime::from_timestamp_millis(millis.parse().ok()?)
}

/// Whether a text is a date that SAP writes where there is none.
pub(crate) fn is_initial(text: &str) -> bool {
    matches!(text, "00000000" | "0000-00-00" | "0000-00-00T00:00:00" | "0000-00-00T00:00:00Z")
}

/// A duration of days, hours, minutes and seconds, as `Edm.Time` and `Edm.Duration` write it: `-P1DT2H3M4.5S`. Years and
/// months have no fixed length and are refused.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let mut total = Duration::zero();
    let mut any = false;
    for (part, units) in [(days, "D"), (time, "HMS")] {
        let mut part = part;
        let mut allowed = units;
        while !part.is_empty() {
            let at = part.find(|c: char| c.is_ascii_alphabetic())?;
            let (number, unit) = (&part[..at], &part[at..=at]);
            let place = allowed.find(unit)?;
            allowed = &allowed[place + 1..];
            part = &part[at + 1..];
            total = total.checked_add(&length(number, unit)?)?;
            any = true;
        }
    }
    (any && !(rest.ends_with('T'))).then_some(if negative { -total } else { total })
}

fn length(number: &str, unit: &str) -> Option<Duration> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if !digits(whole) || (number.contains('.') && (!digits(part) || unit != "S")) {
        return None;
    }
    let whole = whole.parse().ok()?;
    let nanos: String = part.chars().chain("000000000".chars()).take(9).collect();
    let whole = match unit {
        "D" => Duration::try_days(whole),
        "H" => Duration::try_hours(whole),
        "M" => Duration::try_minutes(whole),
        _ => Duration::try_seconds(whole),
    };
    whole?.checked_add(&Duration::nanoseconds(nanos.parse().ok()?))
}

fn odd(kind: &str) -> Error {
    Error::unexpected("a value is none of the type that $metadata gives it").with("type", kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, kind: &str, version: Version) -> Option<String> {
        literal(&RawValue::from_string(json.to_owned()).unwrap(), kind, version).unwrap()
    }

    #[test]
    fn values_become_literals_without_losing_a_digit() {
        use Version::{V2, V4};
        for (json, kind, version, expected) in [
            ("\"0000001234\"", "Edm.String", V2, "'0000001234'"),
            ("\"it's \"", "Edm.String", V4, "'it''s '"),
            ("\"9007199254740993\"", "Edm.Int64", V2, "9007199254740993L"),
            ("9007199254740993", "Edm.Int64", V4, "9007199254740993"),
            ("\"9007199254740993\"", "Edm.Int64", V4, "9007199254740993"),
            (
                "\"1234567890123456789012345678901234567890.12\"",
                "Edm.Decimal",
                V2,
                "1234567890123456789012345678901234567890.12",
            ),
            ("1.10", "Edm.Decimal", V4, "1.10"),
            ("\"/Date(1704067261007)/\"", "Edm.DateTime", V2, "datetime'2024-01-01T00:01:01.007'"),
            (
                "\"/Date(1704067261000+0120)/\"",
                "Edm.DateTimeOffset",
                V2,
                "datetimeoffset'2024-01-01T00:01:01Z'",
            ),
            ("\"\\/Date(-62135596800000)\\/\"", "Edm.DateTime", V2, "datetime'0001-01-01T00:00:00'"),
            (
                "\"2024-01-01T00:01:01.123456789Z\"",
                "Edm.DateTimeOffset",
                V4,
                "2024-01-01T00:01:01.123456789Z",
            ),
            ("\"2024-01-01\"", "Edm.Date", V4, "2024-01-01"),
            ("\"PT10H\"", "Edm.Time", V2, "time'PT10H'"),
            (
                "\"3c3a8e7c-1b5e-4a8e-9d0f-0123456789ab\"",
                "Edm.Guid",
                V2,
                "guid'3c3a8e7c-1b5e-4a8e-9d0f-0123456789ab'",
            ),
            (
                "\"3c3a8e7c-1b5e-4a8e-9d0f-0123456789ab\"",
                "Edm.Guid",
                V4,
                "3c3a8e7c-1b5e-4a8e-9d0f-0123456789ab",
            ),
        ] {
            assert_eq!(of(json, kind, version).as_deref(), Some(expected), "{json} {kind}");
        }
    }

    #[test]
    fn null_and_the_initial_dates_have_no_literal() {
        for json in ["null", "\"0000-00-00T00:00:00\"", "\"00000000\""] {
            assert_eq!(of(json, "Edm.DateTime", Version::V2), None);
        }
        assert_eq!(
            of("\"00000000\"", "Edm.String", Version::V2).as_deref(),
            Some("'00000000'"),
            "text is text"
        );
    }

    #[test]
    fn no_value_can_break_out_of_its_literal() {
        for (json, kind) in
            [("\"1 or 1 eq 1\"", "Edm.Int64"), ("\"x' or '\"", "Edm.Guid"), ("\"\"", "Edm.Decimal")]
        {
            let value = RawValue::from_string(json.to_owned()).unwrap();
            assert!(literal(&value, kind, Version::V4).is_err(), "{json}");
        }
    }

    #[test]
    fn dates_are_read_in_every_way_they_are_written() {
        for (text, millis) in [
            ("/Date(1704067200000)/", Some(1_704_067_200_000)),
            ("/Date(1704067200000-0060)/", Some(1_704_067_200_000)),
            ("/Date(-1)/", Some(-1)),
            ("/Date(-1+0000)/", Some(-1)),
            ("2024-01-01T00:00:00", Some(1_704_067_200_000)),
            ("2024-01-01T01:00:00+01:00", Some(1_704_067_200_000)),
            ("/Date(x)/", None),
            ("/Date(1+x)/", None),
            ("/Date()/", None),
            ("yesterday", None),
        ] {
            assert_eq!(date(text).map(|date| date.timestamp_millis()), millis, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_nonsense_is_not() {
        for (text, millis) in [
            ("PT00H01M01S", Some(61_000)),
            ("PT13H20M", Some(48_000_000)),
            ("-P1DT2H", Some(-93_600_000)),
            ("PT1.5S", Some(1_500)),
            ("PT0.001S", Some(1)),
            ("P1D", Some(86_400_000)),
            ("P", None),
            ("PT", None),
            ("P1M", None),
            ("PT1M1H", None),
            ("PT1.5H", None),
            ("1S", None),
            ("PTS", None),
            ("PT9999999999999999999S", None),
        ] {
            assert_eq!(duration(text).map(|length| length.num_milliseconds()), millis, "{text}");
        }
    }
}
