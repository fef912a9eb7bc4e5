//! A lake as the place where a pipeline lands: raw zone, curated zone, quarantine and ledger in one object store.
//!
//! ```
//! use datalake_core::codec::Compression;
//! use datalake_core::lake::Lake;
//! use datalake_core::store::MemoryStore;
//! use datalake_sinks::lake::{LakeSink, Partition};
//! use std::sync::Arc;
//!
//! let lake = Lake::new(Arc::new(MemoryStore::new()));
//! let landing = LakeSink::builder(&lake)
//!     .compression(Compression::Zstd, 3)
//!     .partition(Partition::day("/placed_at")?)
//!     .build();
//! # let _ = landing;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! Give it to a pipeline with `PipelineBuilder::lake`, which makes it archive, sink, quarantine and ledger at once.

mod archive;
mod builder;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
mod partition;
mod quarantine;
mod sink;

#[cfg(test)]
mod tests;

pub use archive::RawArchive;
pub use builder::{LakeSink, LakeSinkBuilder};
pub use datalake_core::lake::Partition;
#[cfg(feature = "parquet")]
pub use parquet::{Contract, ParquetFormat, ParquetSettings, ParquetSink, Schema};
pub use quarantine::LakeQuarantine;
pub use sink::CuratedSink;
