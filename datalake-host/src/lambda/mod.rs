//! The same worker in AWS Lambda.
//!
//! [`main`](crate::main) notices that it runs in Lambda and serves events instead of a command line, each by its shape:
//!
//! | event | what is done | answer |
//! | --- | --- | --- |
//! | of EventBridge Scheduler, a rule, or by hand | what the sources have is taken, until the deadline is near | what was done, and `"more": true` if there may be more |
//! | records of Kinesis, messages of SQS | they are landed as documents | a partial batch response |
//! | objects created in S3, by the bucket's notification or EventBridge | each is landed as a document | what was done |
//! | records of Firehose | they are transformed, by [`Host::firehose`](crate::Host::firehose) | the records |
//!
//! A pipeline that reads from a silo needs nothing for this. One that lands what events bring is added by
//! [`Host::on_invocation`](crate::Host::on_invocation):
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use datalake_core::lake::Lake;
//! use datalake_core::{Dataset, Format};
//! use datalake_host::Host;
//! use datalake_sinks::lake::LakeSink;
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     let host = Host::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
//!     let host = host.on_invocation("clicks", |pipeline, feed| async move {
//!         let lake = Lake::local("./lake")?;
//!         let source = feed.source(Dataset::new("clicks")?).format(Format::Json).build()?;
//!         Ok(pipeline.source(source).lake(&LakeSink::builder(&lake).build()))
//!     });
//!     datalake_host::main(host).await
//! }
//! ```
//!
//! # Initialisation
//!
//! Pipelines are made once, before the first event, and kept with their clients. If one cannot be made, the platform is
//! told why in one line and the process ends.
//!
//! # On a schedule
//!
//! All pipelines that no event feeds are drained side by side, or those that the event names: `{"pipelines":
//! ["orders"]}`. Reading stops before the deadline by three times as long as the longest of the last commits took and up
//! to two seconds more, but not before half of the time is over; what a new environment cannot know yet it learns from
//! the ledger. A commit that takes longer even so is dropped half a second before the deadline, as if the process had
//! been killed, and its records are read again by the next invocation. Invocations that overlap do each other's work
//! twice at worst: one of them gets the slot in the ledger.
//!
//! # Streams and queues
//!
//! A record that does not parse goes to the pipeline's quarantine and is landed by that. What is reported as a failure
//! is only what could not be committed, for instance because the store did not answer:
//!
//! * to Kinesis the first sequence number that is not committed, from which on it delivers again;
//! * to SQS the messages that are not committed; of a FIFO queue all from the first of them on;
//! * if nothing of the batch was committed, the invocation fails, and all of it comes again.
//!
//! **The mapping must have `ReportBatchItemFailures`.** Without it the service takes a list of failures for success, and
//! they are lost. If it cannot have it, use [`whole_batches`](InvocationSourceBuilder::whole_batches).
//!
//! Delivery is at least once. Every document has the id by which its service knows it, so that a sink outside of the
//! lake gives a record the same event id each time, and what comes again in the same environment is not landed again.
//!
//! # The end
//!
//! The worker registers as an extension, since only then does the platform send SIGTERM. It then commits what was read
//! and ends. Nothing depends on it.
//!
//! # Logs and lineage
//!
//! Logs are JSON, one value a line, with the request id and the W3C id of the X-Ray trace. Both are in the lineage of
//! every commit too. How much is logged is said by `RUST_LOG`, or by the log level of the function.

mod delivery;
mod drain;
mod event;
mod feed;
pub mod firehose;
mod function;
mod invocation;
mod kinesis;
mod log;
mod margin;
mod runtime;
mod sqs;
mod storage;
#[cfg(test)]
mod tests;

pub use feed::{Feed, InvocationSource, InvocationSourceBuilder};

pub(crate) use runtime::{is_here, serve};
