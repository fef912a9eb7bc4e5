//! Kinesis Data Streams in the test's own process.
//!
//! It speaks the JSON protocol of the service to any SDK, enforces its limits, and has its traps: calls that succeed
//! with failed records in them, shards that split and merge while they are read, iterators that expire, empty answers
//! while there is more. Signatures are not checked.
//!
//! ```
//! use datalake_simulators::kinesis::Kinesis;
//!
//! let kinesis = Kinesis::start()?;
//! kinesis.create("orders", 2);
//! kinesis.faults().records(|tried| (tried.n % 7 == 0).then_some("InternalFailure"));
//! println!("AWS_ENDPOINT_URL={}", kinesis.url());
//! # Ok::<(), std::io::Error>(())
//! ```

mod control;
mod iterator;
mod limits;
mod put;
mod read;
mod shard;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

pub use limits::Limits;

use crate::faults::Faults;
use crate::json::{Answer, Refusal, Server, Service, lock};
use stream::Stream;

/// A Kinesis on a port of its own on loopback, until it is dropped.
#[derive(Debug)]
pub struct Kinesis {
    server: Server,
    state: Arc<State>,
}

/// A record as it stands in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The shard.
    pub shard: String,
    /// Its sequence number.
    pub sequence: String,
    /// Its partition key.
    pub key: String,
    /// Its bytes.
    pub data: Bytes,
}

impl Kinesis {
    /// Starts one without streams and with the limits of the service on calls and records.
    ///
    /// # Errors
    /// There is no free port or no thread.
    pub fn start() -> io::Result<Self> {
        Self::with(Limits::default())
    }

    /// Starts one with other limits.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn with(limits: Limits) -> io::Result<Self> {
        let faults = Faults::default();
        let state = Arc::new(State {
            limits,
            faults: faults.clone(),
            streams: Mutex::default(),
            reading: Mutex::default(),
        });
        let server = Server::start(Arc::clone(&state), faults)?;
        Ok(Self { server, state })
    }

    /// Where it is, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// How often an operation was called, for instance `PutRecords`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.server.calls(operation)
    }

    /// Creates a stream with so many shards, or leaves the one there is.
    pub fn create(&self, stream: &str, shards: u32) {
        lock(&self.state.streams).entry(stream.into()).or_insert_with(|| Stream::new(stream, shards.max(1)));
    }

    /// Everything in a stream: shard by shard, parents first, in the order of the sequence numbers.
    #[must_use]
    pub fn records(&self, stream: &str) -> Vec<Stored> {
        let streams = lock(&self.state.streams);
        let shards = streams.get(stream).into_iter().flat_map(|stream| &stream.shards);
        let of = |shard: &shard::Shard| {
            let stored = shard.records.iter().map(|record| Stored {
                shard: shard.id.clone(),
                sequence: stream::sequence(record.sequence),
                key: String::from_utf8_lossy(&record.key).into_owned(),
                data: STANDARD.decode(&record.data).unwrap_or_default().into(),
            });
            stored.collect::<Vec<_>>()
        };
        shards.flat_map(of).collect()
    }

    /// Puts a record, without a call. Gives its sequence number.
    ///
    /// # Panics
    /// There is no such stream.
    pub fn put(&self, stream: &str, key: &str, data: &[u8]) -> String {
        let mut streams = lock(&self.state.streams);
        let stream = streams.get_mut(stream).unwrap_or_else(|| panic!("there is no stream {stream}"));
        let data = Bytes::from(STANDARD.encode(data));
        let (_, sequence) = stream.add(put::hash(key), Bytes::copy_from_slice(key.as_bytes()), data, None);
        stream::sequence(sequence)
    }

    /// Splits an open shard at a hash key, which becomes the first of the upper child.
    ///
    /// # Panics
    /// There is no such stream or open shard, or the key is not inside of its range.
    pub fn split(&self, stream: &str, shard: &str, at: u128) {
        self.reshard(stream, |stream| stream.split(shard, at));
    }

    /// Merges two adjacent open shards.
    ///
    /// # Panics
    /// There are none such.
    pub fn merge(&self, stream: &str, shard: &str, adjacent: &str) {
        self.reshard(stream, |stream| stream.merge(shard, adjacent));
    }

    fn reshard(&self, stream: &str, act: impl FnOnce(&mut Stream) -> Result<(), Refusal>) {
        let done = self.state.stream(Some(stream), None, act);
        done.unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message));
    }

    /// Forgets all but the newest records of every shard, as the end of their retention would.
    pub fn trim(&self, stream: &str, keep: usize) {
        if let Some(stream) = lock(&self.state.streams).get_mut(stream) {
            stream.shards.iter_mut().for_each(|shard| shard.trim(keep));
        }
    }

    /// Keeps no more than so many records in each shard from now on. For loads that would fill memory.
    pub fn retain(&self, stream: &str, records: usize) {
        if let Some(stream) = lock(&self.state.streams).get_mut(stream) {
            stream.retain = records;
        }
    }

    /// Every iterator given so far is expired.
    pub fn expire_iterators(&self) {
        lock(&self.state.reading).generation += 1;
    }

    /// The next so many reads give no records, though there are some, and say how far they are behind.
    pub fn answer_empty(&self, reads: u32) {
        lock(&self.state.reading).empty = reads;
    }

    /// The next so many reads leave their iterator at the last record they gave, which comes once more. LocalStack does
    /// that for ever with a record put in the millisecond of its shard, while it is alone there.
    pub fn give_again(&self, reads: u32) {
        lock(&self.state.reading).again = reads;
    }
}

#[derive(Debug)]
pub(crate) struct State {
    limits: Limits,
    faults: Faults,
    streams: Mutex<BTreeMap<String, Stream>>,
    reading: Mutex<Reading>,
}

#[derive(Debug, Default)]
struct Reading {
    generation: u64,
    empty: u32,
    again: u32,
}

impl State {
    /// Does something with a stream, named by its name or its ARN.
    fn stream<T>(
        &self,
        name: Option<&str>,
        arn: Option<&str>,
        act: impl FnOnce(&mut Stream) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let name = name.or_else(|| crate::json::of_arn(arn?, "stream/")).unwrap_or_default();
        let mut streams = lock(&self.streams);
        match streams.get_mut(name) {
            Some(stream) => act(stream),
            None => {
                let message = format!("Stream {name} under account {} not found.", stream::ACCOUNT);
                Err(Refusal::new("ResourceNotFoundException", message))
            }
        }
    }
}

impl Service for State {
    fn call(&self, operation: &str, n: u64, body: &Bytes) -> Answer {
        match operation {
            "CreateStream" => self.create_stream(body),
            "DeleteStream" => self.delete_stream(body),
            "DescribeStream" => self.describe_stream(body),
            "DescribeStreamSummary" => self.describe_stream_summary(body),
            "GetRecords" => self.get_records(body),
            "GetShardIterator" => self.get_shard_iterator(body),
            "ListShards" => self.list_shards(body),
            "ListStreams" => self.list_streams(),
            "MergeShards" => self.merge_shards(body),
            "PutRecord" => self.put_record(n, body),
            "PutRecords" => self.put_records(n, body),
            "SplitShard" => self.split_shard(body),
            "UpdateMaxRecordSize" => self.update_max_record_size(body),
            other => Err(Refusal::new("UnknownOperationException", format!("{other:?} is not simulated"))),
        }
    }
}
