//! Reading JSON text (RFC 8259): whether it is valid, and where its parts are.
//!
//! One pass, no recursion, no allocation. The grammar is checked whole; whether the text is UTF-8 is the caller's to
//! know. Eight bytes of a string are looked at in one go.

use crate::RecordError;

/// How many containers may be open at once.
pub(super) const MAX_DEPTH: usize = 64;

/// A part of a text, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// One member of an object, or one element of an array (whose head is white space alone and whose key is empty).
///
/// In the text as it was read, head, value and tail follow one another, and then comes a comma or a closing bracket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    /// White space, key, colon, white space.
    pub(super) head: Span,
    /// The key with its quotes. Empty for an element and for a member that was removed.
    pub(super) key: Span,
    pub(super) value: Span,
    /// White space.
    pub(super) tail: Span,
    /// Whether the key contains a backslash.
    pub(super) escaped: bool,
}

/// Where a text stops being JSON, and what was looked for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    at: u32,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Value,
    Key,
    Colon,
    NextMember,
    NextElement,
    End,
    Quote,
    Control,
    Escape,
    Number,
    Depth,
}

impl Fault {
    #[cold]
    fn new(at: usize, what: What) -> Self {
        Self { at: u32::try_from(at).unwrap_or(u32::MAX), what }
    }
}

impl From<Fault> for RecordError {
    fn from(Fault { at, what }: Fault) -> Self {
        let what = match what {
            What::Value => "a value is missing",
            What::Key => "a key is missing",
            What::Colon => "a ':' is missing",
            What::NextMember => "a ',' or '}' is missing",
            What::NextElement => "a ',' or ']' is missing",
            What::End => "something follows the value",
            What::Quote => "a string does not end",
            What::Control => "a control character stands in a string",
            What::Escape => "an escape is unknown or cut short",
            What::Number => "a number is cut short",
            What::Depth => {
                let message = format!("more than {MAX_DEPTH} levels deep at byte {at}");
                return Self::new("json-depth", message);
            }
        };
        Self::new("json", format!("not JSON: {what} at byte {at}"))
    }
}

type Scan = Result<usize, Fault>;

/// The byte at an index, or 0 behind the end: no grammar rule lets a 0 pass.
#[inline(always)]
fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The first byte from an index on that is not white space.
#[inline(always)]
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Reads one value and nothing else but white space around it, inside `depth` containers. Gives its span.
pub(super) fn whole(text: &[u8], depth: usize) -> Result<Span, Fault> {
    let start = space(text, 0);
    let end = value(text, start, depth)?;
    finish(text, end)?;
    Ok(Span::new(start, end))
}

/// Fails unless only white space is left.
pub(super) fn finish(text: &[u8], at: usize) -> Result<(), Fault> {
    let end = space(text, at);
    if end == text.len() { Ok(()) } else { Err(Fault::new(end, What::End)) }
}

/// Reads the value that begins at an index. Gives the index after it.
#[inline(always)]
pub(super) fn value(text: &[u8], at: usize, depth: usize) -> Scan {
    match byte(text, at) {
        b'"' => string(text, at),
        b'{' | b'[' => nested(text, at, depth),
        _ => scalar(text, at),
    }
}

/// Reads the object whose brace is at an index, and gives each member to `visit`. Gives the index after it.
#[inline]
pub(super) fn object(text: &[u8], open: usize, depth: usize, mut visit: impl FnMut(Member)) -> Scan {
    if depth >= MAX_DEPTH {
        return Err(Fault::new(open, What::Depth));
    }
    let mut start = open + 1;
    let mut at = space(text, start);
    if byte(text, at) == b'}' {
        return Ok(at + 1);
    }
    loop {
        if byte(text, at) != b'"' {
            return Err(Fault::new(at, What::Key));
        }
        let stop = plain(text, at + 1);
        let escaped = byte(text, stop) != b'"';
        let key = Span::new(at, if escaped { rest_of_string(text, stop)? } else { stop + 1 });
        let from = colon(text, key.end)?;
        let to = value(text, from, depth + 1)?;
        let end = space(text, to);
        visit(Member {
            head: Span::new(start, from),
            key,
            value: Span::new(from, to),
            tail: Span::new(to, end),
            escaped,
        });
        match byte(text, end) {
            b',' => start = end + 1,
            b'}' => return Ok(end + 1),
            _ => return Err(Fault::new(end, What::NextMember)),
        }
        at = space(text, start);
    }
}

/// Reads the array whose bracket is at an index, and gives each element to `visit`. Gives the index after it.
pub(super) fn array(text: &[u8], open: usize, depth: usize, mut visit: impl FnMut(Member)) -> Scan {
    if depth >= MAX_DEPTH {
        return Err(Fault::new(open, What::Depth));
    }
    let mut start = open + 1;
    let first = space(text, start);
    if byte(text, first) == b']' {
        return Ok(first + 1);
    }
    loop {
        let from = space(text, start);
        let to = value(text, from, depth + 1)?;
        let end = space(text, to);
        visit(Member {
            head: Span::new(start, from),
            value: Span::new(from, to),
            tail: Span::new(to, end),
            ..Member::default()
        });
        match byte(text, end) {
            b',' => start = end + 1,
            b']' => return Ok(end + 1),
            _ => return Err(Fault::new(end, What::NextElement)),
        }
    }
}

/// Reads an object or array with all it contains. The bits of `kinds`, lowest innermost, say which of the open
/// containers are objects: as many as there are levels.
fn nested(text: &[u8], mut at: usize, outer: usize) -> Scan {
    let mut kinds = 0_u64;
    let mut depth = outer;
    'value: loop {
        match byte(text, at) {
            b'"' => at = string(text, at)?,
            open @ (b'{' | b'[') => {
                if depth >= MAX_DEPTH {
                    return Err(Fault::new(at, What::Depth));
                }
                at = space(text, at + 1);
                // The closing bracket of either kind is two after the opening one.
                if byte(text, at) != open + 2 {
                    depth += 1;
                    kinds = kinds << 1 | u64::from(open == b'{');
                    if open == b'{' {
                        at = key(text, at)?;
                    }
                    continue 'value;
                }
                at += 1;
                if depth == outer {
                    return Ok(at);
                }
            }
            _ => at = scalar(text, at)?,
        }
        loop {
            at = space(text, at);
            let inside_object = kinds & 1 == 1;
            match byte(text, at) {
                b',' => {
                    at = space(text, at + 1);
                    if inside_object {
                        at = key(text, at)?;
                    }
                    continue 'value;
                }
                b'}' if inside_object => {}
                b']' if !inside_object => {}
                _ if inside_object => return Err(Fault::new(at, What::NextMember)),
                _ => return Err(Fault::new(at, What::NextElement)),
            }
            at += 1;
            depth -= 1;
            kinds >>= 1;
            if depth == outer {
                return Ok(at);
            }
        }
    }
}

/// Reads a key and its colon, and gives the index of the value.
#[inline(always)]
fn key(text: &[u8], at: usize) -> Scan {
    if byte(text, at) != b'"' {
        return Err(Fault::new(at, What::Key));
    }
    let end = string(text, at)?;
    colon(text, end)
}

#[inline(always)]
fn colon(text: &[u8], at: usize) -> Scan {
    let at = space(text, at);
    if byte(text, at) != b':' {
        return Err(Fault::new(at, What::Colon));
    }
    Ok(space(text, at + 1))
}

/// Reads the string whose opening quote is at an index. Gives the index after the closing one.
#[inline(always)]
fn string(text: &[u8], at: usize) -> Scan {
    let stop = plain(text, at + 1);
    if byte(text, stop) == b'"' { Ok(stop + 1) } else { rest_of_string(text, stop) }
}

/// The first byte from an index on that is a quote, a backslash or a control character.
#[inline(always)]
fn plain(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        // With bit 1 flipped, the quote and the control characters are those below 0x21. A borrow can only mark bytes
        // above the first true hit, so the lowest mark is always right.
        let quote_or_control = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
        let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let stops = (quote_or_control | backslash) & !word & HIGH;
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while !matches!(byte(text, at), b'"' | b'\\' | 0..0x20) {
        at += 1;
    }
    at
}

/// Reads a string from its first byte that is not plain.
#[cold]
fn rest_of_string(text: &[u8], mut at: usize) -> Scan {
    loop {
        match byte(text, at) {
            b'"' => return Ok(at + 1),
            b'\\' => match byte(text, at + 1) {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' if (2..6).all(|n| byte(text, at + n).is_ascii_hexdigit()) => at += 6,
                _ => return Err(Fault::new(at, What::Escape)),
            },
            _ if at >= text.len() => return Err(Fault::new(at, What::Quote)),
            _ => return Err(Fault::new(at, What::Control)),
        }
        at = plain(text, at);
    }
}

#[inline(always)]
fn scalar(text: &[u8], at: usize) -> Scan {
    let word: &[u8] = match byte(text, at) {
        b'-' | b'0'..=b'9' => return number(text, at),
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return Err(Fault::new(at, What::Value)),
    };
    if text[at..].starts_with(word) { Ok(at + word.len()) } else { Err(Fault::new(at, What::Value)) }
}

/// Reads the number that begins at an index. Gives the index after it.
#[inline]
pub(super) fn number(text: &[u8], at: usize) -> Scan {
    let digits = |mut at: usize| {
        while byte(text, at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let some_digits = |at: usize| match digits(at) {
        end if end == at => Err(Fault::new(at, What::Number)),
        end => Ok(end),
    };
    let first = at + usize::from(byte(text, at) == b'-');
    let mut at = if byte(text, first) == b'0' { first + 1 } else { some_digits(first)? };
    if byte(text, at) == b'.' {
        at = some_digits(at + 1)?;
    }
    if matches!(byte(text, at), b'e' | b'E') {
        at = some_digits(at + 1 + usize::from(matches!(byte(text, at + 1), b'+' | b'-')))?;
    }
    Ok(at)
}
