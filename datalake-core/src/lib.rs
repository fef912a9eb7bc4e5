#![doc = "The model and the engine of `datalake`: sources, transforms, sinks, the ledger and lineage."]

mod ambient;
mod batch;
mod dialect;
mod digest;
mod document;
mod encoding;
mod envelope;
mod error;
mod format;
mod id;
mod pool;
mod position;
mod record;
mod records;
mod retry;
mod secret;
mod sink;
mod source;

pub mod codec;
pub mod guide;
pub mod lake;
pub mod ledger;
pub mod pipeline;
pub mod split;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod transform;

pub use ambient::{Ambient, Clock, Cpu, Entropy, SystemClock, SystemEntropy};
pub use async_trait::async_trait;
pub use batch::{Batch, SourceBatch};
pub use dialect::{CsvRules, Ragged};
pub use digest::Sha256;
pub use document::Document;
pub use encoding::Encoding;
pub use envelope::{Acquired, Derived, Envelope, Hop, Origin, Request, Worker, config_digest};
pub use error::{Error, ErrorKind, RecordError, Result};
pub use format::{Content, Csv, Cut, Format};
pub use id::{AttemptId, BatchId, Dataset, PipelineId, RecordId};
pub use pipeline::Pipeline;
pub use pool::BufferPool;
pub use position::Position;
pub use record::{Record, RecordRef};
pub use records::{Counts, Records, Rejected, Step};
pub use retry::Retry;
pub use secret::{Credential, EnvSecrets, FileSecrets, Secret, SecretRef, SecretStore, Secrets};
pub use sink::{
    Archive, Frame, Land, Landing, Output, Quarantine, RawObject, Receipt, Refused, Sink, SinkInfo,
};
pub use source::{Next, Remaining, Source, SourceInfo};
pub use transform::{RecordTransform, Transform};
