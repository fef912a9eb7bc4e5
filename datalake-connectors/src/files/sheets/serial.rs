//! Days counted in numbers.

use super::kind::Kind;
use super::value::Value;
use crate::files::civil::{write_day, write_duration, write_time};

/// A day, in the unit of a time of day.
const DAY: u64 = 86_400_000;
const PARTS: u64 = 1000;
/// 9999-12-31, counted from 1900.
const LAST: f64 = 2_958_466.0;

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Epoch {
    /// 1900-01-01 is 1, and 60 is a day that never was.
    Y1900,
    /// 1904-01-01 is 0.
    Y1904,
}

impl Epoch {
    /// The day after 1970-01-01 that a number is.
    fn day(self, number: i64) -> Option<i64> {
        match (self, number) {
            (Self::Y1900, ..=0 | 60) => None,
            (Self::Y1900, 1..60) => Some(number - 25_568),
            (Self::Y1900, _) => Some(number - 25_569),
            (Self::Y1904, _) => Some(number - 24_107),
        }
    }
}

/// The date or time that a number stands for, to the millisecond. What a format hides is not lost: a date at noon is a
/// moment, whatever it is shown as. A number that is no date stays a number.
pub(super) fn value(number: f64, kind: Kind, epoch: Epoch) -> Value {
    let mut text = String::new();
    let Some(units) = milliseconds(number) else { return Value::Number(number) };
    if kind == Kind::Duration {
        write_duration(&mut text, number < 0.0, units, PARTS);
        return Value::Time(text);
    }
    if number < 0.0 {
        return Value::Number(number);
    }
    let (days, time) = (units / DAY, units % DAY);
    let of_day = days == 0
        && match kind {
            Kind::Time | Kind::Unknown => true,
            _ => epoch == Epoch::Y1900 && time > 0,
        };
    if of_day {
        write_time(&mut text, time, PARTS);
        return Value::Time(text);
    }
    let Some(day) = epoch.day(days as i64) else { return Value::Number(number) };
    write_day(&mut text, day);
    if time > 0 || matches!(kind, Kind::Moment | Kind::Time) {
        text.push('T');
        write_time(&mut text, time, PARTS);
    }
    Value::Time(text)
}

/// The milliseconds of a number of days, without its sign.
fn milliseconds(number: f64) -> Option<u64> {
    (number.abs() < LAST).then(|| (number.abs() * DAY as f64).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: f64, kind: Kind, epoch: Epoch) -> String {
        match value(number, kind, epoch) {
            Value::Time(text) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_number_is_a_day_in_either_count() {
        let y1900 = |number| text(number, Kind::Day, Epoch::Y1900);
        assert_eq!(y1900(1.0), "1900-01-01");
        assert_eq!(y1900(59.0), "1900-02-28");
        assert_eq!(y1900(60.0), "Number(60.0)");
        assert_eq!(y1900(61.0), "1900-03-01");
        assert_eq!(y1900(45_292.0), "2024-01-01");
        assert_eq!(y1900(2_958_465.0), "9999-12-31");
        assert_eq!(y1900(2_958_466.0), "Number(2958466.0)");
        let y1904 = |number| text(number, Kind::Day, Epoch::Y1904);
        assert_eq!(y1904(0.0), "1904-01-01");
        assert_eq!(y1904(43_830.0), "2024-01-01");
        assert_eq!(y1904(0.5), "1904-01-01T12:00:00");
    }

    #[test]
    fn a_format_hides_nothing() {
        let of = |number, kind| text(number, kind, Epoch::Y1900);
        assert_eq!(of(45_292.5, Kind::Day), "2024-01-01T12:00:00");
        assert_eq!(of(45_292.0, Kind::Moment), "2024-01-01T00:00:00");
        assert_eq!(of(45_292.25, Kind::Time), "2024-01-01T06:00:00");
        assert_eq!(of(0.75, Kind::Time), "18:00:00");
        assert_eq!(of(0.0, Kind::Time), "00:00:00");
        assert_eq!(of(0.75, Kind::Unknown), "18:00:00");
        assert_eq!(of(0.0, Kind::Unknown), "00:00:00");
        assert_eq!(of(0.0, Kind::Day), "Number(0.0)");
        assert_eq!(of(45_292.0, Kind::Unknown), "2024-01-01");
    }

    #[test]
    fn time_that_has_gone_by_is_no_time_of_day() {
        let of = |number| text(number, Kind::Duration, Epoch::Y1900);
        assert_eq!(of(1.0625), "PT25H30M");
        assert_eq!(of(-0.5), "-PT12H");
    }

    #[test]
    fn a_second_is_not_lost_by_rounding() {
        let number = 45_292.0 + f64::from(12 * 3600 + 34 * 60 + 56) / 86_400.0;
        assert_eq!(text(number, Kind::Moment, Epoch::Y1900), "2024-01-01T12:34:56");
    }
}
