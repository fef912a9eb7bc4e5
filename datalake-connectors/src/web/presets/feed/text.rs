//! The text of a feed.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use encoding_rs::Encoding;

/// How far the name of an encoding is looked for.
const DECLARATION: usize = 256;

/// The text of a feed, and which of its bytes are which.
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    /// Where characters are one byte each: a place in the text, and the same in the bytes, from which to count on.
    counted: Option<Cell<(usize, usize)>>,
}

impl<'a> Text<'a> {
    /// Reads UTF-8, or an encoding of one byte a character if the document names it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Some(Self { text: Cow::Borrowed(text), counted: None });
        }
        let encoding = declared(bytes).filter(|encoding| encoding.is_single_byte())?;
        let text = encoding.decode_without_bom_handling(bytes).0;
        Some(Self { text, counted: Some(Cell::new((0, 0))) })
    }

    /// The bytes that a range of the text was read from. Ranges are given in order.
    pub(super) fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        let Some(counted) = &self.counted else { return range.clone() };
        let place = |at: usize| {
            let (text, bytes) = counted.get();
            let more = self.text.get(text..at).map_or(0, |text| text.chars().count());
            counted.set((at, bytes + more));
            bytes + more
        };
        place(range.start)..place(range.end)
    }
}

/// The encoding that the declaration of a document names.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(DECLARATION)];
    let head = &head[..head.windows(2).position(|pair| pair == b"?>")?];
    let at = head.windows(8).position(|name| name == b"encoding")? + 8;
    let name = head[at..].split(|byte| matches!(byte, b'"' | b'\'')).nth(1)?;
    Encoding::for_label(name)
}
