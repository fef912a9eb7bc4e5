//! Settings of the sink.

use aws_sdk_kinesis::Client;
use datalake_aws::SdkConfig;
use datalake_aws::config::disciplined;
use datalake_core::{Ambient, Error, Result, Retry, SinkInfo};
use serde_json::json;

use super::client::Stream;
use super::{Aggregation, EventFormat, KinesisSink, Oversized, PartitionKey};
use crate::stream::{Calls, Shape, Turns};

/// The most records of a call.
const RECORDS: usize = 500;
/// The most bytes of a call, everywhere.
const BYTES: usize = 5 << 20;
/// The most bytes of a record of a stream that does not say otherwise.
const RECORD: usize = 1 << 20;
/// The most bytes of a record of any stream.
const LARGEST: usize = 10 << 20;
/// Calls under way for one batch.
const AT_ONCE: usize = 4;

/// Builds a [`KinesisSink`].
#[derive(Debug, Clone)]
#[must_use]
pub struct KinesisSinkBuilder {
    config: SdkConfig,
    stream: String,
    shape: Shape,
    key: PartitionKey,
    oversized: Oversized,
    aggregation: Option<Aggregation>,
    record: usize,
    calls: Calls,
    target: (usize, usize),
}

impl KinesisSinkBuilder {
    pub(super) fn new(config: &SdkConfig, stream: impl Into<String>) -> Self {
        Self {
            config: disciplined(config),
            stream: stream.into(),
            shape: Shape::default(),
            key: PartitionKey::default(),
            oversized: Oversized::default(),
            aggregation: None,
            record: RECORD,
            calls: Calls {
                entries: RECORDS,
                bytes: BYTES,
                at_once: AT_ONCE,
                ordered: false,
                retry: Retry::default(),
                ambient: Ambient::default(),
            },
            target: (8 << 20, 20 * RECORDS),
        }
    }

    /// Sets how a record is written.
    pub fn format(mut self, format: EventFormat) -> Self {
        self.shape.format = format;
        self
    }

    /// Sets the `source` of events, a URI reference; `/datalake/<pipeline>` without it.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.shape.source = Some(source.into());
        self
    }

    /// Sets the `type` of events; `datalake.<dataset>` without it.
    pub fn event_type(mut self, kind: impl Into<String>) -> Self {
        self.shape.kind = Some(kind.into());
        self
    }

    /// Sets what decides which shard a record goes to; its event id without it.
    pub fn partition_key(mut self, key: PartitionKey) -> Self {
        self.key = key;
        self
    }

    /// Keeps the order of records that have one partition key, or are in one bucket of an
    /// [`Aggregation`]. The next one is put only once the one before it is on the stream, and one batch is written at a
    /// time, so this is slow for few keys: with aggregation it is much faster.
    ///
    /// A record that comes again after a crash comes with all that follow it. A reader that drops what it has seen sees
    /// each key in order. The stream must be one that goes by partition keys.
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.calls.ordered = ordered;
        self
    }

    /// Puts several records into one record of the stream.
    pub fn aggregation(mut self, aggregation: Aggregation) -> Self {
        self.aggregation = Some(aggregation);
        self
    }

    /// Sets what happens to a record that is too large; it is refused without it.
    pub fn oversized(mut self, oversized: Oversized) -> Self {
        self.oversized = oversized;
        self
    }

    /// Sets how large a record the stream takes, its key included, in bytes: 1 MiB without it, up to 10 MiB. As the
    /// stream's `MaxRecordSizeInKiB`. A call holds at least as much.
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.record = bytes;
        self
    }

    /// Sets how many calls may be under way for one batch; 4 without it. The pipeline writes several batches at once.
    pub fn calls_at_once(mut self, calls: usize) -> Self {
        self.calls.at_once = calls.max(1);
        self
    }

    /// Sets how many bytes and records the sink likes to get at once; 8 MiB and 10,000 without it. Each batch is a commit.
    pub fn target(mut self, bytes: usize, records: usize) -> Self {
        self.target = (bytes.max(1), records.max(1));
        self
    }

    /// Sets how often and after what delay that is put again which a call left over. Give it the pipeline's own, so that
    /// they share a budget.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.calls.retry = retry;
        self
    }

    /// Replaces time, randomness and processors, for simulations.
    pub fn ambient(mut self, ambient: Ambient) -> Self {
        self.calls.ambient = ambient;
        self
    }

    /// The sink. Does not call the service.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a bad name, key or size, and for records without an
    /// envelope that should name an object.
    pub fn build(self) -> Result<KinesisSink> {
        let Self { config, stream, shape, key, oversized, aggregation, record, mut calls, target } = self;
        let bad = |why: &'static str| Error::config(why).component("aws.kinesis").with("stream", &stream);
        let place = Stream::new(Client::new(&config), &stream);
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=128).contains(&place.name.len()) || !place.name.bytes().all(name) {
            return Err(bad("a stream name has 1 to 128 letters, digits, '_', '.' and '-'"));
        }
        if !key.is_valid() {
            return Err(bad("a partition key has 1 to 256 characters"));
        }
        if !(1024..=LARGEST).contains(&record) {
            return Err(bad("a record has at most 1 KiB to 10 MiB"));
        }
        if !oversized.is_refused() && shape.format == EventFormat::Bare {
            return Err(bad("without an envelope a record cannot name the object it is kept in"));
        }
        calls.bytes = calls.bytes.max(record);
        let info = SinkInfo::new("aws.kinesis").with_target(target.0, target.1).with_config(json!({
            "stream": place.name,
            "event": shape.describe(),
            "partition_key": key.describe(),
            "ordered": calls.ordered,
            "aggregation": aggregation.as_ref().map(Aggregation::describe),
            "oversized": oversized.describe(),
            "max_record_bytes": record,
        }));
        let turns = calls.ordered.then(Turns::default);
        Ok(KinesisSink { info, place, shape, key, oversized, aggregation, record, calls, turns })
    }
}
