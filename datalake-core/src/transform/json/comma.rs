//! Numbers as people write them where the comma is the decimal point.

/// What may stand between groups of three digits.
const GROUPS: [char; 5] = ['.', ' ', '\u{a0}', '\u{202f}', '\''];

/// A number with a decimal comma as JSON writes it: `-1.234,50` becomes `-1234.50`. Groups of three digits may be parted by
/// one kind of point, space or apostrophe; the minus may come last. `None` if it is none.
pub(super) fn number(text: &str) -> Option<String> {
    let (negative, text) = match text.strip_prefix('-').or_else(|| text.strip_suffix('-')) {
        Some(rest) => (true, rest.trim()),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once(',').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let joined = match whole.chars().find(|c| GROUPS.contains(c)) {
        Some(mark) => {
            let mut groups = whole.split(mark);
            let first = groups.next()?;
            let fit = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
            fit.then(|| whole.replace(mark, ""))?
        }
        None => whole.to_owned(),
    };
    if !digits(&joined) || !fraction.is_none_or(digits) {
        return None;
    }
    let joined = match joined.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    };
    let sign = if negative { "-" } else { "" };
    Some(fraction.map_or_else(|| format!("{sign}{joined}"), |part| format!("{sign}{joined}.{part}")))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn groups_and_signs_are_understood_and_the_rest_is_refused() {
        for (text, expected) in [
            ("1,5", "1.5"),
            ("-1.234.567,80", "-1234567.80"),
            ("1\u{a0}234", "1234"),
            ("12'345,6", "12345.6"),
            ("12,50-", "-12.50"),
            ("007,10", "7.10"),
            ("0,00", "0.00"),
            ("1.234", "1234"),
        ] {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", ",", "1,", ",5", "1.5", "1.2345", "1.234 567", "1,2,3", "1e5", "--1", "+1", "1,-5", "x"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
