//! What a source hands over, and what a sink gets.

use std::sync::Arc;

use crate::document::Document;
use crate::envelope::{Envelope, Request};
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
}

impl SourceBatch {
    /// A batch that ends at a position.
    #[must_use]
    pub fn new(documents: Vec<Document>, position: Position) -> Self {
        Self { documents, position, requests: Vec::new() }
    }

    /// Names a request that brought the documents.
    #[must_use]
    pub fn with_request(mut self, request: Request) -> Self {
        self.requests.push(request);
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
