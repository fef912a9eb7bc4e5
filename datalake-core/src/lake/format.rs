//! How objects in a lake are read whose records are not lines of JSON.

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::Result;

/// A format of objects in the curated zone, by the name that [`Output::format`](crate::Output::format) gives it.
///
/// The core knows lines of JSON. What else there is, a worker gives to its lake with
/// [`Lake::with_format`](super::Lake::with_format); without it such an object can be checked by its digest but not
/// read.
///
/// Both methods keep a processor busy, and may be called from several threads at once.
pub trait ObjectFormat: fmt::Debug + Send + Sync + 'static {
    /// The name, for instance `parquet`.
    fn name(&self) -> &str;

    /// The records of an object as lines of JSON, in order, each with its [stamp](super::stamp) as its last member
    /// and its line end. `object` is decompressed, if it was compressed as a whole.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if it is no object of this format.
    fn lines(&self, object: &Bytes) -> Result<Bytes>;

    /// One object with the records of several, in order. Every record keeps its stamp and its value.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if a piece is no object of this format.
    fn join(&self, pieces: &[Piece]) -> Result<Bytes>;
}

/// An object, and which of its records go into another.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The object, decompressed if it was compressed as a whole.
    pub bytes: Bytes,
    /// The records, counted from 0, in order.
    pub rows: Vec<Range<u64>>,
}

/// Lines of JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ndjson;

impl ObjectFormat for Ndjson {
    fn name(&self) -> &str {
        "ndjson"
    }

    fn lines(&self, object: &Bytes) -> Result<Bytes> {
        Ok(object.clone())
    }

    fn join(&self, pieces: &[Piece]) -> Result<Bytes> {
        let mut joined = BytesMut::with_capacity(pieces.iter().map(|piece| piece.bytes.len()).sum());
        for piece in pieces {
            joined.extend_from_slice(&kept(&piece.bytes, &piece.rows));
        }
        Ok(joined.freeze())
    }
}

/// The lines of these numbers, counted from 0.
pub(super) fn kept(lines: &Bytes, rows: &[Range<u64>]) -> Bytes {
    let mut ends = memchr::memchr_iter(b'\n', lines).zip(1_u64..);
    let mut kept = Vec::new();
    let mut at = (0, 0);
    let mut forward = |to: u64| {
        while at.1 < to {
            match ends.next() {
                Some((end, n)) => at = (end + 1, n),
                None => break,
            }
        }
        at.0
    };
    for rows in rows {
        let start = forward(rows.start);
        let end = forward(rows.end);
        kept.push(lines.slice(start..end));
    }
    match &kept[..] {
        [one] => one.clone(),
        all => all.concat().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_by_their_number() {
        let lines = Bytes::from_static(b"a\nb\nc\nd\n");
        assert_eq!(kept(&lines, &[0..1, 1..4]), lines);
        assert_eq!(kept(&lines, &[1..2, 3..4]), "b\nd\n");
        assert_eq!(kept(&lines, &[0..0, 3..9]), "d\n");
        assert_eq!(kept(&lines, &[]), "");
    }
}
