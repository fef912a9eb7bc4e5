//! What a source hands over, and what a sink gets.

use std::sync::Arc;

use crate::digest::Sha256;
use crate::document::Document;
use crate::envelope::{Derived, Envelope, Request};
use crate::format::Format;
use crate::id::{AttemptId, BatchId, Dataset};
use crate::position::Position;
use crate::record::Record;

/// What a source hands over: documents, and the position after the last of them.
///
/// A batch without documents moves the position on.
#[derive(Debug, Clone)]
pub struct SourceBatch {
    /// The documents, in the order of the silo. At most 65,535.
    pub documents: Vec<Document>,
    /// The position after the last of them.
    pub position: Position,
    /// The requests that brought them, for lineage.
    pub requests: Vec<Request>,
    /// The objects of a lake that the documents are of, for lineage.
    pub derived_from: Vec<Derived>,
}

impl SourceBatch {
    /// A batch that ends at a position.
    #[must_use]
    pub fn new(documents: Vec<Document>, position: Position) -> Self {
        Self { documents, position, requests: Vec::new(), derived_from: Vec::new() }
    }

    /// Names a request that brought the documents.
    #[must_use]
    pub fn with_request(mut self, request: Request) -> Self {
        self.requests.push(request);
        self
    }

    /// Names an object of a lake that documents are of.
    #[must_use]
    pub fn derived_from(mut self, object: Derived) -> Self {
        if self.derived_from.last() != Some(&object) {
            self.derived_from.push(object);
        }
        self
    }

    /// The bytes of all documents.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.documents.iter().map(Document::len).sum()
    }
}

/// What a sink gets: a numbered batch of records with their documents and their lineage.
///
/// Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The name of the batch. Every record's id is made of it.
    pub id: BatchId,
    /// This try at writing it. Another try at the same batch has another, so the names of objects never collide.
    pub attempt: AttemptId,
    /// The dataset it goes to.
    pub dataset: Dataset,
    /// The documents, byte-exact.
    pub documents: Arc<[Document]>,
    /// The records, after the last transform, in order.
    pub records: Arc<Vec<Record>>,
    /// The lineage.
    pub envelope: Arc<Envelope>,
}

impl Batch {
    /// A name for one of the records that holds outside of the lake too, for instance as the id of an event on a stream
    /// whose readers drop what they have seen. Thirty-two hexadecimal digits, and a dot and a number for a child.
    ///
    /// A batch that was never committed comes again in another attempt, perhaps cut elsewhere, and then a
    /// [`RecordId`](crate::RecordId) can name another record than before. This one never does: two records that are
    /// not the same never share it. The same record has the same one again if the silo knows its document by an id, or
    /// if the source reads on from the same position; otherwise it gets a second one.
    #[must_use]
    pub fn event_id(&self, record: &Record) -> String {
        let origin = record.origin();
        let mut name: Vec<u8> = Vec::with_capacity(256);
        let mut part = |bytes: &[u8]| {
            name.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            name.extend_from_slice(bytes);
        };
        part(self.id.pipeline.as_str().as_bytes());
        if let Some(document) = self.documents.get(usize::from(origin.document)) {
            let start = origin.offset as usize;
            part(document.locator().as_bytes());
            part(&(document.offset() + u64::from(origin.offset)).to_le_bytes());
            match (document.id(), document.reading()) {
                (Some(id), _) => part(id.as_bytes()),
                (None, Some(reading)) => part(reading.as_bytes()),
                (None, None) => part(&self.id.number.to_le_bytes()),
            }
            if matches!(&**document.format(), Format::Decoded { .. }) {
                // Several records may be made from the same bytes.
                part(&(origin.ordinal - document.first()).to_le_bytes());
            }
            part(document.bytes().get(start..start + origin.length as usize).unwrap_or_default());
        }
        let digest = Sha256::of(&name).to_string();
        match origin.child {
            0 => digest[..32].to_owned(),
            child => format!("{}.{child}", &digest[..32]),
        }
    }
}
