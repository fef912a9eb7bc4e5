//! What a JSON number is, by its text.

/// The most digits a decimal holds.
pub(super) const DIGITS: u32 = 38;
/// Beyond this many decimal places there is no number a reader could hold.
const FAR: i64 = 4096;

/// A number as its digits and where the point is among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number<'a> {
    text: &'a str,
    negative: bool,
    /// All digits without leading zeros; none for zero.
    digits: String,
    /// Ten to this power is what the last digit counts.
    power: i64,
}

impl<'a> Number<'a> {
    /// Takes a number apart. `None` if the text is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(m, e)| (m, Some(e)));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent_value = match exponent {
            Some(exponent) => exponent.parse::<i64>().ok()?.clamp(-FAR, FAR),
            None => 0,
        };
        let mut digits = String::with_capacity(whole.len() + part.len());
        digits.push_str(whole);
        digits.push_str(part);
        let zeros = digits.bytes().take_while(|&byte| byte == b'0').count();
        digits.drain(..zeros);
        let mut power = exponent_value - part.len() as i64;
        if digits.is_empty() && exponent.is_some() {
            power = 0;
        }
        Some(Self { text, negative, digits, power })
    }

    /// The decimal places that its text has.
    pub(super) fn scale(&self) -> u32 {
        u32::try_from(-self.power).unwrap_or(0)
    }

    /// The digits before the point, without leading zeros.
    pub(super) fn whole_digits(&self) -> u32 {
        u32::try_from(self.digits.len() as i64 + self.power).unwrap_or(0)
    }

    /// The number as an integer of 64 bits, if it is one.
    pub(super) fn int(&self) -> Option<i64> {
        if self.power == 0 && self.digits.len() < 19 {
            return self.text.parse().ok();
        }
        i64::try_from(self.unscaled(0)?).ok()
    }

    /// The number times ten to the power of `scale`, if that is whole and has at most 38 digits.
    pub(super) fn unscaled(&self, scale: u32) -> Option<i128> {
        let (mut digits, mut shift) = (self.digits.as_str(), self.power + i64::from(scale));
        while shift < 0 {
            match digits.strip_suffix('0') {
                Some(rest) => digits = rest,
                None if digits.is_empty() => return Some(0),
                None => return None,
            }
            shift += 1;
        }
        if digits.is_empty() {
            return Some(0);
        }
        if digits.len() as i64 + shift > i64::from(DIGITS) {
            return None;
        }
        let value = digits.parse::<i128>().ok()? * 10_i128.pow(u32::try_from(shift).ok()?);
        Some(if self.negative { -value } else { value })
    }

    /// The number as a double, if no other number has the same shortest text.
    pub(super) fn double(&self) -> Option<f64> {
        let double: f64 = self.text.parse().ok()?;
        if !double.is_finite() {
            return None;
        }
        let far = self.digits.len() as i64 + self.power;
        if self.digits.len() <= 15 && (-290..290).contains(&far) {
            return Some(double);
        }
        let shortest = format!("{double:e}");
        let same = Number::parse(&shortest).is_some_and(|other| other.significant() == self.significant());
        same.then_some(double)
    }

    /// The digits without zeros at either end, and what the last of them counts.
    fn significant(&self) -> (bool, &str, i64) {
        let digits = self.digits.trim_end_matches('0');
        if digits.is_empty() {
            return (false, "", 0);
        }
        (self.negative, digits, self.power + (self.digits.len() - digits.len()) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number<'_> {
        Number::parse(text).unwrap()
    }

    #[test]
    fn a_text_has_the_digits_it_shows() {
        let rows = [
            ("0.30", 0, 2),
            ("-12.5", 2, 1),
            ("1e3", 4, 0),
            ("1.5e-7", 0, 8),
            ("0", 0, 0),
            ("0.00", 0, 2),
            ("0e-99", 0, 0),
            ("100", 3, 0),
            ("12345678901234567890.123", 20, 3),
        ];
        for (text, whole, scale) in rows {
            assert_eq!((number(text).whole_digits(), number(text).scale()), (whole, scale), "{text}");
        }
        for text in ["", "-", ".5", "1e", "1e+", "NaN", "1x", "--1"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_decimal_is_exact_or_none() {
        assert_eq!(number("0.30").unscaled(2), Some(30));
        assert_eq!(number("0.300").unscaled(2), Some(30));
        assert_eq!(number("0.301").unscaled(2), None);
        assert_eq!(number("-1e2").unscaled(3), Some(-100_000));
        assert_eq!(number("0.000").unscaled(1), Some(0));
        assert_eq!(number(&"9".repeat(38)).unscaled(0), Some(10_i128.pow(38) - 1));
        assert_eq!(number(&"9".repeat(39)).unscaled(0), None);
        assert_eq!(number("1e999999999").unscaled(0), None);
        assert_eq!(number("9223372036854775807").int(), Some(i64::MAX));
        assert_eq!(number("-9223372036854775808").int(), Some(i64::MIN));
        assert_eq!(number("9223372036854775808").int(), None);
        assert_eq!(number("5.0").int(), Some(5));
    }

    #[test]
    fn a_double_is_taken_only_if_it_says_the_same() {
        for text in ["0.1", "1e300", "5e-324", "-0.0", "1.7976931348623157e308", "-122.41941550000001"] {
            assert_eq!(number(text).double(), Some(text.parse().unwrap()), "{text}");
        }
        for text in ["0.1234567890123456789", "1e400", "12345678901234567891"] {
            assert_eq!(number(text).double(), None, "{text}");
        }
    }
}
