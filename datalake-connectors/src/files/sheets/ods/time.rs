//! Dates and times as OpenDocument writes them.

use super::super::kind::Kind;
use super::super::value::Value;
use crate::files::civil::{write_duration, write_time};

const PARTS: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * PARTS;

/// A date, `2024-01-31`, or a moment, `2024-01-31T12:00:00.5`. One that reads otherwise stays as it is.
pub(super) fn date(text: &str, kind: Kind) -> Value {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let units = match time {
        Some(time) => match clock(time) {
            Some(units) => units,
            None => return Value::Time(text.to_owned()),
        },
        None => 0,
    };
    let mut out = day.to_owned();
    let units = if units == DAY {
        let Some(next) = day.parse::<chrono::NaiveDate>().ok().and_then(|day| day.succ_opt()) else {
            return Value::Time(text.to_owned());
        };
        out = next.to_string();
        0
    } else {
        units
    };
    if units > 0 || kind == Kind::Moment || (kind == Kind::Unknown && time.is_some()) {
        out.push('T');
        write_time(&mut out, units, PARTS);
    }
    Value::Time(out)
}

/// A length of time, `PT18H30M00.5S`, which is a time of day if it is shown as one.
pub(super) fn time(text: &str, kind: Kind) -> Value {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let Some(units) = length(rest) else { return Value::Time(text.to_owned()) };
    let mut out = String::new();
    if kind == Kind::Duration || negative || units >= DAY {
        write_duration(&mut out, negative, units, PARTS);
    } else {
        write_time(&mut out, units, PARTS);
    }
    Value::Time(out)
}

fn clock(text: &str) -> Option<u64> {
    let mut parts = text.trim_end_matches('Z').splitn(3, ':');
    let hours: u64 = parts.next()?.parse().ok()?;
    let minutes: u64 = parts.next()?.parse().ok()?;
    let seconds = match parts.next() {
        Some(seconds) => seconds_of(seconds)?,
        None => 0,
    };
    // What is written as 59.9996 s is a minute.
    (hours < 24 && minutes < 60 && seconds <= 60 * PARTS)
        .then(|| (hours * 60 + minutes) * 60 * PARTS + seconds)
}

fn length(text: &str) -> Option<u64> {
    let text = text.strip_prefix('P')?;
    let (days, mut rest) = match text.split_once('T') {
        Some((days, rest)) => (days, rest),
        None => (text, ""),
    };
    let mut units: u64 = match days.strip_suffix('D') {
        Some(days) => days.parse::<u64>().ok()?.checked_mul(DAY)?,
        None if days.is_empty() => 0,
        None => return None,
    };
    for (letter, seconds) in [('H', 3600), ('M', 60)] {
        if let Some((number, more)) = rest.split_once(letter) {
            units = units.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds * PARTS)?)?;
            rest = more;
        }
    }
    if let Some(number) = rest.strip_suffix('S') {
        units = units.checked_add(seconds_of(number)?)?;
        rest = "";
    }
    rest.is_empty().then_some(to_milliseconds(units))
}

/// Seconds with a fraction, `05.789000000`, to the millisecond: what is written beyond comes of a floating point number.
fn seconds_of(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let units = whole.parse::<u64>().ok()?.checked_mul(PARTS)?.checked_add(digits.parse().ok()?)?;
    Some(to_milliseconds(units))
}

fn to_milliseconds(units: u64) -> u64 {
    units.saturating_add(500_000) / 1_000_000 * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value) -> String {
        let Value::Time(text) = value else { panic!("{value:?}") };
        text
    }

    #[test]
    fn dates_read_as_those_of_other_workbooks() {
        assert_eq!(text(date("2024-01-31", Kind::Day)), "2024-01-31");
        assert_eq!(text(date("2024-01-31", Kind::Moment)), "2024-01-31T00:00:00");
        assert_eq!(text(date("2024-01-31T12:34:56.789000000", Kind::Moment)), "2024-01-31T12:34:56.789");
        assert_eq!(text(date("2024-01-31T12:34:55.9999999", Kind::Day)), "2024-01-31T12:34:56");
        assert_eq!(text(date("2024-01-31T12:34:59.9999999", Kind::Moment)), "2024-01-31T12:35:00");
        assert_eq!(text(date("2024-02-29T23:59:59.9996", Kind::Moment)), "2024-03-01T00:00:00");
        assert_eq!(text(date("2024-01-31T12:34:61", Kind::Moment)), "2024-01-31T12:34:61");
        assert_eq!(text(date("soon", Kind::Day)), "soon");
    }

    #[test]
    fn a_length_of_time_is_a_time_of_day_where_it_is_shown_as_one() {
        assert_eq!(text(time("PT18H00M00S", Kind::Time)), "18:00:00");
        assert_eq!(text(time("PT18H00M00S", Kind::Duration)), "PT18H");
        assert_eq!(text(time("PT25H30M00S", Kind::Unknown)), "PT25H30M");
        assert_eq!(text(time("-PT0H30M0S", Kind::Unknown)), "-PT30M");
        assert_eq!(text(time("P1DT1H", Kind::Unknown)), "PT25H");
        assert_eq!(text(time("never", Kind::Unknown)), "never");
    }
}
