//! Elements of one name below the root of an XML document.
//!
//! Only the marks are looked at that tell where an element ends. Nothing is expanded, and a document type is an error.

use std::ops::Range;

use bytes::Bytes;

use super::Piece;
use crate::RecordError;
use crate::format::Content;

/// Elements nested deeper than this are an error.
const DEEPEST: usize = 1000;

/// Every element of a name directly below the root, or the root if it has that name.
pub(super) fn elements(bytes: &Bytes, name: &str, mut piece: impl FnMut(Piece)) {
    let mut marks = Marks { bytes, at: super::bom(bytes) };
    let mut depth = 0_usize;
    let mut open = None;
    let mut end = 0;
    let mut root = false;
    let failed = loop {
        let (mark, range) = match marks.next() {
            Ok(Some(next)) => next,
            Ok(None) if root && depth == 0 => return,
            Ok(None) => break "the document ends inside of an element",
            Err(reason) => break reason,
        };
        match mark {
            Mark::Open { name: found, empty } => {
                if depth == 0 && root {
                    break "there is a second root";
                }
                root = true;
                if depth <= 1 && open.is_none() && found == name.as_bytes() {
                    if empty {
                        piece(Piece::of(bytes, range.clone(), Content::Opaque));
                        end = range.end;
                    } else {
                        open = Some((depth, range.start));
                    }
                }
                depth += usize::from(!empty);
                if depth > DEEPEST {
                    break "elements are nested too deeply";
                }
            }
            Mark::Close => {
                if depth == 0 {
                    break "an element is closed that was not opened";
                }
                depth -= 1;
                if let Some((_, start)) = open.filter(|(level, _)| depth == *level) {
                    piece(Piece::of(bytes, start..range.end, Content::Opaque));
                    (open, end) = (None, range.end);
                }
            }
            Mark::Other => {}
        }
    };
    piece(Piece::bad(bytes, end..bytes.len(), RecordError::new("xml", failed)));
}

enum Mark<'a> {
    Open { name: &'a [u8], empty: bool },
    Close,
    Other,
}

/// The marks of a document, one after the other.
struct Marks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Marks<'a> {
    fn next(&mut self) -> Result<Option<(Mark<'a>, Range<usize>)>, &'static str> {
        let Some(start) = memchr::memchr(b'<', &self.bytes[self.at..]).map(|n| self.at + n) else {
            return Ok(None);
        };
        let rest = &self.bytes[start..];
        let mark = if rest.starts_with(b"<!--") {
            self.at = start + until(rest, b"-->", 4).ok_or("a comment does not end")?;
            Mark::Other
        } else if rest.starts_with(b"<![CDATA[") {
            self.at = start + until(rest, b"]]>", 9).ok_or("a piece of plain text does not end")?;
            Mark::Other
        } else if rest.starts_with(b"<?") {
            self.at = start + until(rest, b"?>", 2).ok_or("an instruction does not end")?;
            Mark::Other
        } else if rest.starts_with(b"<!") {
            return Err("it declares a document type");
        } else {
            let length = tag(rest).ok_or("a tag does not end")?;
            self.at = start + length;
            let inside = &rest[1..length - 1];
            if inside.first() == Some(&b'/') {
                Mark::Close
            } else {
                let end = inside.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/');
                Mark::Open {
                    name: &inside[..end.unwrap_or(inside.len())],
                    empty: inside.last() == Some(&b'/'),
                }
            }
        };
        Ok(Some((mark, start..self.at)))
    }
}

/// Where a mark ends that ends with a sign.
fn until(rest: &[u8], sign: &[u8], from: usize) -> Option<usize> {
    memchr::memmem::find(&rest[from..], sign).map(|n| from + n + sign.len())
}

/// The length of a tag. What is in quotes does not end it.
fn tag(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let n = at + memchr::memchr3(b'>', b'"', b'\'', &rest[at..])?;
        match rest[n] {
            b'>' => return Some(n + 1),
            quote => at = n + 2 + memchr::memchr(quote, &rest[n + 1..])?,
        }
    }
}
