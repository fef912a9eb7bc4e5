//! Settings of a transformation.

use std::fmt;
use std::sync::Arc;

use datalake_core::lake::Partition;
use datalake_core::pipeline::Reshaper;
use datalake_core::{BufferPool, Error, Format, Result};

use super::FirehoseTransform;
use super::hop::Worker;

/// What Firehose and Lambda take as an answer is 6 MB; this is under it by either way of counting.
const LIMIT: usize = 5_800_000;
/// How much memory of earlier answers is kept: two of them, and what they were put together from, bytes.
const MEMORY: usize = 24 << 20;

/// Builds a [`FirehoseTransform`].
#[must_use]
pub struct FirehoseTransformBuilder {
    reshaper: Reshaper,
    format: Format,
    partitions: Vec<Partition>,
    bare: bool,
    limit: usize,
}

impl FirehoseTransformBuilder {
    pub(super) fn new(reshaper: Reshaper) -> Self {
        Self { reshaper, format: Format::Ndjson, partitions: Vec::new(), bare: false, limit: LIMIT }
    }

    /// Says how the data of one Firehose record divides into records. NDJSON unless set, which is right for one JSON
    /// value too, unless it is spread over several lines.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Gives each record a partition key for dynamic partitioning, under the name of the partition. The prefix of the
    /// delivery stream then reads, for instance, `orders/dt=!{partitionKeyFromLambda:dt}/`. Called again, it adds
    /// another key. Set it only if dynamic partitioning is on.
    pub fn partition(mut self, partition: Partition) -> Self {
        self.partitions.push(partition);
        self
    }

    /// Writes records as they are, without lineage.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Sets the bytes that an answer may have. 5,800,000 unless set; Firehose takes 6 MB.
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if two partitions have one name, or the limit is
    /// none that Firehose has.
    pub fn build(self) -> Result<FirehoseTransform> {
        for (n, partition) in self.partitions.iter().enumerate() {
            if self.partitions[..n].iter().any(|other| other.name() == partition.name()) {
                return Err(Error::config("two partition keys have one name").with("name", partition.name()));
            }
        }
        if !(1024..=6 << 20).contains(&self.limit) {
            return Err(Error::config("an answer to Firehose has 1 KiB to 6 MiB").with("limit", self.limit));
        }
        Ok(FirehoseTransform {
            worker: Worker::of(&self.reshaper),
            reshaper: Arc::new(self.reshaper),
            format: Arc::new(self.format),
            partitions: self.partitions.into(),
            bare: self.bare,
            limit: self.limit,
            pool: BufferPool::new(MEMORY),
        })
    }
}

impl fmt::Debug for FirehoseTransformBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirehoseTransformBuilder").field("reshaper", &self.reshaper).finish_non_exhaustive()
    }
}
