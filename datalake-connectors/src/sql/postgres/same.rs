//! When two values of a key are one to the server.

/// How it is seen in the text of two values that they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// Equal values are written in one way.
    Text,
    /// Numbers that may have zeros behind the point, or be less than zero by nothing.
    Number,
}

impl Same {
    /// For a type by its object id and its class in the catalogue. `None` where equal values may be written differently.
    pub(super) fn of(oid: u32, class: &str, padded: bool) -> Option<Self> {
        match oid {
            700 | 701 | 1700 => Some(Self::Number),
            1042 => padded.then_some(Self::Text),
            16..=21 | 23 | 25..=28 | 650 | 774 | 790 | 829 | 869 | 1043 => Some(Self::Text),
            1082 | 1083 | 1114 | 1184 | 1266 | 1560 | 1562 | 2950 | 3220 | 5069 => Some(Self::Text),
            _ => (class == "e").then_some(Self::Text),
        }
    }

    pub(super) fn holds(self, one: &[u8], other: &[u8]) -> bool {
        one == other || self == Self::Number && plain(one) == plain(other)
    }
}

/// A number without zeros at its end, and without the sign of a zero.
fn plain(number: &[u8]) -> &[u8] {
    let mut plain = number;
    if number.contains(&b'.') && !number.contains(&b'e') {
        while let Some(shorter) = plain.strip_suffix(b"0") {
            plain = shorter;
        }
        plain = plain.strip_suffix(b".").unwrap_or(plain);
    }
    if plain == b"-0" { b"0" } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_equal_are_one_however_they_are_written() {
        let same = |one: &str, other: &str| Same::Number.holds(one.as_bytes(), other.as_bytes());
        for (one, other) in
            [("100", "100.00"), ("1.50", "1.5"), ("-0", "0"), ("0.00", "0"), ("1e+20", "1e+20")]
        {
            assert!(same(one, other) && same(other, one), "{one} and {other}");
            assert!(!Same::Text.holds(one.as_bytes(), other.as_bytes()) || one == other);
        }
        for (one, other) in [("100", "10"), ("1.05", "1.5"), ("-1", "1"), ("0", "0.01"), ("1e+20", "1e+2")] {
            assert!(!same(one, other), "{one} and {other}");
        }
    }
}
