//! A record taken apart: what its values are, and their exact text.

use std::borrow::Cow;
use std::collections::BTreeSet;

use datalake_core::RecordError;

/// The engine lets nothing deeper pass; what comes another way ends here.
const DEEPEST: usize = 128;
/// From how many members on names are looked up in a set.
const MANY: usize = 16;

/// A value with its text. The text is empty for a value that was never JSON.
#[derive(Debug)]
pub(super) struct Node<'a> {
    raw: &'a str,
    pub(super) value: Value<'a>,
}

#[derive(Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads one JSON value.
    pub(super) fn parse(text: &'a str) -> Result<Self, RecordError> {
        let mut reader = Reader { text, at: 0 };
        let node = reader.node(0)?;
        reader.space();
        if reader.at == text.len() { Ok(node) } else { Err(reader.broken()) }
    }

    /// A string that is no part of a JSON text.
    pub(super) fn string(text: impl Into<Cow<'a, str>>) -> Self {
        Self { raw: "", value: Value::String(text.into()) }
    }

    /// An object of one member that is no part of a JSON text.
    pub(super) fn wrap(name: &'static str, value: Self) -> Self {
        Self { raw: "", value: Value::Object(vec![(name.into(), value)]) }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The value as JSON text: as it was written, if it was.
    pub(super) fn json(&self) -> Cow<'_, str> {
        match &self.value {
            Value::String(text) if self.raw.is_empty() => quote(text).into(),
            _ => self.raw.into(),
        }
    }
}

/// A text as a JSON string.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    fn broken(&self) -> RecordError {
        RecordError::new("json", format!("not JSON at byte {}", self.at))
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte;
        self.at += usize::from(there);
        there
    }

    fn node(&mut self, depth: usize) -> Result<Node<'a>, RecordError> {
        if depth > DEEPEST {
            return Err(RecordError::new("json-depth", format!("more than {DEEPEST} levels deep")));
        }
        self.space();
        let start = self.at;
        let value = match self.peek() {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Value::String(self.string()?),
            b't' => self.word("true", Value::Bool(true))?,
            b'f' => self.word("false", Value::Bool(false))?,
            b'n' => self.word("null", Value::Null)?,
            _ => self.number()?,
        };
        Ok(Node { raw: &self.text[start..self.at], value })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, RecordError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.broken());
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value<'a>, RecordError> {
        let start = self.at;
        while matches!(self.peek(), b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "" => Err(self.broken()),
            number => Ok(Value::Number(number)),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, RecordError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        let mut at = start + 1;
        loop {
            let Some(next) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) else {
                return Err(self.broken());
            };
            at += next + 1;
            if bytes[at - 1] == b'"' {
                break;
            }
            escaped = true;
            at += 1;
        }
        self.at = at;
        if !escaped {
            return Ok(self.text[start + 1..at - 1].into());
        }
        let text: String = serde_json::from_str(&self.text[start..at])
            .map_err(|error| RecordError::new("json", format!("a string cannot be read: {error}")))?;
        Ok(text.into())
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, RecordError> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.node(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.broken());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, RecordError> {
        self.at += 1;
        let mut members: Vec<(Cow<'a, str>, Node<'a>)> = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != b'"' {
                return Err(self.broken());
            }
            let name = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.broken());
            }
            members.push((name, self.node(depth + 1)?));
            self.space();
            if self.take(b'}') {
                unique(&members)?;
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.broken());
            }
        }
    }
}

/// One name, one column: a record that gives two values for one would lose one of them.
fn unique(members: &[(Cow<'_, str>, Node<'_>)]) -> Result<(), RecordError> {
    let name = |n: usize| &*members[n].0;
    let twice = if members.len() < MANY {
        (1..members.len()).find(|&n| (0..n).any(|before| name(before) == name(n)))
    } else {
        let mut seen = BTreeSet::new();
        (0..members.len()).find(|&n| !seen.insert(name(n)))
    };
    match twice {
        Some(n) => Err(RecordError::new("duplicate-member", "an object has two members of one name")
            .at(format!("/{}", name(n).replace('~', "~0").replace('/', "~1")))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let text = " {\"a\" : [1.50, \"x\\u00e4\", null], \"b\":{ } ,\"c\":true}\n";
        let node = Node::parse(text).unwrap();
        let Value::Object(members) = &node.value else { panic!("{node:?}") };
        let texts: Vec<_> = members.iter().map(|(name, node)| (&**name, node.json())).collect();
        assert_eq!(
            texts,
            [("a", "[1.50, \"x\\u00e4\", null]".into()), ("b", "{ }".into()), ("c", "true".into())]
        );
        let Value::Array(items) = &members[0].1.value else { panic!("{node:?}") };
        assert!(matches!(&items[1].value, Value::String(text) if text == "xä"));
        assert_eq!(Node::string("a\"b").json(), "\"a\\\"b\"");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in
            ["", "{", "[1,]", "{\"a\"}", "{\"a\":1}}", "\"abc", "\"\\", "nul", "{a:1}", "{\"a\":1,\"a\":2}"]
        {
            assert!(Node::parse(text).is_err(), "{text}");
        }
        let many: Vec<_> = (0..40).map(|n| format!("\"{}\":0", n % 39)).collect();
        let error = Node::parse(&format!("{{{}}}", many.join(","))).map(|_| ()).unwrap_err();
        assert_eq!((&*error.reason, error.path.as_deref()), ("duplicate-member", Some("/0")));
        assert!(Node::parse(&"[".repeat(100_000)).is_err());
    }
}
