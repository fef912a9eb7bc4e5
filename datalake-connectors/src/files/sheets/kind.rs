//! What a number stands for, by the format it is shown with.

/// What a date or time of a workbook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Day,
    Moment,
    Time,
    Duration,
    /// The format says only that it is one of these.
    Unknown,
}

/// By the code of the number format that tells dates from numbers, as `dd/mm/yyyy hh:mm`.
pub(super) fn kind(code: &str) -> Kind {
    let tokens = tokens(code);
    if tokens.contains(&'[') {
        return Kind::Duration;
    }
    let minutes = |n: usize| {
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        matches!(before, Some('h')) || matches!(tokens.get(n + 1), Some('s'))
    };
    let (mut day, mut time) = (false, false);
    for (n, token) in tokens.iter().enumerate() {
        match token {
            'm' if !minutes(n) => day = true,
            'y' | 'd' => day = true,
            _ => time = true,
        }
    }
    match (day, time) {
        (true, true) => Kind::Moment,
        (true, false) => Kind::Day,
        (false, true) => Kind::Time,
        (false, false) => Kind::Unknown,
    }
}

/// The letters of the first section that stand for parts of a date or time, each run of them once; `[` for time that
/// has gone by.
fn tokens(code: &str) -> Vec<char> {
    let mut tokens = Vec::new();
    let mut rest = code.chars().peekable();
    let mut last = ' ';
    while let Some(letter) = rest.next() {
        let lower = letter.to_ascii_lowercase();
        match letter {
            ';' => break,
            '\\' | '_' | '*' => {
                rest.next();
            }
            '"' => {
                rest.by_ref().take_while(|letter| *letter != '"').for_each(drop);
            }
            '[' => {
                let inside: String = rest.by_ref().take_while(|letter| *letter != ']').collect();
                let inside = inside.to_ascii_lowercase();
                let elapsed = ["h", "m", "s"]
                    .iter()
                    .any(|unit| !inside.is_empty() && inside.replace(unit, "").is_empty());
                if elapsed {
                    tokens.push('[');
                }
            }
            'a' | 'A' => {
                // AM/PM and A/P.
                while rest.next_if(|letter| matches!(letter, 'm' | 'M' | '/' | 'p' | 'P')).is_some() {}
                tokens.push('a');
            }
            _ if matches!(lower, 'y' | 'm' | 'd' | 'h' | 's') && last != lower => tokens.push(lower),
            'e' | 'g' | 'b' => tokens.push('y'),
            _ => {}
        }
        last = lower;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_says_what_a_number_stands_for() {
        for (code, expected) in [
            ("mm-dd-yy", Kind::Day),
            ("d-mmm", Kind::Day),
            ("[$-F800]dddd, mmmm dd, yyyy", Kind::Day),
            ("[$-409]mmm\\-yy;@", Kind::Day),
            ("yyyy\"年\"m\"月\"d\"日\"", Kind::Day),
            ("h:mm", Kind::Time),
            ("mm:ss", Kind::Time),
            ("mmss.0", Kind::Time),
            ("h:mm AM/PM", Kind::Time),
            ("[$-409]h:mm:ss AM/PM;@", Kind::Time),
            ("m/d/yy h:mm", Kind::Moment),
            ("yyyy\\-mm\\-dd\\Thh:mm:ss.000", Kind::Moment),
            ("dd.mm.yyyy hh:mm", Kind::Moment),
            ("[h]:mm:ss", Kind::Duration),
            ("[Red][mm]:ss", Kind::Duration),
            ("0.00", Kind::Unknown),
            ("", Kind::Unknown),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
