//! Several records in one record of a stream.

use std::collections::BTreeMap;

use bytes::Bytes;
use datalake_aws::kpl::{Aggregate, hash_key};
use serde_json::{Value, json};

use crate::stream::{Entry, Event};

/// Several records in one record of the stream, in the format of Amazon's producer library.
///
/// The hash keys are divided into buckets. Records of one bucket share aggregates, and an aggregate goes to the place of
/// its bucket in the middle of the bucket's hash keys, which each of its records names too as its explicit hash key.
/// So records with one partition key still go to one shard and, in order, stay in order, whatever shards there are and
/// however they split and merge; and no reader drops an aggregate because a record in it belongs to a neighbour.
#[derive(Debug, Clone, Copy)]
pub struct Aggregation {
    buckets: u32,
    bytes: usize,
}

impl Aggregation {
    /// So many buckets, at least 1: several times as many as shards, so that all get as much. With more there are fewer
    /// records in an aggregate.
    #[must_use]
    pub fn buckets(buckets: u32) -> Self {
        Self { buckets: buckets.max(1), bytes: 50 << 10 }
    }

    /// Sets how large an aggregate may get, in bytes; 50 KiB without it. A record that is larger goes alone.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    pub(super) fn describe(&self) -> Value {
        json!({ "buckets": self.buckets, "bytes": self.bytes })
    }

    /// The number of the bucket of a partition key, and the hash key in its middle.
    fn bucket(&self, key: &str) -> (u128, u128) {
        let width = u128::MAX / u128::from(self.buckets);
        let bucket = (hash_key(key) / width).min(u128::from(self.buckets) - 1);
        (bucket, bucket * width + width / 2)
    }

    /// Puts events together, `most` bytes at the most. Within a bucket they stay in order.
    pub(super) fn entries(&self, events: Vec<Event>, most: usize) -> Vec<Entry> {
        let mut open: BTreeMap<u128, (u128, Aggregate)> = BTreeMap::new();
        let mut entries = Vec::new();
        let target = self.bytes.min(most);
        for Event { key, data } in events {
            let (bucket, hash) = self.bucket(&key);
            let (_, aggregate) = open.entry(bucket).or_insert_with(|| (hash, Aggregate::new()));
            let bytes = aggregate.len_with(&key, Some(hash), data.len()) + name(bucket).len();
            if bytes > target && !aggregate.is_empty() {
                entries.push(finish(bucket, hash, std::mem::take(aggregate)));
            }
            let alone = Aggregate::new().len_with(&key, Some(hash), data.len()) + name(bucket).len();
            if alone > most {
                // It fits only without a frame around it.
                let data = Bytes::from(data);
                entries.push(Entry { key, explicit_hash_key: Some(hash), data, records: 1, lane: bucket });
                continue;
            }
            aggregate.push(&key, Some(hash), data.into());
        }
        let rest = open.into_iter().filter(|(_, (_, aggregate))| !aggregate.is_empty());
        entries.extend(rest.map(|(bucket, (hash, aggregate))| finish(bucket, hash, aggregate)));
        entries
    }
}

fn name(bucket: u128) -> String {
    format!("bucket-{bucket}")
}

fn finish(bucket: u128, hash: u128, aggregate: Aggregate) -> Entry {
    let records = aggregate.records() as u64;
    Entry {
        key: name(bucket),
        explicit_hash_key: Some(hash),
        data: aggregate.finish(),
        records,
        lane: bucket,
    }
}
