//! One unit of data.

use bytes::Bytes;

use crate::format::Content;
use crate::id::{BatchId, RecordId};

/// Where a record came from inside its batch: 16 bytes that lead back to the raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef {
    /// The index of the acquired record in the batch, from 0. Kept through every transform.
    pub ordinal: u32,
    /// The first byte of the record in its document.
    pub offset: u32,
    /// The length of the record in its document, in bytes.
    pub length: u32,
    /// The index of the document in the batch.
    pub document: u16,
    /// Which child of the acquired record, from 1; 0 for the record itself.
    pub child: u16,
}

impl RecordRef {
    /// The id of the record, given its batch.
    #[must_use]
    pub fn id(&self, batch: &BatchId) -> RecordId {
        RecordId { batch: batch.clone(), ordinal: self.ordinal, child: self.child }
    }
}

/// One unit of data: usually a slice of its document, shared and not copied.
///
/// Only the engine makes records; a transform changes what they contain, never where they came from.
#[derive(Debug, Clone)]
pub struct Record {
    body: Bytes,
    origin: RecordRef,
    content: Content,
}

impl Record {
    pub(crate) fn new(body: Bytes, origin: RecordRef, content: Content) -> Self {
        Self { body, origin, content }
    }

    /// The bytes as they are now.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the bytes are.
    #[must_use]
    pub fn content(&self) -> Content {
        self.content
    }

    /// Where the record came from.
    #[must_use]
    pub fn origin(&self) -> RecordRef {
        self.origin
    }

    /// The same record with other bytes of the same content.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The same record with other content.
    #[must_use]
    pub fn with_content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    pub(crate) fn into_parts(self) -> (Bytes, RecordRef, Content) {
        (self.body, self.origin, self.content)
    }

    pub(crate) fn origin_mut(&mut self) -> &mut RecordRef {
        &mut self.origin
    }
}
