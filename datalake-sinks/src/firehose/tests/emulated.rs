//! The suite on emulators: what was put is read from the bucket that the delivery stream delivers to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_firehose::types::{BufferingHints, ExtendedS3DestinationConfiguration};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use bytes::Bytes;
use datalake_aws::SdkConfig;
use datalake_core::testkit::SinkHarness;
use datalake_core::testkit::sink::CASES;
use datalake_core::{Error, Output, RecordId, Result, Sink, async_trait};
use datalake_simulators::emulator::{Emulator, REGION, bounded, unique};

use super::config;
use super::suite::record;
use crate::firehose::FirehoseSink;

/// The longest that a delivery takes.
const DELIVERY: Duration = Duration::from_secs(60);

/// A delivery stream with a bucket of its own.
struct Delivered {
    config: SdkConfig,
    s3: aws_sdk_s3::Client,
    name: String,
    /// The lines of the objects read so far: they do not change.
    read: Mutex<BTreeMap<String, Vec<Bytes>>>,
}

impl Delivered {
    async fn new(emulator: &Emulator) -> Self {
        let (config, name) = (config(emulator.endpoint()).await, unique("things"));
        let settings = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let s3 = aws_sdk_s3::Client::from_conf(settings);
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(REGION))
            .build();
        s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await.unwrap();
        let hints = BufferingHints::builder().size_in_mbs(1).interval_in_seconds(0).build();
        let destination = ExtendedS3DestinationConfiguration::builder()
            .bucket_arn(format!("arn:aws:s3:::{name}"))
            .role_arn("arn:aws:iam::000000000000:role/delivery")
            .buffering_hints(hints)
            .build()
            .unwrap();
        let firehose = aws_sdk_firehose::Client::new(&config);
        let create = firehose.create_delivery_stream().delivery_stream_name(&name);
        create.extended_s3_destination_configuration(destination).send().await.unwrap();
        let begun = Instant::now();
        loop {
            let found = firehose.describe_delivery_stream().delivery_stream_name(&name).send().await.unwrap();
            let status = found.delivery_stream_description().unwrap().delivery_stream_status().as_str();
            if status == "ACTIVE" {
                return Self { config, s3, name, read: Mutex::default() };
            }
            assert!(begun.elapsed() < DELIVERY, "the delivery stream is {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn lines(&self) -> Vec<Bytes> {
        let mut pages = self.s3.list_objects_v2().bucket(&self.name).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let key = object.key().unwrap();
                if self.read.lock().unwrap().contains_key(key) {
                    continue;
                }
                let got = self.s3.get_object().bucket(&self.name).key(key).send().await;
                let bytes = got.unwrap().body.collect().await.unwrap().into_bytes();
                let some = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let lines = some.map(|line| bytes.slice_ref(line)).collect();
                self.read.lock().unwrap().insert(key.to_owned(), lines);
            }
        }
        self.read.lock().unwrap().values().flatten().cloned().collect()
    }
}

#[async_trait]
impl SinkHarness for Delivered {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(FirehoseSink::builder(&self.config, &self.name).build()?))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        let expected: u64 = outputs.iter().map(|output| output.records).sum();
        if expected == 0 {
            return Ok(Vec::new());
        }
        let begun = Instant::now();
        loop {
            let lines = self.lines().await;
            let found = lines.iter().map(|line| record(&serde_json::from_slice(line).unwrap()));
            let found = found.collect::<Result<Vec<_>>>()?;
            let ours = |id: &RecordId| {
                outputs.iter().any(|output| output.location.contains(&format!("/{}/", id.batch)))
            };
            if found.iter().filter(|(id, _)| ours(id)).count() as u64 >= expected {
                return Ok(found);
            }
            if begun.elapsed() > DELIVERY {
                return Err(Error::unexpected("the records were not delivered").with("found", found.len()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn is_stream(&self) -> bool {
        true
    }
}

/// Every case on a delivery stream of its own, one after the other. MiniStack makes an object of each record, LocalStack
/// one of each call.
async fn on(emulator: Option<Emulator>, without: &[&str]) {
    let Some(emulator) = emulator else { return };
    for (name, case) in CASES.iter().filter(|(name, _)| !without.contains(name)) {
        let harness = Delivered::new(&emulator).await;
        bounded(name, case(&harness)).await.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

/// Without the case of twenty thousand records, which would be as many objects.
#[tokio::test]
async fn the_suite_passes_on_ministack() {
    on(Emulator::ministack("the Firehose sink on MiniStack"), &["large_batch_is_written"]).await;
}

#[tokio::test]
async fn the_suite_passes_on_localstack() {
    on(Emulator::localstack("the Firehose sink on LocalStack"), &[]).await;
}
