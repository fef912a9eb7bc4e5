//! The sink.

use std::collections::BTreeMap;

use async_trait::async_trait;
use datalake_aws::SdkConfig;
use datalake_aws::kpl::hash_key;
use datalake_aws::permission::Permission;
use datalake_core::codec::Compression;
use datalake_core::{Batch, Output, Receipt, Result, Sink, SinkInfo};

use super::client::Stream;
use super::key::scratch;
use super::{Aggregation, KinesisSinkBuilder, Oversized, PartitionKey};
use crate::stream::{Calls, Encoded, Entry, Event, Placed, Shape, Turns, deposit, encode, send};

/// A stream of Kinesis. Build one with [`KinesisSink::builder`].
#[derive(Debug)]
pub struct KinesisSink {
    pub(super) info: SinkInfo,
    pub(super) place: Stream,
    pub(super) shape: Shape,
    pub(super) key: PartitionKey,
    pub(super) oversized: Oversized,
    pub(super) aggregation: Option<Aggregation>,
    pub(super) record: usize,
    pub(super) calls: Calls,
    pub(super) turns: Option<Turns>,
}

impl KinesisSink {
    /// Begins with events in CloudEvents, by event id, in no order, one record each. The stream is named by its name or,
    /// better, its ARN.
    pub fn builder(config: &SdkConfig, stream: impl Into<String>) -> KinesisSinkBuilder {
        KinesisSinkBuilder::new(config, stream)
    }

    /// What the sink must be allowed to do. A stream that is encrypted with a key of your own needs
    /// `kms:GenerateDataKey` on that key besides, and records kept as objects what their store needs.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let arn = self.place.arn.clone();
        let arn = arn.unwrap_or_else(|| format!("arn:aws:kinesis:*:*:stream/{}", self.place.name));
        vec![Permission::new("kinesis:PutRecords", arn)]
    }

    async fn encode(&self, batch: &Batch) -> Result<(Vec<Entry>, Encoded)> {
        let (batch, shape, key) = (batch.clone(), self.shape.clone(), self.key.clone());
        let (oversized, record, aggregation) = (self.oversized.clone(), self.record, self.aggregation);
        let work = move || {
            let mut draft = scratch();
            let mut encoded =
                encode(&batch, &shape, &oversized, record, |record, id| key.of(&mut draft, record, id));
            let events = std::mem::take(&mut encoded.events);
            let entries = match aggregation {
                Some(aggregation) => aggregation.entries(events, record),
                None => events.into_iter().map(alone).collect(),
            };
            (entries, encoded)
        };
        self.calls.ambient.cpu().run(work).await
    }
}

fn alone(event: Event) -> Entry {
    let Event { key, data } = event;
    Entry { lane: hash_key(&key), key, explicit_hash_key: None, data: data.into(), records: 1 }
}

#[async_trait]
impl Sink for KinesisSink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        if batch.records.is_empty() {
            return Ok(Receipt::default());
        }
        let mut turn = self.turns.as_ref().map(|turns| turns.queue(batch));
        let written = async {
            let (entries, Encoded { claims, refused, .. }) = self.encode(batch).await?;
            deposit(&self.oversized, claims).await?;
            if let Some(turn) = &mut turn {
                turn.come().await?;
            }
            let placed = send(&self.place, &entries, &self.calls).await?;
            Ok(Receipt { outputs: self.outputs(&entries, &placed), refused })
        };
        let written = written.await;
        if let (Some(turn), Err(_)) = (&turn, &written) {
            turn.bar();
        }
        written
    }
}

impl KinesisSink {
    /// An output for each shard.
    fn outputs(&self, entries: &[Entry], placed: &[Placed]) -> Vec<Output> {
        let mut shards: BTreeMap<&str, Run<'_>> = BTreeMap::new();
        for (entry, place) in entries.iter().zip(placed) {
            shards
                .entry(&place.shard)
                .or_insert_with(|| Run::at(&place.sequence))
                .add(entry, &place.sequence);
        }
        let output = |(shard, run): (&str, Run<'_>)| Output {
            sink: self.info.name.clone(),
            location: format!("kinesis://{}/{shard}/{}-{}", self.place.name, run.first, run.last),
            bytes: run.bytes,
            records: run.records,
            sha256: None,
            format: self.shape.name(),
            compression: Compression::None,
            partition: None,
        };
        shards.into_iter().map(output).collect()
    }
}

/// What was put on one shard.
struct Run<'a> {
    first: &'a str,
    last: &'a str,
    bytes: u64,
    records: u64,
}

impl<'a> Run<'a> {
    fn at(sequence: &'a str) -> Self {
        Self { first: sequence, last: sequence, bytes: 0, records: 0 }
    }

    fn add(&mut self, entry: &Entry, sequence: &'a str) {
        // Decimal numbers without leading zeros: the longer one is the greater.
        let order = |text: &'a str| (text.len(), text);
        self.first = [self.first, sequence].into_iter().min_by_key(|text| order(text)).unwrap_or(sequence);
        self.last = [self.last, sequence].into_iter().max_by_key(|text| order(text)).unwrap_or(sequence);
        self.bytes += entry.data.len() as u64;
        self.records += entry.records;
    }
}
