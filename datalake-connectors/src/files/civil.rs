//! Days and times of day as text.

use std::fmt::Write;

/// Days of 1970-01-01 after 0000-03-01, in the calendar of today taken back for ever.
const EPOCH: i64 = 719_468;
/// Days in four hundred years.
const ERA: i64 = 146_097;

/// Writes the day that comes so many days after 1970-01-01: `2026-11-26`, and with a sign and more digits outside of
/// the years 0 to 9999.
pub(super) fn write_day(out: &mut String, days: i64) {
    let days = days.saturating_add(EPOCH);
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let written = match year {
        0..=9999 => write!(out, "{year:04}-{month:02}-{day:02}"),
        _ => write!(out, "{year:+07}-{month:02}-{day:02}"),
    };
    debug_assert!(written.is_ok(), "text takes what is written");
}

/// Writes a time of day, `09:05:00`, with as many digits of the second as the unit has and are not zero, in threes.
/// `parts` is how many units a second has: a power of a thousand.
pub(super) fn write_time(out: &mut String, units: u64, parts: u64) {
    let seconds = units / parts;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let written = write!(out, "{h:02}:{m:02}:{s:02}");
    debug_assert!(written.is_ok(), "text takes what is written");
    write_fraction(out, units % parts, parts);
}

/// Writes a length of time as ISO 8601 does: `PT25H30M`, `-PT0.5S`.
#[cfg(feature = "files-sheets")]
pub(super) fn write_duration(out: &mut String, negative: bool, units: u64, parts: u64) {
    let seconds = units / parts;
    let (h, m, s, fraction) = (seconds / 3600, seconds / 60 % 60, seconds % 60, units % parts);
    out.push_str(if negative && units > 0 { "-PT" } else { "PT" });
    for (n, unit) in [(h, 'H'), (m, 'M')] {
        if n > 0 {
            out.push_str(&format!("{n}{unit}"));
        }
    }
    if s > 0 || fraction > 0 || units == 0 {
        out.push_str(&s.to_string());
        write_fraction(out, fraction, parts);
        out.push('S');
    }
}

fn write_fraction(out: &mut String, fraction: u64, parts: u64) {
    if fraction > 0 {
        let width = parts.ilog10() as usize;
        let digits = format!(".{fraction:0width$}");
        let mut kept = digits.as_str();
        while let Some(rest) = kept.strip_suffix("000") {
            kept = rest;
        }
        out.push_str(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> String {
        let mut out = String::new();
        write_day(&mut out, days);
        out
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(day(11_016), "2000-02-29");
        assert_eq!(day(-25_509), "1900-02-28");
        assert_eq!(day(-25_508), "1900-03-01");
        assert_eq!(day(2_932_896), "9999-12-31");
        assert_eq!(day(2_932_897), "+010000-01-01");
        assert_eq!(day(-719_529), "-000001-12-31");
    }

    #[test]
    fn times_have_the_digits_they_need() {
        let time = |units, parts| {
            let mut out = String::new();
            write_time(&mut out, units, parts);
            out
        };
        assert_eq!(time(0, 1), "00:00:00");
        assert_eq!(time(86_399_999, 1000), "23:59:59.999");
        assert_eq!(time(1_500_000, 1_000_000), "00:00:01.500");
        assert_eq!(time(1_000_000_001, 1_000_000_000), "00:00:01.000000001");
    }

    #[cfg(feature = "files-sheets")]
    #[test]
    fn a_duration_leaves_out_what_is_zero() {
        let duration = |negative, units| {
            let mut out = String::new();
            write_duration(&mut out, negative, units, 1000);
            out
        };
        assert_eq!(duration(false, 0), "PT0S");
        assert_eq!(duration(false, 91_800_000), "PT25H30M");
        assert_eq!(duration(true, 500), "-PT0.500S");
    }
}
