//! The sink.

use async_trait::async_trait;
use datalake_aws::SdkConfig;
use datalake_aws::permission::Permission;
use datalake_core::codec::Compression;
use datalake_core::{Batch, Output, Receipt, Result, Sink, SinkInfo};

use super::client::Stream;
use super::{FirehoseSinkBuilder, Oversized};
use crate::stream::{Calls, Encoded, Entry, Event, Shape, deposit, encode, send};

/// The most bytes of a record.
const RECORD: usize = 1000 << 10;

/// A delivery stream of Firehose. Build one with [`FirehoseSink::builder`].
#[derive(Debug)]
pub struct FirehoseSink {
    pub(super) info: SinkInfo,
    pub(super) place: Stream,
    pub(super) shape: Shape,
    pub(super) oversized: Oversized,
    pub(super) calls: Calls,
}

impl FirehoseSink {
    /// Begins with events in CloudEvents, each on a line of its own.
    pub fn builder(config: &SdkConfig, stream: impl Into<String>) -> FirehoseSinkBuilder {
        FirehoseSinkBuilder::new(config, stream)
    }

    /// What the sink must be allowed to do. Records kept as objects need what their store needs besides.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let arn = format!("arn:aws:firehose:*:*:deliverystream/{}", self.place.name);
        vec![Permission::new("firehose:PutRecordBatch", arn)]
    }

    async fn encode(&self, batch: &Batch) -> Result<Encoded> {
        let (batch, shape, oversized) = (batch.clone(), self.shape.clone(), self.oversized.clone());
        let work = move || encode(&batch, &shape, &oversized, RECORD, |_, _| Ok(String::new()));
        self.calls.ambient.cpu().run(work).await
    }
}

#[async_trait]
impl Sink for FirehoseSink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        if batch.records.is_empty() {
            return Ok(Receipt::default());
        }
        let Encoded { events, claims, refused } = self.encode(batch).await?;
        deposit(&self.oversized, claims).await?;
        let entry = |Event { key, data }: Event| Entry {
            key,
            explicit_hash_key: None,
            data: data.into(),
            records: 1,
            lane: 0,
        };
        let entries: Vec<_> = events.into_iter().map(entry).collect();
        send(&self.place, &entries, &self.calls).await?;
        let output = Output {
            sink: self.info.name.clone(),
            location: format!("firehose://{}/{}/{}", self.place.name, batch.id, batch.attempt),
            bytes: entries.iter().map(|entry| entry.data.len() as u64).sum(),
            records: entries.len() as u64,
            sha256: None,
            format: self.shape.name(),
            compression: Compression::None,
            partition: None,
        };
        Ok(Receipt { outputs: if entries.is_empty() { Vec::new() } else { vec![output] }, refused })
    }
}
