//! Kinesis Data Streams as a source: `aws.kinesis`.
//!
//! [`KinesisSource`] reads every shard of a stream, each in its order. A shard that came out of a split or a merge is
//! read once all its parents are at their end. Aggregated records are taken apart. Each record of a user is one document
//! with the sequence number as its id.
//!
//! ```
//! use datalake_aws::SdkConfig;
//! use datalake_connectors::kinesis::{KinesisSource, Start};
//! use datalake_core::{Dataset, Result};
//!
//! # fn example(config: &SdkConfig) -> Result<KinesisSource> {
//! KinesisSource::builder(config, "orders", Dataset::new("orders")?).start(Start::Latest).build()
//! # }
//! ```
//!
//! # Position
//!
//! The position holds the place in every shard, so nothing is kept in the stream or in a table. The first position of
//! a pipeline that begins at [`Start::Latest`] is the time at which it began, and is committed before anything is read:
//! records that arrive before the first restart are not passed over.
//!
//! # What has fallen out of the stream
//!
//! After a restart the record at the place is read once more. If it is gone, and the place was last known to be the
//! newest longer ago than the stream keeps records, then what followed it may be gone too: that is a
//! [`PositionInvalid`](datalake_core::ErrorKind::PositionInvalid) and never a silent gap. A quiet stream is no loss: its
//! position is renewed once an hour.
//!
//! # Aggregated records
//!
//! Records of an aggregate that belong to another shard by their hash key are given, where Amazon's consumers drop them:
//! only its own producer sends such records again.
//!
//! # Limits
//!
//! A shard answers five reads and two mebibytes a second to all its readers. One process reads some tens of shards;
//! for more, let Lambda's event source mapping call the worker.

mod builder;
mod client;
mod pending;
mod place;
mod shards;
mod source;
#[cfg(test)]
mod tests;

pub use builder::{KinesisSourceBuilder, Start};
pub use source::KinesisSource;

const SYSTEM: &str = "aws.kinesis";
const SCHEMA: &str = "aws.kinesis/1";
