//! Where a JSON object, array or string ends.

/// Deeper nesting is an error. The same as the limit of the JSON parser.
const MAX_DEPTH: u32 = 128;

/// The same whether the bytes end or the line does: which of them it is depends on where a document was cut.
pub(super) const NOT_CLOSED: &str = "a string or a bracket is not closed";

const PLAIN: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;

static OUTSIDE: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    classes[b'"' as usize] = QUOTE;
    classes[b'{' as usize] = OPEN;
    classes[b'[' as usize] = OPEN;
    classes[b'}' as usize] = CLOSE;
    classes[b']' as usize] = CLOSE;
    classes
};

static INSIDE: [bool; 256] = {
    let mut stops = [false; 256];
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops[b'\n' as usize] = true;
    stops
};

/// How far the scan of one value got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// The value ends before this offset.
    End(usize),
    /// The bytes ran out.
    More,
    /// The value is broken at this offset.
    Broken(usize, &'static str),
}

/// Finds the end of one object, array or string. Can be stopped and gone on with at any byte. It checks that brackets match
/// and that strings end on their line, nothing else.
#[derive(Debug, Clone, Default)]
pub(super) struct Nesting {
    /// One bit a level, the innermost lowest: 1 for an object, 0 for an array.
    stack: u128,
    depth: u32,
    string: bool,
    escaped: bool,
}

impl Nesting {
    /// Goes on from an offset: first the value's first byte, which opens it, then where the bytes ran out.
    pub(super) fn scan(&mut self, bytes: &[u8], from: usize) -> Scan {
        let mut at = from;
        loop {
            if self.string {
                if self.escaped && at < bytes.len() {
                    self.escaped = false;
                    at += 1;
                }
                while at < bytes.len() && !INSIDE[usize::from(bytes[at])] {
                    at += 1;
                }
                match bytes.get(at) {
                    None => return Scan::More,
                    Some(b'"') => self.string = false,
                    Some(b'\\') => self.escaped = true,
                    Some(_) => return Scan::Broken(at, NOT_CLOSED),
                }
                at += 1;
                if self.depth == 0 && !self.string {
                    return Scan::End(at);
                }
                continue;
            }
            while at < bytes.len() && OUTSIDE[usize::from(bytes[at])] == PLAIN {
                at += 1;
            }
            let Some(&byte) = bytes.get(at) else { return Scan::More };
            match OUTSIDE[usize::from(byte)] {
                QUOTE => self.string = true,
                OPEN if self.depth == MAX_DEPTH => return Scan::Broken(at, "nested too deep"),
                OPEN => {
                    self.stack = self.stack << 1 | u128::from(byte == b'{');
                    self.depth += 1;
                }
                _ => {
                    if self.depth == 0 || (self.stack & 1 == 1) != (byte == b'}') {
                        return Scan::Broken(at, "a bracket has no partner");
                    }
                    self.stack >>= 1;
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Scan::End(at + 1);
                    }
                }
            }
            at += 1;
        }
    }
}
