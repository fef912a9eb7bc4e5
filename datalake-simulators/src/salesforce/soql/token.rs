//! The words of a query.

use super::super::refused::Refused;
use super::super::stamp;

/// A word of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or a keyword.
    Word(String),
    Text(String),
    Number(f64),
    /// A point in time, milliseconds since 1970.
    Time(i64),
    Date(String),
    /// A comparison, a bracket or a comma.
    Sign(&'static str),
}

const SIGNS: [&str; 10] = ["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ","];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refused> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(if sign == "<>" { "!=" } else { sign }));
            rest = &rest[sign.len()..];
        } else if first == '\'' {
            let (value, length) = quoted(rest)?;
            tokens.push(Token::Text(value));
            rest = &rest[length..];
        } else {
            let free = |letter: char| letter.is_alphanumeric() || "_.:+-".contains(letter);
            let length = rest.find(|letter| !free(letter)).unwrap_or(rest.len());
            if length == 0 {
                return Err(Refused::malformed(format!(
                    "line 1: no viable alternative at character '{first}'"
                )));
            }
            tokens.push(word(&rest[..length])?);
            rest = &rest[length..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn word(word: &str) -> Result<Token, Refused> {
    if word.starts_with(char::is_alphabetic) {
        return Ok(Token::Word(word.to_owned()));
    }
    if stamp::is_date(word) {
        return Ok(Token::Date(word.to_owned()));
    }
    if word.contains('T') {
        let time = stamp::parse(word).map(Token::Time);
        return time.ok_or_else(|| Refused::malformed(format!("unexpected token: '{word}'")));
    }
    let number = word.parse().map(Token::Number);
    number.map_err(|_| Refused::malformed(format!("unexpected token: '{word}'")))
}

/// The value of a literal in quotes, and its length with them.
fn quoted(text: &str) -> Result<(String, usize), Refused> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Ok((value, at + 1)),
            '\\' => match letters.next().map(|(_, letter)| letter) {
                Some('n' | 'N') => value.push('\n'),
                Some('r' | 'R') => value.push('\r'),
                Some('t' | 'T') => value.push('\t'),
                Some(escaped @ ('\'' | '"' | '\\' | '_' | '%')) => value.push(escaped),
                _ => return Err(Refused::malformed("Illegal string literal: invalid escape sequence")),
            },
            letter => value.push(letter),
        }
    }
    Err(Refused::malformed("line 1: mismatched character '<EOF>' expecting '''"))
}
