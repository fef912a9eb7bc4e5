//! Records onto a stream of Kinesis.
//!
//! ```no_run
//! use datalake_core::transform::Pointer;
//! use datalake_sinks::kinesis::{KinesisSink, PartitionKey};
//!
//! # async fn example() -> datalake_core::Result<()> {
//! let config = datalake_aws::config::Settings::new().load().await;
//! let sink = KinesisSink::builder(&config, "orders")
//!     .partition_key(PartitionKey::pointer(Pointer::parse("/customer/id")?))
//!     .build()?;
//! # let _ = sink;
//! # Ok(())
//! # }
//! ```
//!
//! * **Event.** A record becomes a CloudEvents 1.0 event, or is written as it is: [`EventFormat`]. An event has the
//!   record's event id as `id`, by which a reader drops what it has seen: a record comes again after a lost answer or a
//!   crash. `lakerecord` is the id that `trace` takes, and `lakeattempt` the attempt that wrote it: the commit of the batch
//!   names the one that counts.
//! * **Calls.** A batch is put in calls of at most 500 records and 5 MiB, several at once. Of a call that failed in part
//!   only what failed is put again, with the delays of the pipeline's retry policy; a call that failed whole likewise, once
//!   anything of the batch is on the stream. Until then it is left to the engine.
//! * **Order.** None, unless asked for with [`ordered`](KinesisSinkBuilder::ordered).
//! * **Too large.** A record that the stream does not take is refused and goes to quarantine, or is kept as an object that
//!   the event names: [`Oversized`].
//! * **Aggregation.** On request several records share one record of the stream, which costs less:
//!   [`Aggregation`].
//!
//! A receipt names an output for each shard, `kinesis://<stream>/<shard>/<first>-<last>`, with the sequence numbers of
//! the first and the last record put there.

mod aggregation;
mod builder;
mod client;
mod key;
mod sink;
#[cfg(test)]
mod tests;

pub use crate::stream::{EventFormat, Oversized};
pub use aggregation::Aggregation;
pub use builder::KinesisSinkBuilder;
pub use key::PartitionKey;
pub use sink::KinesisSink;
