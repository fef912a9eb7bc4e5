//! JSON strings as they are written and as they are meant.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What a JSON string means, given with its quotes. `None` if it holds half a surrogate pair, which the grammar
/// allows and no text can be.
pub(super) fn meaning(raw: &str) -> Option<Cow<'_, str>> {
    let inner = &raw[1..raw.len() - 1];
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

/// Appends a JSON string that means `text`, with its quotes.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    quote_inner(out, text);
    out.push('"');
}

/// Appends what stands between the quotes of a JSON string that means `text`.
pub(super) fn quote_inner(out: &mut String, text: &str) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        out.push_str(short);
        if short.is_empty() {
            // Writing to a String cannot fail.
            write!(out, "\\u{byte:04x}").ok();
        }
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_means_the_text() {
        for text in ["", "plain", "a\"b\\c/d", "\u{0}\u{1f}\n\r\t\u{7f}", "Zürich \u{1f682}", "\u{2028}"] {
            let mut raw = String::new();
            quote(&mut raw, text);
            assert_eq!(meaning(&raw).unwrap(), text, "{raw}");
            assert_eq!(serde_json::from_str::<String>(&raw).unwrap(), text);
        }
    }

    #[test]
    fn half_a_surrogate_pair_means_nothing() {
        assert_eq!(meaning(r#""\ud800""#), None);
        assert_eq!(meaning(r#""\ud83d\ude82""#).unwrap(), "\u{1f682}");
    }
}
