//! Objects into documents.

use bytes::Bytes;
use datalake_core::lake::{Object, stamp};
use datalake_core::{Derived, Document, Format};

/// How many bytes of documents a batch holds, unless set.
pub(super) const BATCH: usize = 4 << 20;
/// How many it may hold.
pub(super) const MOST: usize = 8 << 20;

/// A document with what it is of, and where the next one begins.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) document: Document,
    pub(super) of: Derived,
    /// Where to go on after it, within its commit.
    pub(super) next: (usize, u64),
}

/// The lines of an object from an offset on, in documents of about so many bytes. With `from`, only the lines of that
/// batch and later ones.
pub(super) fn lines(
    content: &Bytes,
    object: &Object,
    of: &Derived,
    (index, offset): (usize, u64),
    bytes: usize,
    from: Option<u64>,
) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let wanted = |line: &[u8]| match from {
        Some(batch) => stamp::read(line).is_some_and(|(_, id)| id.batch.number >= batch),
        None => true,
    };
    let mut start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    let mut end = start;
    let mut give = |start: usize, end: usize, next: usize| {
        if start < end {
            let document = Document::new(content.slice(start..end), object.location.as_str(), Format::Ndjson);
            let document = document.at(start as u64);
            pieces.push(Piece { document, of: of.clone(), next: (index, next as u64) });
        }
    };
    while end < content.len() {
        let line = memchr::memchr(b'\n', &content[end..]).map_or(content.len(), |at| end + at + 1);
        if !wanted(content[end..line].trim_ascii_end()) {
            give(start, end, line);
            start = line;
        } else if line - start > bytes && end > start {
            give(start, end, end);
            start = end;
        }
        end = line;
    }
    give(start, end, end);
    if let Some(last) = pieces.last_mut() {
        last.next = (index + 1, 0);
    }
    pieces
}
