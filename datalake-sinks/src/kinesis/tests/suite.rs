//! The suite of every sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_kinesis::Client;
use bytes::Bytes;
use datalake_aws::SdkConfig;
use datalake_core::store::{MemoryStore, ObjectStore};
use datalake_core::testkit::sink::CASES;
use datalake_core::testkit::{SinkHarness, batch};
use datalake_core::transform::Pointer;
use datalake_core::{Error, ErrorKind, Output, RecordId, Result, Sink, async_trait, sink_suite};
use datalake_simulators::emulator::{Emulator, bounded, unique};
use datalake_simulators::faults::Fault;
use datalake_simulators::kinesis::Kinesis;

use super::peer::{self, SECRET, STREAM, TOKEN, apart};
use crate::kinesis::{Aggregation, KinesisSink, KinesisSinkBuilder, Oversized, PartitionKey};

type Change = fn(KinesisSinkBuilder) -> KinesisSinkBuilder;

/// A stream on a simulator or an emulator, and a sink with some settings.
pub(super) struct Harness {
    simulator: Option<Kinesis>,
    config: SdkConfig,
    stream: String,
    claims: Arc<MemoryStore>,
    change: Change,
    refuses: bool,
    failed: AtomicUsize,
}

impl Harness {
    async fn simulated(change: Change) -> Self {
        let simulator = peer::simulator(3);
        let harness = Self::at(&simulator.url(), STREAM.to_owned(), change).await;
        Self { simulator: Some(simulator), ..harness }
    }

    async fn at(endpoint: &str, stream: String, change: Change) -> Self {
        let config = peer::config(endpoint).await;
        let (claims, failed) = (Arc::new(MemoryStore::new()), AtomicUsize::new(0));
        Self { simulator: None, config, stream, claims, change, refuses: false, failed }
    }

    fn client(&self) -> Client {
        Client::new(&self.config)
    }
}

#[async_trait]
impl SinkHarness for Harness {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        if self.simulator.is_none() {
            create(&self.client(), &self.stream).await?;
        }
        let builder = KinesisSink::builder(&self.config, &self.stream)
            .oversized(Oversized::refer(Arc::clone(&self.claims) as _, "claims")?);
        Ok(Arc::new((self.change)(builder).build()?))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        let mut found = Vec::new();
        if outputs.is_empty() {
            return Ok(found);
        }
        for (key, data) in peer::read(&self.client(), &self.stream).await? {
            for read in apart(key, data) {
                let body = match read.body() {
                    Some(body) => body,
                    None => {
                        let place =
                            read.event["dataref"].as_str().ok_or_else(|| Error::unexpected("no data"))?;
                        let key = place.strip_prefix(self.claims.uri()).unwrap_or(place);
                        self.claims.get(key.trim_start_matches('/')).await?
                    }
                };
                found.push((read.record(), body));
            }
        }
        Ok(found)
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn refused(&self) -> Option<Bytes> {
        self.refuses.then(|| r#"{"customer":null}"#.into())
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let (fault, kind) = match self.failed.fetch_add(1, Ordering::Relaxed) {
            0 => (Fault::throttled(), ErrorKind::RateLimited),
            1 => (Fault::unavailable(), ErrorKind::Unavailable),
            2 => (Fault::denied(), ErrorKind::PermissionDenied),
            3 => (Fault::Reset, ErrorKind::Unavailable),
            4 => (Fault::Refuse { status: 400, code: "KMSThrottlingException" }, ErrorKind::RateLimited),
            5 => (Fault::Refuse { status: 400, code: "ExpiredTokenException" }, ErrorKind::Unauthenticated),
            _ => return None,
        };
        self.simulator.as_ref()?.faults().always("PutRecords", fault);
        Some(kind)
    }

    async fn mend(&self) {
        if let Some(simulator) = &self.simulator {
            simulator.faults().clear();
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into(), TOKEN.into()]
    }

    fn shown(&self) -> Vec<String> {
        let builder = (self.change)(KinesisSink::builder(&self.config, &self.stream));
        vec![format!("{builder:?}"), format!("{:?}", builder.build())]
    }
}

async fn create(client: &Client, stream: &str) -> Result<()> {
    let created = client.create_stream().stream_name(stream).shard_count(2).send().await;
    if let Err(refused) = created {
        let there = refused.as_service_error().is_some_and(|error| error.is_resource_in_use_exception());
        assert!(there, "{refused:?}");
    }
    loop {
        let summary = client.describe_stream_summary().stream_name(stream).send().await.unwrap();
        let status = summary.stream_description_summary().unwrap().stream_status().clone();
        if status == aws_sdk_kinesis::types::StreamStatus::Active {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn by_number(builder: KinesisSinkBuilder) -> KinesisSinkBuilder {
    builder.partition_key(PartitionKey::pointer(Pointer::parse("/n").unwrap()))
}

fn together(builder: KinesisSinkBuilder) -> KinesisSinkBuilder {
    builder.aggregation(Aggregation::buckets(8))
}

sink_suite!(plain, Harness::simulated(|builder| builder).await);
sink_suite!(aggregated, Harness::simulated(together).await);
sink_suite!(refusing, Harness::simulated(|builder| builder.oversized(Oversized::refuse())).await);
sink_suite!(by_key, Harness { refuses: true, ..Harness::simulated(by_number).await });

/// An emulator: every case on a stream of its own, one after the other.
async fn on(emulator: Option<Emulator>, large: Change) {
    let Some(emulator) = emulator else { return };
    for (name, case) in CASES {
        let change: Change = if *name == "large_batch_is_written" { large } else { |builder| builder };
        let harness = Harness::at(emulator.endpoint(), unique("things"), change).await;
        bounded(name, case(&harness)).await.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        // An emulator holds no more than 100 shards.
        harness.client().delete_stream().stream_name(&harness.stream).send().await.ok();
    }
}

#[tokio::test]
async fn the_suite_passes_on_ministack() {
    on(Emulator::ministack("the Kinesis sink on MiniStack"), |builder| builder).await;
}

/// LocalStack takes a few hundred records a second, so the large batch is aggregated.
#[tokio::test]
async fn the_suite_passes_on_localstack() {
    on(Emulator::localstack("the Kinesis sink on LocalStack"), together).await;
}

#[tokio::test]
async fn a_stream_in_order_passes_what_can_be_asked_of_it() {
    let harness = Harness::simulated(|builder| together(builder).ordered(true)).await;
    let sink = harness.open().await.unwrap();
    let batch = batch((0..300).map(|n| harness.body(n))).build().unwrap();
    let receipt = sink.write(&batch).await.unwrap();
    assert_eq!(receipt.outputs.iter().map(|output| output.records).sum::<u64>(), 300);
    assert_eq!(harness.read(&receipt.outputs).await.unwrap().len(), 300);
}
