//! Values and rows.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal of any length, as it is written.
    Decimal(String),
    /// A binary fraction.
    Double(f64),
    /// A text, a GUID too.
    Text(String),
    /// Milliseconds since 1970 in UTC, of a day its beginning.
    Moment(i64),
    /// Seconds since midnight.
    Time(u32),
    /// Bytes.
    Binary(Vec<u8>),
    /// The initial value of a date: `0000-00-00`, which is no date.
    Initial,
}

impl Value {
    /// A decimal as it is written.
    pub fn decimal(text: impl Into<String>) -> Self {
        Self::Decimal(text.into())
    }

    /// The order in which services sort: nothing first, then by value. Texts by their bytes.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(two)) => one.cmp(two),
            (Self::Integer(one), Self::Integer(two)) | (Self::Moment(one), Self::Moment(two)) => one.cmp(two),
            (Self::Decimal(one), Self::Decimal(two)) => compare_decimals(one, two),
            (Self::Double(one), Self::Double(two)) => one.total_cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Time(one), Self::Time(two)) => one.cmp(two),
            (Self::Binary(one), Self::Binary(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Initial => 1,
            Self::Boolean(_) => 2,
            Self::Integer(_) => 3,
            Self::Decimal(_) => 4,
            Self::Double(_) => 5,
            Self::Text(_) => 6,
            Self::Moment(_) => 7,
            Self::Time(_) => 8,
            Self::Binary(_) => 9,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

/// A row: names of properties and their values. One that is not named is null.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row(pub(crate) BTreeMap<String, Value>);

impl Row {
    /// A row of nulls.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value.
    #[must_use]
    pub fn with(mut self, property: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(property.into(), value.into());
        self
    }

    /// The value of a property, if the row names it.
    #[must_use]
    pub fn value(&self, property: &str) -> Option<&Value> {
        self.0.get(property)
    }
}

/// The key of a row, in the order of the type's properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Key(pub(crate) Vec<Value>);

impl<V: Into<Value>> From<V> for Key {
    fn from(value: V) -> Self {
        Self(vec![value.into()])
    }
}

impl<V: Into<Value>, const N: usize> From<[V; N]> for Key {
    fn from(values: [V; N]) -> Self {
        Self(values.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<Value>> for Key {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0).map(|(one, two)| one.compare(two));
        pairs.fold(Ordering::Equal, Ordering::then).then(self.0.len().cmp(&other.0.len()))
    }
}

/// Compares decimals of any length by value.
fn compare_decimals(one: &str, two: &str) -> Ordering {
    let (negative, whole, part) = split(one);
    let (other_negative, other_whole, other_part) = split(two);
    let sizes = whole.len().cmp(&other_whole.len()).then(whole.cmp(other_whole)).then(part.cmp(other_part));
    match (negative, other_negative) {
        (false, false) => sizes,
        (true, true) => sizes.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Whether it is below zero, its digits before the point without leading zeros, and those after it without trailing ones.
fn split(text: &str) -> (bool, &str, &str) {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    (minus && !(whole.is_empty() && part.is_empty()), whole, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_value_and_not_as_text() {
        let sorted =
            ["-10.5", "-9", "-0.0", "0.10", "0.2", "9", "10", "12345678901234567890123456789012345678901"];
        for pair in sorted.windows(2) {
            assert_eq!(compare_decimals(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare_decimals("1.50", "01.5"), Ordering::Equal);
        assert_eq!(compare_decimals("-0", "0"), Ordering::Equal);
    }
}
