//! What an event brings: records, messages or objects, in order.

use std::sync::Arc;

use bytes::Bytes;

/// Which service brings it, and so how it is told what has not been landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Kinesis,
    Sqs {
        /// Whether messages must not overtake each other.
        fifo: bool,
    },
    Storage,
}

/// What an event brings.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) service: Service,
    /// The ARN of the stream, queue or bucket.
    pub(super) from: String,
    pub(super) items: Vec<Item>,
}

/// One record, message or object.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// What its service knows it by.
    pub(super) id: Arc<str>,
    /// What tells it from everything else that any event brings.
    pub(super) key: Arc<str>,
    /// The name by which the service is told that it has not been landed.
    pub(super) name: Arc<str>,
    /// Where it is from, for lineage.
    pub(super) locator: Arc<str>,
    pub(super) content: Content,
}

impl Item {
    pub(super) fn new(id: Arc<str>, name: Arc<str>, locator: Arc<str>, content: Content) -> Self {
        Self { key: format!("{locator} {id}").into(), id, name, locator, content }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// The bytes came with the event.
    Here(Bytes),
    /// The bytes are to be fetched.
    Object(Object),
}

/// A new object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) key: String,
}
