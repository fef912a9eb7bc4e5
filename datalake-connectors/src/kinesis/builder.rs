//! Settings of the source.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use chrono::{DateTime, Utc};
use datalake_aws::SdkConfig;
use datalake_aws::config::disciplined;
use datalake_core::{Dataset, Error, Format, Result, SourceInfo};
use serde_json::json;

use super::SYSTEM;
use super::client::Stream;
use super::source::{KinesisSource, Settings};

/// Where a pipeline without a commit begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Start {
    /// With the oldest records of the stream.
    #[default]
    Horizon,
    /// With records that arrive after the source was first asked, by the clock of the worker.
    Latest,
    /// With records that arrived at this time or later.
    At(DateTime<Utc>),
}

/// Builds a [`KinesisSource`].
#[derive(Debug, Clone)]
#[must_use]
pub struct KinesisSourceBuilder {
    config: SdkConfig,
    stream: String,
    dataset: Dataset,
    start: Start,
    format: Format,
    pace: Duration,
    poll_every: Duration,
    limit: usize,
    shards_at_once: usize,
    batch_bytes: usize,
    over_gaps: bool,
}

impl KinesisSourceBuilder {
    pub(super) fn new(config: &SdkConfig, stream: impl Into<String>, dataset: Dataset) -> Self {
        Self {
            config: disciplined(config),
            stream: stream.into(),
            dataset,
            start: Start::default(),
            format: Format::Json,
            pace: Duration::from_millis(250),
            poll_every: Duration::from_secs(1),
            limit: 10_000,
            shards_at_once: 4,
            batch_bytes: 4 << 20,
            over_gaps: false,
        }
    }

    /// Sets where a pipeline without a commit begins; with the oldest records without it.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Sets what a record of the stream is; one JSON value without it. With [`Format::Ndjson`] a record of the stream holds
    /// several records.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the least time between two reads of one shard, 250 ms without it. All readers of a shard share five reads a
    /// second.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Sets how long to wait at the newest record before looking again, one second without it.
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// Sets how many records one read may give, up to 10,000, which it is without it.
    pub fn records_per_read(mut self, records: usize) -> Self {
        self.limit = records;
        self
    }

    /// Sets how many shards are read at once, 4 without it. Each may answer with 10 MiB.
    pub fn shards_at_once(mut self, shards: usize) -> Self {
        self.shards_at_once = shards.max(1);
        self
    }

    /// Sets how many bytes of documents a batch holds, unless one has more: 4 MiB without it, at most 8.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// Reads on, with a warning, where records may have fallen out of the stream before they were read. Without it that
    /// ends the run.
    pub fn over_gaps(mut self, over: bool) -> Self {
        self.over_gaps = over;
        self
    }

    /// The source. Does not call the service.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a bad name or bound.
    pub fn build(self) -> Result<KinesisSource> {
        let bad = |why: &'static str| Error::config(why).component(SYSTEM).with("stream", &self.stream);
        let stream = Stream::new(Client::new(&self.config), &self.stream);
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=128).contains(&stream.name.len()) || !stream.name.bytes().all(name) {
            return Err(bad("a stream name has 1 to 128 letters, digits, '_', '.' and '-'"));
        }
        let limit = i32::try_from(self.limit).ok().filter(|limit| (1..=10_000).contains(limit));
        let limit = limit.ok_or_else(|| bad("a read gives 1 to 10,000 records"))?;
        if !(1..=8 << 20).contains(&self.batch_bytes) {
            return Err(bad("a batch holds 1 byte to 8 MiB"));
        }
        let locator = format!("kinesis://{}", stream.name);
        let start = match self.start {
            Start::Horizon => json!("horizon"),
            Start::Latest => json!("latest"),
            Start::At(time) => json!(time),
        };
        let info = SourceInfo::new(SYSTEM, self.dataset, locator)
            .with_config(json!({ "stream": stream.name, "start": start, "format": self.format }));
        let settings = Settings {
            start: self.start,
            format: Arc::new(self.format),
            pace: self.pace,
            poll_every: self.poll_every,
            limit,
            shards_at_once: self.shards_at_once,
            batch_bytes: self.batch_bytes,
            over_gaps: self.over_gaps,
        };
        Ok(KinesisSource::new(stream, info, settings))
    }
}
