//! Settings of the sink.

use aws_sdk_firehose::Client;
use datalake_aws::SdkConfig;
use datalake_aws::config::disciplined;
use datalake_core::{Ambient, Error, Result, Retry, SinkInfo};
use serde_json::json;

use super::client::Stream;
use super::{EventFormat, FirehoseSink, Oversized};
use crate::stream::{Calls, Shape};

/// The most records of a call.
const RECORDS: usize = 500;
/// The most bytes of a call.
const BYTES: usize = 4_000_000;
/// Calls under way for one batch.
const AT_ONCE: usize = 4;

/// Builds a [`FirehoseSink`].
#[derive(Debug, Clone)]
#[must_use]
pub struct FirehoseSinkBuilder {
    config: SdkConfig,
    stream: String,
    shape: Shape,
    oversized: Oversized,
    calls: Calls,
    target: (usize, usize),
}

impl FirehoseSinkBuilder {
    pub(super) fn new(config: &SdkConfig, stream: impl Into<String>) -> Self {
        Self {
            config: disciplined(config),
            stream: stream.into(),
            shape: Shape { newline: true, ..Shape::default() },
            oversized: Oversized::default(),
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

    /// Sets whether a record ends with a line feed; it does without this. Firehose joins records as they are, so what it
    /// delivers is NDJSON with it, and cannot be told apart without it unless the delivery stream adds a delimiter.
    pub fn newline(mut self, newline: bool) -> Self {
        self.shape.newline = newline;
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

    /// Sets what happens to a record that is too large; it is refused without it.
    pub fn oversized(mut self, oversized: Oversized) -> Self {
        self.oversized = oversized;
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
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a bad name, and for records without an envelope that
    /// should name an object.
    pub fn build(self) -> Result<FirehoseSink> {
        let Self { config, stream, shape, oversized, calls, target } = self;
        let bad = |why: &'static str| Error::config(why).component("aws.firehose").with("stream", &stream);
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=64).contains(&stream.len()) || !stream.bytes().all(name) {
            return Err(bad("a delivery stream name has 1 to 64 letters, digits, '_', '.' and '-'"));
        }
        if !oversized.is_refused() && shape.format == EventFormat::Bare {
            return Err(bad("without an envelope a record cannot name the object it is kept in"));
        }
        let info = SinkInfo::new("aws.firehose").with_target(target.0, target.1).with_config(json!({
            "stream": stream,
            "event": shape.describe(),
            "oversized": oversized.describe(),
        }));
        let place = Stream { client: Client::new(&config), name: stream };
        Ok(FirehoseSink { info, place, shape, oversized, calls })
    }
}
