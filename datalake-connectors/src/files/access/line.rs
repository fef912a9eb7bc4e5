//! The parts of a line.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2};

/// A line that is read from left to right.
#[derive(Debug)]
pub(super) struct Line<'a> {
    rest: &'a [u8],
}

impl<'a> Line<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next part, up to a space or the end.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b' ', self.rest).unwrap_or(self.rest.len());
        Some(self.take(end, end))
    }

    /// The next part, in quotes, in which a backslash takes the meaning from the byte after it.
    pub(super) fn quoted(&mut self) -> Option<&'a [u8]> {
        if self.rest.first() != Some(&b'"') {
            return None;
        }
        let mut at = 1;
        loop {
            at += memchr2(b'"', b'\\', self.rest.get(at..)?)?;
            if self.rest[at] == b'"' {
                break;
            }
            at += 2;
        }
        let text = &self.rest[1..at];
        match self.rest.get(at + 1) {
            None | Some(b' ') => {
                self.take(at + 1, at + 1);
                Some(text)
            }
            Some(_) => None,
        }
    }

    /// The next part, in quotes or not.
    pub(super) fn part(&mut self) -> Option<&'a [u8]> {
        if self.rest.first() == Some(&b'"') { self.quoted() } else { self.word() }
    }

    /// The next part, in quotes or not, in a form without escapes: a quote ends before a space.
    pub(super) fn plain(&mut self) -> Option<&'a [u8]> {
        let Some(text) = self.rest.strip_prefix(b"\"") else { return self.word() };
        let ends = |at: &usize| matches!(text.get(at + 1), None | Some(b' '));
        let end = memchr_iter(b'"', text).find(ends)?;
        self.take(end + 2, end + 2).get(1..=end)
    }

    /// What comes before a mark, which is passed over.
    pub(super) fn before(&mut self, mark: &[u8]) -> Option<&'a [u8]> {
        let at = self.rest.windows(mark.len()).position(|window| window == mark)?;
        let text = &self.rest[..at];
        self.rest = &self.rest[at + mark.len()..];
        Some(text)
    }

    /// Whether a space comes, which is passed over.
    pub(super) fn space(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix(b" ")?;
        Some(())
    }

    fn take(&mut self, end: usize, next: usize) -> &'a [u8] {
        let part = &self.rest[..end];
        let rest = &self.rest[next..];
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        part
    }
}

/// A text as the client sent it. With escapes `\xHH` of nginx and Apache stands for a byte, and `\"` and the like of Apache for a
/// character. As it stands if those bytes are no UTF-8, which the flag says.
pub(super) fn meant(raw: &[u8], escapes: bool) -> (Cow<'_, str>, bool) {
    if !escapes || memchr(b'\\', raw).is_none() {
        return match std::str::from_utf8(raw) {
            Ok(text) => (Cow::Borrowed(text), true),
            Err(_) => (String::from_utf8_lossy(raw), false),
        };
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let (byte, length) = match &raw[at..] {
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (16 * digit(*high) + digit(*low), 4)
            }
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', b'v', ..] => (0x0b, 2),
            [b'\\', b'b', ..] => (0x08, 2),
            [b'\\', other @ (b'"' | b'\\'), ..] => (*other, 2),
            [other, ..] => (*other, 1),
            [] => break,
        };
        out.push(byte);
        at += length;
    }
    match String::from_utf8(out) {
        Ok(text) => (Cow::Owned(text), true),
        Err(_) => (String::from_utf8_lossy(raw), false),
    }
}

/// What URL encoding stands for; as it stands if that is no UTF-8.
pub(super) fn decoded(raw: &str) -> Cow<'_, str> {
    if memchr(b'%', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(16 * digit(*high) + digit(*low));
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(raw), Cow::Owned)
}

fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

/// Method, target and protocol of a request, if it is one.
pub(super) fn request(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (method, rest) = text.split_once(' ')?;
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if method.is_empty() || !method.chars().all(token) || rest.is_empty() || rest.contains(char::is_control) {
        return None;
    }
    match rest.rsplit_once(' ') {
        Some((target, protocol)) if protocol.starts_with("HTTP/") => Some((method, target, Some(protocol))),
        Some(_) => None,
        None => Some((method, rest, None)),
    }
}
