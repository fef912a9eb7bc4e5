//! Bytes exactly as the silo gave them.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::digest::Sha256;
use crate::format::Format;

/// Bytes exactly as the silo gave them: a response page, a file or a piece of one cut at a record boundary, a
/// message body. A document is archived before anything is made of it.
///
/// Cloning is cheap: the bytes and the texts are shared.
#[derive(Debug, Clone)]
pub struct Document {
    bytes: Bytes,
    locator: Arc<str>,
    offset: u64,
    format: Arc<Format>,
    id: Option<Arc<str>>,
    properties: Option<Arc<Map<String, Value>>>,
    reading: Option<Sha256>,
    first: u32,
}

impl Document {
    /// A document from a place. The locator is a path or URL without credentials or query secrets.
    pub fn new(
        bytes: impl Into<Bytes>,
        locator: impl Into<Arc<str>>,
        format: impl Into<Arc<Format>>,
    ) -> Self {
        Self {
            bytes: bytes.into(),
            locator: locator.into(),
            offset: 0,
            format: format.into(),
            id: None,
            properties: None,
            reading: None,
            first: 0,
        }
    }

    /// Says at which byte of the thing at its locator the document begins.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Gives the id under which the silo knows the document, for instance of a webhook event. It is kept in lineage.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says what else the silo told of the document, for instance the topic and the quality of service of a message. It
    /// is kept in lineage, so it is small and no secret.
    #[must_use]
    pub fn with_properties(mut self, properties: impl Into<Arc<Map<String, Value>>>) -> Self {
        self.properties = Some(properties.into());
        self
    }

    /// Says in which reading of the source the document came: the digest of what the source had given before.
    pub(crate) fn in_reading(mut self, reading: Sha256) -> Self {
        self.reading = Some(reading);
        self
    }

    /// Says which number its first record has in the batch.
    pub(crate) fn numbered(mut self, first: u32) -> Self {
        self.first = first;
        self
    }

    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    pub(crate) fn reading(&self) -> Option<Sha256> {
        self.reading
    }

    /// The bytes, as the silo gave them.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where the document came from.
    #[must_use]
    pub fn locator(&self) -> &Arc<str> {
        &self.locator
    }

    /// The byte of the thing at its locator at which the document begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How the document divides into records.
    #[must_use]
    pub fn format(&self) -> &Arc<Format> {
        &self.format
    }

    /// The id under which the silo knows the document.
    #[must_use]
    pub fn id(&self) -> Option<&Arc<str>> {
        self.id.as_ref()
    }

    /// What else the silo told of the document.
    #[must_use]
    pub fn properties(&self) -> Option<&Arc<Map<String, Value>>> {
        self.properties.as_ref()
    }
}
