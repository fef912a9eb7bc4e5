//! Where data goes: sinks, the archive and the quarantine.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::Batch;
use crate::codec::Compression;
use crate::digest::Sha256;
use crate::lake::Lake;
use crate::ledger::Ledger;
use crate::records::Rejected;
use crate::{RecordError, Result};

/// What the engine must know of a sink.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SinkInfo {
    /// The kind of the sink, for instance `lake.ndjson`.
    pub name: String,
    /// How many bytes of records the sink likes to get at once. The engine joins batches up
    /// to about this size.
    pub target_bytes: usize,
    /// How many records the sink likes to get at once.
    pub target_records: usize,
    /// The settings that decide what is written, for the digest in the lineage. No secret, not even hashed.
    pub config: Value,
}

impl SinkInfo {
    /// A sink that likes 8 MiB at once.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), target_bytes: 8 << 20, target_records: usize::MAX, config: Value::Null }
    }

    /// Says how much the sink likes to get at once.
    #[must_use]
    pub fn with_target(mut self, bytes: usize, records: usize) -> Self {
        self.target_bytes = bytes;
        self.target_records = records;
        self
    }

    /// Gives the settings that decide what is written.
    #[must_use]
    pub fn with_config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }
}

/// One thing that a sink has written: an object, or a run of records on a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The name of the sink.
    pub sink: String,
    /// Where it is: the key of an object in the lake, or a URI.
    pub location: String,
    /// Its length in bytes, as stored.
    pub bytes: u64,
    /// The records in it.
    pub records: u64,
    /// The digest of its bytes, as stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// How the records are written, for instance `ndjson`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How it is compressed.
    #[serde(default, skip_serializing_if = "Compression::is_none")]
    pub compression: Compression,
    /// The partition, as `name=value` path segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
}

/// A record that a sink refused: it goes to quarantine, and its batch is written all the same.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The index of the record in [`Batch::records`].
    pub index: usize,
    /// Why.
    pub error: RecordError,
}

/// What became of a batch.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// What was written.
    pub outputs: Vec<Output>,
    /// The records that were not, each once.
    pub refused: Vec<Refused>,
}

/// Where records go.
///
/// `sink_suite!` of the testkit checks everything said here.
///
/// * **Durable.** `Ok` means that every record not named in [`Receipt::refused`] is durable: it survives the end of
///   this process and of this machine, as far as the peer promises. There is no flush.
/// * **Concurrency.** Several writes are in flight at once, and their order is not kept. A sink that must keep order
///   does so itself.
/// * **Again.** After an error or a crash the same records come again, in a batch with another attempt id.
/// * **Cancellation.** The future may be dropped at any await. What was written is then named by no commit and does
///   not count.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// What the sink is. Constant.
    fn info(&self) -> &SinkInfo;

    /// Makes the records of a batch durable.
    ///
    /// # Errors
    /// Something was not written and no record is to blame. The engine calls again with the same batch if the error
    /// is retryable: the sink must not retry by itself.
    async fn write(&self, batch: &Batch) -> Result<Receipt>;

    /// Lets go of connections. Not called after a crash.
    ///
    /// # Errors
    /// Something could not be closed; the engine logs it.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// The object that holds the documents of a batch: one after the other, byte-exact, compressed in frames that can be
/// read alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawObject {
    /// The key of the object in the lake.
    pub location: String,
    /// Its length in bytes, as stored.
    pub bytes: u64,
    /// The digest of its bytes, as stored.
    pub sha256: Sha256,
    /// How its frames are compressed.
    #[serde(default, skip_serializing_if = "Compression::is_none")]
    pub compression: Compression,
    /// Its frames, in order.
    pub frames: Vec<Frame>,
}

/// A piece of an object that can be read alone. Written as `[offset, content]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Frame {
    /// Its first byte in the object, as stored.
    pub offset: u64,
    /// Its first byte in the decompressed content.
    pub content: u64,
}

impl From<(u64, u64)> for Frame {
    fn from((offset, content): (u64, u64)) -> Self {
        Self { offset, content }
    }
}

impl From<Frame> for (u64, u64) {
    fn from(frame: Frame) -> Self {
        (frame.offset, frame.content)
    }
}

/// Where documents are kept as they came: the raw zone.
///
/// The same rules hold as for a [`Sink`].
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// Makes the documents of a batch durable, as one object whose decompressed content is the documents in order.
    ///
    /// # Errors
    /// Nothing counts as written. The engine calls again if the error is retryable.
    async fn store(&self, batch: &Batch) -> Result<RawObject>;
}

/// Where refused records are kept: their bytes, their lineage and the error.
///
/// The same rules hold as for a [`Sink`].
#[async_trait]
pub trait Quarantine: Send + Sync + 'static {
    /// Makes the refused records of a batch durable.
    ///
    /// # Errors
    /// Nothing counts as kept. The engine calls again if the error is retryable.
    async fn keep(&self, batch: &Batch, rejected: &[Rejected]) -> Result<Vec<Output>>;
}

/// The parts of a lake that a pipeline writes to.
pub struct Landing {
    /// Where documents are kept as they came; `None` to keep none.
    pub archive: Option<Box<dyn Archive>>,
    /// Where records go; `None` to keep documents only.
    pub sink: Option<Box<dyn Sink>>,
    /// Where refused records go.
    pub quarantine: Box<dyn Quarantine>,
    /// Where commits go.
    pub ledger: Box<dyn Ledger>,
}

impl std::fmt::Debug for Landing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Landing")
            .field("sink", &self.sink.as_ref().map(|sink| sink.info()))
            .finish_non_exhaustive()
    }
}

/// A lake that a pipeline can be given in one word, with [`PipelineBuilder::lake`](crate::pipeline::PipelineBuilder::lake).
pub trait Land {
    /// The parts of the lake, for one pipeline.
    ///
    /// # Errors
    /// The lake is configured in a way that cannot work.
    fn landing(&self) -> Result<Landing>;

    /// The same lake for reading, for who runs the pipeline. `None` if it cannot be read as one.
    fn lake(&self) -> Option<&Lake> {
        None
    }
}
