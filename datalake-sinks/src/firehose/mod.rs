//! Records into a delivery stream of Firehose.
//!
//! ```no_run
//! use datalake_sinks::firehose::FirehoseSink;
//!
//! # async fn example() -> datalake_core::Result<()> {
//! let config = datalake_aws::config::Settings::new().load().await;
//! let sink = FirehoseSink::builder(&config, "orders").build()?;
//! # let _ = sink;
//! # Ok(())
//! # }
//! ```
//!
//! * **Event.** A record becomes a CloudEvents 1.0 event on a line of its own, or a line as it is: [`EventFormat`]. The
//!   id of an event holds when the record comes again, after a lost answer or a crash.
//! * **Calls.** A batch is put in calls of at most 500 records and 4 MB, several at once. Of a call that failed in part only
//!   what failed is put again, with the delays of the pipeline's retry policy; a call that failed whole likewise, once
//!   anything of the batch is in the stream. Until then it is left to the engine.
//! * **Order.** Firehose keeps none.
//! * **Too large.** A record of more than 1,000 KiB as an event is refused and goes to quarantine, or is kept as an object
//!   that the event names: [`Oversized`].
//!
//! Firehose names no place of a record. The output of a receipt is `firehose://<stream>/<batch>/<attempt>`.

mod builder;
mod client;
mod sink;
#[cfg(test)]
mod tests;

pub use crate::stream::{EventFormat, Oversized};
pub use builder::FirehoseSinkBuilder;
pub use sink::FirehoseSink;
