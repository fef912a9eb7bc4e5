//! Literals in URLs, which the two versions write differently.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Version;
use super::entity::{Entity, Kind};
use super::value::Value;

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Open,
    Close,
    Comma,
    /// A name, an operator, a number and everything else without quotes.
    Word(String),
    /// Text in quotes and what stands before them, as in `guid'…'`.
    Quoted(String, String),
}

/// Takes an expression apart, or gives `None` where a quote is not closed.
pub(crate) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "(),'".contains(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                match after.strip_prefix('\'') {
                    Some(quoted) => {
                        let (text, after) = unquote(quoted)?;
                        (Token::Quoted(word.to_owned(), text), after)
                    }
                    None => (Token::Word(word.to_owned()), after),
                }
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Some(tokens)
}

/// The text up to the closing quote, doubled quotes made single, and what is after it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('\'')?;
        plain.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                plain.push('\'');
                rest = after;
            }
            None => return Some((plain, rest)),
        }
    }
}

/// The value that a literal has for a kind of property, or `None` if it is none of this version.
pub(crate) fn value(version: Version, kind: Kind, token: &Token) -> Option<Value> {
    if *token == Token::Word("null".into()) {
        return Some(Value::Null);
    }
    let v2 = version == Version::V2;
    Some(match (kind, token) {
        (Kind::Text { .. }, Token::Quoted(prefix, text)) if prefix.is_empty() => Value::Text(text.clone()),
        (Kind::Guid, Token::Quoted(prefix, text)) if v2 && prefix == "guid" => Value::Text(text.clone()),
        (Kind::Guid, Token::Word(text)) if !v2 => Value::Text(text.clone()),
        (Kind::DateTime | Kind::Date, Token::Quoted(prefix, text)) if v2 && prefix == "datetime" => {
            Value::Moment(text.parse::<NaiveDateTime>().ok()?.and_utc().timestamp_millis())
        }
        (Kind::DateTimeOffset, Token::Quoted(prefix, text)) if v2 && prefix == "datetimeoffset" => {
            moment(text)?
        }
        (Kind::DateTime | Kind::DateTimeOffset, Token::Word(text)) if !v2 => moment(text)?,
        (Kind::Date, Token::Word(text)) if !v2 => {
            let day = text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN);
            Value::Moment(day.and_utc().timestamp_millis())
        }
        (Kind::Time, Token::Quoted(prefix, text)) if v2 && prefix == "time" => Value::Time(duration(text)?),
        (Kind::Time, Token::Word(text)) if !v2 => {
            Value::Time(text.parse::<NaiveTime>().ok()?.num_seconds_from_midnight())
        }
        (Kind::Boolean, Token::Word(text)) => Value::Boolean(text.parse().ok()?),
        (Kind::Int32, Token::Word(text)) => Value::Integer(text.parse().ok()?),
        (Kind::Int64, Token::Word(text)) => {
            Value::Integer(text.strip_suffix(['L', 'l']).filter(|_| v2).unwrap_or(text).parse().ok()?)
        }
        (Kind::Decimal { .. }, Token::Word(text)) => {
            let digits = text.strip_suffix(['M', 'm']).filter(|_| v2).unwrap_or(text);
            digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte)).then_some(())?;
            Value::Decimal(digits.to_owned())
        }
        (Kind::Double, Token::Word(text)) => Value::Double(text.trim_end_matches(['d', 'D']).parse().ok()?),
        (Kind::Binary, Token::Quoted(prefix, text)) if prefix == "binary" => {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
            Value::Binary(bytes.or_else(|_| STANDARD.decode(text)).ok()?)
        }
        _ => return None,
    })
}

fn moment(text: &str) -> Option<Value> {
    Some(Value::Moment(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()))
}

/// Seconds of `PT1H2M3S`.
fn duration(text: &str) -> Option<u32> {
    let mut seconds = 0;
    let mut rest = text.strip_prefix("PT")?;
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) {
        let number: u32 = rest[..end].parse().ok()?;
        seconds += number.checked_mul(match rest.as_bytes()[end] {
            b'H' => 3600,
            b'M' => 60,
            b'S' => 1,
            _ => return None,
        })?;
        rest = &rest[end + 1..];
    }
    rest.is_empty().then_some(seconds)
}

/// What a URL of a row keeps: a service writes no more of these than it must.
const PLAIN: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'/').add(b'+');

/// The key of a row as it is written in a URL, with the parentheses.
pub(crate) fn key(version: Version, entity: &Entity, key: &[Value]) -> String {
    let v2 = version == Version::V2;
    let properties: Vec<_> = entity.keys().into_iter().map(|n| &entity.properties[n]).collect();
    let parts = properties.iter().zip(key).map(|(property, value)| {
        let text = match (property.kind, value) {
            (Kind::Text { .. }, Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
            (Kind::Guid, Value::Text(text)) if v2 => format!("guid'{text}'"),
            (Kind::Int64, Value::Integer(number)) if v2 => format!("{number}L"),
            (Kind::DateTimeOffset, Value::Moment(_)) if v2 => {
                format!("datetimeoffset'{}'", plain(property.kind, value))
            }
            (Kind::DateTime | Kind::Date, Value::Moment(_)) if v2 => {
                format!("datetime'{}'", plain(Kind::DateTime, value).trim_end_matches('Z'))
            }
            _ => plain(property.kind, value),
        };
        let text = utf8_percent_encode(&text, PLAIN).to_string();
        if properties.len() == 1 { text } else { format!("{}={text}", property.name) }
    });
    format!("({})", parts.collect::<Vec<_>>().join(","))
}

/// The key in the parentheses of a URL, decoded.
pub(crate) fn parse_key(version: Version, entity: &Entity, text: &str) -> Option<Vec<Value>> {
    let keys = entity.keys();
    let mut found = vec![None; keys.len()];
    let tokens = tokens(text)?;
    for (n, part) in tokens.split(|token| *token == Token::Comma).enumerate() {
        let [token] = part else { return None };
        let (name, token) = match token {
            Token::Quoted(prefix, text) => match prefix.split_once('=') {
                Some((name, prefix)) => (Some(name), Token::Quoted(prefix.to_owned(), text.clone())),
                None => (None, token.clone()),
            },
            Token::Word(word) => match word.split_once('=') {
                Some((name, word)) => (Some(name), Token::Word(word.to_owned())),
                None => (None, token.clone()),
            },
            _ => return None,
        };
        let at = match name {
            Some(name) => keys.iter().position(|key| entity.properties[*key].name == name)?,
            None => n,
        };
        let kind = entity.properties[*keys.get(at)?].kind;
        found[at] = Some(value(version, kind, &token)?);
    }
    found.into_iter().collect()
}

/// A value as plain text: as V4 writes it in JSON, without quotes.
pub(crate) fn plain(kind: Kind, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(text) | Value::Text(text) => text.clone(),
        Value::Double(number) if number.is_nan() => "NaN".into(),
        Value::Double(number) if number.is_infinite() => if *number > 0.0 { "INF" } else { "-INF" }.into(),
        Value::Double(number) => number.to_string(),
        Value::Moment(millis) => moment_text(kind, *millis),
        Value::Time(seconds) => format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        Value::Binary(bytes) => URL_SAFE_NO_PAD.encode(bytes),
        Value::Initial if kind == Kind::Date => "0000-00-00".into(),
        Value::Initial => "0000-00-00T00:00:00".into(),
    }
}

fn moment_text(kind: Kind, millis: i64) -> String {
    let Some(moment) = DateTime::from_timestamp_millis(millis) else { return String::new() };
    match kind {
        Kind::Date => moment.format("%Y-%m-%d").to_string(),
        _ if millis % 1000 == 0 => moment.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        _ => moment.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    }
}
