//! One stream: its shards, and how they split and merge.

use bytes::Bytes;

use super::shard::{Record, Second, Shard};
use crate::json::{Refusal, now};

/// The account that everything belongs to.
pub(super) const ACCOUNT: &str = "000000000000";

/// What sequence numbers begin with, so that they have 56 digits as those of the service.
const PREFIX: &str = "4966";

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) created: i64,
    pub(super) shards: Vec<Shard>,
    pub(super) max_record: usize,
    pub(super) retain: usize,
    next: u64,
}

/// A sequence number as text.
pub(super) fn sequence(n: u64) -> String {
    format!("{PREFIX}{n:052}")
}

/// A sequence number from text.
pub(super) fn parse_sequence(text: &str) -> Option<u64> {
    text.strip_prefix(PREFIX).filter(|digits| digits.len() == 52)?.parse().ok()
}

impl Stream {
    pub(super) fn new(name: &str, shards: u32) -> Self {
        let mut stream = Self {
            name: name.into(),
            created: now(),
            shards: Vec::new(),
            max_record: 1 << 20,
            retain: usize::MAX,
            next: 1,
        };
        let width = u128::MAX / u128::from(shards);
        for n in 0..shards {
            let first = width * u128::from(n);
            let last = if n + 1 == shards { u128::MAX } else { first + width - 1 };
            stream.open(Vec::new(), (first, last));
        }
        stream
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:kinesis:eu-central-1:{ACCOUNT}:stream/{}", self.name)
    }

    pub(super) fn shard(&mut self, id: &str) -> Result<&mut Shard, Refusal> {
        let missing =
            || Refusal::new("ResourceNotFoundException", format!("Shard {id} in stream does not exist"));
        self.shards.iter_mut().find(|shard| shard.id == id).ok_or_else(missing)
    }

    /// The open shard a hash key belongs to, by its index.
    pub(super) fn place(&self, hash: u128) -> usize {
        self.shards.iter().position(|shard| shard.holds(hash)).unwrap_or_default()
    }

    /// Adds a record. Gives the index of its shard and its sequence number.
    pub(super) fn add(&mut self, hash: u128, key: Bytes, data: Bytes, arrived: Option<i64>) -> (usize, u64) {
        let (place, sequence) = (self.place(hash), self.next);
        self.next += 1;
        let shard = &mut self.shards[place];
        shard.records.push_back(Record { sequence, arrived: arrived.unwrap_or_else(now), key, data });
        if shard.records.len() > self.retain {
            shard.records.pop_front();
        }
        (place, sequence)
    }

    pub(super) fn split(&mut self, id: &str, at: u128) -> Result<(), Refusal> {
        let shard = self.shard(id)?;
        let (first, last) = shard.range;
        if shard.ended.is_some() || at <= first || at > last {
            let message = format!("NewStartingHashKey {at} used in SplitShard() on shard {id} is not valid.");
            return Err(Refusal::new("InvalidArgumentException", message));
        }
        self.end(id)?;
        self.open(vec![id.into()], (first, at - 1));
        self.open(vec![id.into()], (at, last));
        Ok(())
    }

    pub(super) fn merge(&mut self, one: &str, other: &str) -> Result<(), Refusal> {
        let (left, right) = (self.shard(one)?, other);
        let (left, open) = (left.range, left.ended.is_none());
        let right = self.shard(right)?;
        let (right, open) = (right.range, open && right.ended.is_none());
        let adjacent = left.1.checked_add(1) == Some(right.0) || right.1.checked_add(1) == Some(left.0);
        if !open || !adjacent {
            let message = format!("Shards {one} and {other} are not adjacent open shards.");
            return Err(Refusal::new("InvalidArgumentException", message));
        }
        self.end(one)?;
        self.end(other)?;
        self.open(vec![one.into(), other.into()], (left.0.min(right.0), left.1.max(right.1)));
        Ok(())
    }

    fn end(&mut self, id: &str) -> Result<(), Refusal> {
        let last = self.next;
        self.next += 1;
        self.shard(id)?.ended = Some(last);
        Ok(())
    }

    fn open(&mut self, parents: Vec<String>, range: (u128, u128)) {
        let id = format!("shardId-{:012}", self.shards.len());
        let began = self.next;
        self.next += 1;
        let (ended, records, second) = (None, Default::default(), Second::default());
        self.shards.push(Shard { id, parents, range, began, ended, records, second });
    }
}
