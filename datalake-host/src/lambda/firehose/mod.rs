//! The transformation of a delivery stream: a Lambda that Firehose calls with records and that answers for each.
//!
//! ```
//! use bytes::Bytes;
//! use datalake_core::Pipeline;
//! use datalake_core::lake::Partition;
//! use datalake_core::transform::json::{drop_fields, mask};
//! use datalake_host::lambda::firehose::FirehoseTransform;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datalake_core::Result<()> {
//! let orders = Pipeline::builder("orders")
//!     .transform(drop_fields("no-notes", ["/note"])?)
//!     .transform(mask("mask-email", "/customer/email")?)
//!     .reshaper()?;
//! let transform = FirehoseTransform::builder(orders).partition(Partition::day("/placed_at")?).build()?;
//!
//! let event = Bytes::from(r#"{"records":[{"recordId":"1","data":"eyJpZCI6MX0="}]}"#);
//! let answer = transform.answer(event).await?;
//! assert!(answer.starts_with(br#"{"records":[{"recordId":"1","result":"Ok","data":""#));
//! # Ok(())
//! # }
//! ```
//!
//! * **`Ok`**: the records that came out of a record, one line of JSON each. What is no JSON object is put under
//!   `value`, `text` or `base64`, as in the lake. The last member of each line is `_lake`: its `h` says by whom, when, in
//!   which invocation and by which steps the record was changed. Out of an event of our Kinesis or Firehose sink the
//!   record is taken and transformed; `_lake` then has its id in the lake too (`b`, `i`, `c`), which leads back to the
//!   silo, and the id of the event (`e`), by which a record that comes again can be told.
//! * **`Dropped`**: the record was filtered, or there was none in it.
//! * **`ProcessingFailed`**: a step refused the record, or one of several in it: what was packed together fails
//!   together, so that nothing is there twice when it is sent again. Firehose keeps the record as it came under the
//!   error prefix. The reason is in the log.
//!
//! An answer has at most 6 MB. What does not fit is `ProcessingFailed` with the reason `answer-full`: Firehose keeps it,
//! and nothing is lost. To have no such records, make the buffer of the transformation smaller: 1 MB, the default, leaves
//! room for records to grow fourfold.
//!
//! Firehose calls again with the same records when an answer is lost or late. Each call therefore stands alone: `dedupe`
//! reaches over the records of one call. An event without records, or whose records have no ids, is answered all the
//! same. Records that share an id get one answer, `ProcessingFailed`, since no answer could tell them apart.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::lake::Partition;
use datalake_core::pipeline::Reshaper;
use datalake_core::{BufferPool, Format, Result};

mod answer;
mod builder;
mod decode;
mod encode;
mod entry;
mod envelope;
mod event;
mod hop;
mod log;
mod reply;

#[cfg(test)]
mod tests;

pub use builder::FirehoseTransformBuilder;

use hop::Worker;

/// Transforms the records of a delivery stream. See [the module](self).
pub struct FirehoseTransform {
    reshaper: Arc<Reshaper>,
    worker: Worker,
    format: Arc<Format>,
    partitions: Arc<[Partition]>,
    bare: bool,
    limit: usize,
    pool: BufferPool,
}

impl FirehoseTransform {
    /// A transformation with the transforms of a pipeline.
    pub fn builder(reshaper: Reshaper) -> FirehoseTransformBuilder {
        FirehoseTransformBuilder::new(reshaper)
    }

    /// Answers an event.
    ///
    /// **Concurrency**: calls run side by side. **Cancellation**: the future may be dropped at any await.
    ///
    /// # Errors
    /// [`RecordInvalid`](datalake_core::ErrorKind::RecordInvalid) if it is no event of Firehose;
    /// [`RecordTooLarge`](datalake_core::ErrorKind::RecordTooLarge) if it has so many records, of a few bytes each, that
    /// not even their ids fit into an answer; or a transform failed and no record is to blame. Firehose calls again, and
    /// in the end keeps the records as they came.
    pub async fn answer(&self, event: impl Into<Bytes>) -> Result<Bytes> {
        answer::answer(self, event.into()).await
    }
}

impl fmt::Debug for FirehoseTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirehoseTransform")
            .field("reshaper", &self.reshaper)
            .field("format", &self.format)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}
