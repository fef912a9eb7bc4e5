//! A Kinesis to write to, and what is read back from it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_kinesis::types::ShardIteratorType;
use bytes::Bytes;
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_aws::kpl::disaggregate;
use datalake_core::{Error, RecordId, Result, Retry};
use datalake_simulators::emulator::REGION;
use datalake_simulators::kinesis::Kinesis;
use serde_json::Value;

use crate::kinesis::{KinesisSink, KinesisSinkBuilder};

pub(super) const SECRET: &str = "CANARY-secret-key";
pub(super) const TOKEN: &str = "CANARY-session-token";
pub(super) const STREAM: &str = "things";

/// How the sink finds a peer, with a secret that must not be seen.
pub(super) async fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", SECRET, Some(TOKEN.into()), None, "test");
    let settings = Settings::new().region(REGION).endpoint(endpoint).load().await;
    settings.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// A simulated stream with so many shards.
pub(super) fn simulator(shards: u32) -> Kinesis {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, shards);
    kinesis
}

/// A sink on it that does not wait long before it puts again.
pub(super) async fn sink(kinesis: &Kinesis) -> KinesisSinkBuilder {
    let retry = Retry::new(8, Duration::from_millis(1), Duration::from_millis(4));
    KinesisSink::builder(&config(&kinesis.url()).await, STREAM).retry(retry)
}

/// An event as it came.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) key: String,
    pub(super) event: Value,
}

impl Read {
    pub(super) fn id(&self) -> &str {
        self.event["id"].as_str().unwrap()
    }

    pub(super) fn record(&self) -> RecordId {
        self.event["lakerecord"].as_str().unwrap().parse().unwrap()
    }

    /// The bytes of the record in it.
    pub(super) fn body(&self) -> Option<Bytes> {
        use base64::Engine;
        let event = self.event.as_object().unwrap();
        if let Some(base64) = event.get("data_base64") {
            let bytes = base64::engine::general_purpose::STANDARD.decode(base64.as_str().unwrap());
            return Some(bytes.unwrap().into());
        }
        let data = event.get("data")?;
        Some(match event["datacontenttype"].as_str().unwrap() {
            "application/json" => data.to_string().into(),
            _ => data.as_str().unwrap().to_owned().into(),
        })
    }
}

/// The events in what a simulated stream holds.
pub(super) fn events(kinesis: &Kinesis) -> Vec<Read> {
    kinesis.records(STREAM).into_iter().flat_map(|stored| apart(stored.key, stored.data)).collect()
}

/// The events in one record of a stream.
pub(super) fn apart(key: String, data: Bytes) -> Vec<Read> {
    let parse = |data: &Bytes| serde_json::from_slice(data).unwrap();
    match disaggregate(&data) {
        Some(parts) => {
            parts.into_iter().map(|part| Read { event: parse(&part.data), key: part.partition_key }).collect()
        }
        None => vec![Read { key, event: parse(&data) }],
    }
}

/// Everything in a stream, shard by shard, by the service's own calls.
pub(super) async fn read(client: &Client, stream: &str) -> Result<Vec<(String, Bytes)>> {
    let failed = |cause: &dyn std::fmt::Debug| Error::unexpected(format!("a read failed: {cause:?}"));
    let shards = client.list_shards().stream_name(stream).send().await.map_err(|e| failed(&e))?;
    let mut found = Vec::new();
    for shard in shards.shards() {
        let start = client
            .get_shard_iterator()
            .stream_name(stream)
            .shard_id(shard.shard_id())
            .shard_iterator_type(ShardIteratorType::TrimHorizon)
            .send()
            .await
            .map_err(|e| failed(&e))?;
        let (mut next, mut last) = (start.shard_iterator, None);
        while let Some(iterator) = next.take() {
            let got = client.get_records().shard_iterator(iterator).send().await.map_err(|e| failed(&e))?;
            // LocalStack gives a record that came in the millisecond of its shard again and again if it is alone there.
            let fresh = got.records().last().map(|record| record.sequence_number().to_owned());
            let repeats = fresh.is_some() && fresh == last;
            if repeats {
                break;
            }
            for record in got.records() {
                found.push((record.partition_key().into(), record.data().as_ref().to_vec().into()));
            }
            if fresh.is_some() || got.millis_behind_latest() > Some(0) {
                next = got.next_shard_iterator;
            }
            last = fresh.or(last);
        }
    }
    Ok(found)
}

/// How often each is there.
pub(super) fn counts<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    all.into_iter().for_each(|one| *counts.entry(one).or_insert(0) += 1);
    counts
}
