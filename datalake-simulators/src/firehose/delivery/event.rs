//! The event as the service writes it, and the ids in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Arriving;
use super::builder::Settings;
use crate::firehose::Given;
use crate::lambda::REQUEST_LIMIT;

/// A record as it comes.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub(super) data: Bytes,
    pub(super) arrived: Option<DateTime<Utc>>,
    pub(super) metadata: Option<Metadata>,
}

/// What a record of Kinesis brings.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Its shard.
    pub shard_id: String,
    /// Its partition key.
    pub partition_key: String,
    /// Its sequence number.
    pub sequence_number: String,
    /// Its place in an aggregated record.
    #[serde(rename = "subsequenceNumber")]
    pub subsequence_number: u64,
    /// When it came to Kinesis, in milliseconds since 1970.
    pub approximate_arrival_timestamp: i64,
}

impl Incoming {
    /// A record that has come at a time.
    pub fn at(data: impl Into<Bytes>, arrived: DateTime<Utc>) -> Self {
        Self { data: data.into(), arrived: Some(arrived), metadata: None }
    }

    /// Says what Kinesis knows of it.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }
}

macro_rules! from_bytes {
    ($($bytes:ty),*) => {$(
        impl From<$bytes> for Incoming {
            fn from(data: $bytes) -> Self {
                Self { data: data.into(), arrived: None, metadata: None }
            }
        }
    )*};
}

from_bytes!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

/// What a [`Firehose`](crate::firehose::Firehose) was given.
impl From<Given> for Incoming {
    fn from(given: Given) -> Self {
        Self::at(given.data, given.arrived)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_kinesis_stream_arn: Option<String>,
    delivery_stream_arn: String,
    region: &'a str,
    records: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    record_id: &'a str,
    approximate_arrival_timestamp: i64,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_record_metadata: Option<&'a Metadata>,
}

/// The event of a call.
pub(super) fn event(settings: &Settings, call: u64, records: &[Arriving]) -> Bytes {
    let arn = |service: &str, kind: &str, name: &str| {
        format!("arn:aws:{service}:{}:000000000000:{kind}/{name}", settings.region)
    };
    let records = records.iter().map(|record| Entry {
        record_id: &record.id,
        approximate_arrival_timestamp: record.arrived.timestamp_millis(),
        data: STANDARD.encode(&record.data),
        kinesis_record_metadata: record.metadata.as_ref(),
    });
    let event = Event {
        invocation_id: uuid(&settings.stream, call),
        source_kinesis_stream_arn: settings.source.as_deref().map(|stream| arn("kinesis", "stream", stream)),
        delivery_stream_arn: arn("firehose", "deliverystream", &settings.stream),
        region: &settings.region,
        records: records.collect(),
    };
    serde_json::to_vec(&event).unwrap_or_default().into()
}

/// How many records from the first on fit into one event; at least one.
pub(super) fn fitting(settings: &Settings, records: &[Arriving]) -> usize {
    // The frame, and around each record its names, numbers and metadata.
    let mut used = 512 + 2 * settings.stream.len();
    for (n, record) in records.iter().enumerate() {
        let metadata = record.metadata.as_ref().map_or(0, |metadata| {
            180 + metadata.shard_id.len() + 6 * metadata.partition_key.len() + metadata.sequence_number.len()
        });
        used += 100 + record.id.len() + record.data.len().div_ceil(3) * 4 + metadata;
        if used > REQUEST_LIMIT {
            return n.max(1);
        }
    }
    records.len()
}

/// An id as the service makes them: digits, always as many.
pub(super) fn record_id(n: u64) -> String {
    format!("4962356679560409365057709846046461451487{}000000", digits(n, 16))
}

/// A number with leading zeros.
pub(super) fn digits(n: u64, width: usize) -> String {
    format!("{n:0width$}")
}

/// Hexadecimal digits that follow from a name and a number.
pub(super) fn noise(name: &str, n: u64) -> String {
    let digest = Sha256::digest(format!("{name}/{n}").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same in the form of a UUID.
pub(super) fn uuid(name: &str, n: u64) -> String {
    let noise = noise(name, n);
    [&noise[..8], &noise[8..12], &noise[12..16], &noise[16..20], &noise[20..32]].join("-")
}
