//! One shard.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Limits;
use super::stream::sequence;

/// A record, with its data as it came: in base64.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) sequence: u64,
    pub(super) arrived: i64,
    pub(super) key: Bytes,
    pub(super) data: Bytes,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: String,
    pub(super) parents: Vec<String>,
    /// The first and the last hash key.
    pub(super) range: (u128, u128),
    /// The sequence number at which it began.
    pub(super) began: u64,
    /// The last sequence number it can hold, once it is closed.
    pub(super) ended: Option<u64>,
    pub(super) records: VecDeque<Record>,
    pub(super) second: Second,
}

/// What was done in the second that began then.
#[derive(Debug, Default)]
pub(super) struct Second {
    began: i64,
    records: u32,
    bytes: usize,
    reads: u32,
}

impl Shard {
    pub(super) fn holds(&self, hash: u128) -> bool {
        self.ended.is_none() && self.range.0 <= hash && hash <= self.range.1
    }

    pub(super) fn trim(&mut self, keep: usize) {
        let excess = self.records.len().saturating_sub(keep);
        self.records.drain(..excess);
    }

    pub(super) fn describe(&self) -> Value {
        let mut shard = json!({
            "ShardId": self.id,
            "HashKeyRange": self.describe_range(),
            "SequenceNumberRange": { "StartingSequenceNumber": sequence(self.began) },
        });
        if let Some(ended) = self.ended {
            shard["SequenceNumberRange"]["EndingSequenceNumber"] = sequence(ended).into();
        }
        for (parent, name) in self.parents.iter().zip(["ParentShardId", "AdjacentParentShardId"]) {
            shard[name] = parent.clone().into();
        }
        shard
    }

    /// As one of the children that are named at the end of a shard.
    pub(super) fn as_child(&self) -> Value {
        json!({ "ShardId": self.id, "ParentShards": self.parents, "HashKeyRange": self.describe_range() })
    }

    fn describe_range(&self) -> Value {
        json!({ "StartingHashKey": self.range.0.to_string(), "EndingHashKey": self.range.1.to_string() })
    }
}

impl Second {
    /// Whether one record more is allowed.
    pub(super) fn takes(&mut self, now: i64, bytes: usize, limits: &Limits) -> bool {
        self.turn(now);
        let records = limits.records_per_second.is_none_or(|most| self.records < most);
        let taken = records && limits.bytes_per_second.is_none_or(|most| self.bytes + bytes <= most);
        if taken {
            self.records += 1;
            self.bytes += bytes;
        }
        taken
    }

    /// Whether one read more is allowed.
    pub(super) fn answers(&mut self, now: i64, limits: &Limits) -> bool {
        self.turn(now);
        self.reads += 1;
        limits.reads_per_second.is_none_or(|most| self.reads <= most)
    }

    fn turn(&mut self, now: i64) {
        if now >= self.began + 1000 {
            *self = Self { began: now, ..Self::default() };
        }
    }
}
