//! Where the records of a decoded document go.

use std::ops::Range;

use bytes::Bytes;
use datalake_core::split::Piece;
use datalake_core::{Content, Document, RecordError};

/// Takes the records of one document, all of which have its bytes.
pub(super) struct Out<'a> {
    range: Range<usize>,
    /// Bytes that records may still have.
    pub(super) left: u64,
    piece: &'a mut dyn FnMut(Piece),
}

impl<'a> Out<'a> {
    pub(super) fn new(document: &Document, piece: &'a mut dyn FnMut(Piece)) -> Self {
        Self { range: 0..document.len(), left: 0, piece }
    }

    pub(super) fn refuse(&mut self, reason: &'static str, message: impl Into<String>) {
        (self.piece)(Piece::error(self.range.clone(), RecordError::new(reason, message)));
    }

    /// Gives a record. Whether there is room for it.
    pub(super) fn give(&mut self, body: Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(body.len() as u64) else { return false };
        self.left = left;
        (self.piece)(Piece::new(self.range.clone(), Bytes::from(body), Content::Json));
        true
    }
}
