//! Records put into a stream.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::State;
use super::stream::{Stream, sequence};
use crate::faults::Tried;
use crate::json::{Answer, Refusal, answer, now, read};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecords<'a> {
    #[serde(borrow)]
    records: Vec<Entry<'a>>,
    #[serde(borrow)]
    stream_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    #[serde(borrow)]
    explicit_hash_key: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecord<'a> {
    #[serde(borrow, flatten)]
    entry: Entry<'a>,
    #[serde(borrow)]
    stream_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Results<'a> {
    failed_record_count: usize,
    records: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    #[serde(rename_all = "PascalCase")]
    Taken { sequence_number: String, shard_id: &'a str },
    #[serde(rename_all = "PascalCase")]
    Failed { error_code: &'static str, error_message: String },
}

/// An entry that is as it must be.
struct Checked {
    hash: u128,
    key: Bytes,
    data: Bytes,
    bytes: usize,
}

impl State {
    pub(super) fn put_records(&self, n: u64, body: &Bytes) -> Answer {
        let request: PutRecords<'_> = read(body)?;
        let (count, most) = (request.records.len(), self.limits.records_per_put);
        if count == 0 || count > most {
            let message =
                format!("Value at 'records' failed to satisfy constraint: 1 to {most} members, not {count}");
            return Err(Refusal::new("ValidationException", message));
        }
        self.stream(request.stream_name.as_deref(), request.stream_arn.as_deref(), |stream| {
            let checked = request.records.iter().map(|entry| check(entry, stream.max_record, body));
            let checked = checked.collect::<Result<Vec<_>, _>>()?;
            let bytes = checked.iter().map(|entry| entry.bytes).sum::<usize>();
            if bytes > self.limits.bytes_per_put {
                let message = format!("Records size exceeds {} bytes: {bytes}", self.limits.bytes_per_put);
                return Err(Refusal::new("InvalidArgumentException", message));
            }
            let (places, failed) = self.take(stream, n, checked);
            let outcomes = places.into_iter().map(|place| match place {
                Ok((shard, number)) => {
                    Outcome::Taken { sequence_number: sequence(number), shard_id: &stream.shards[shard].id }
                }
                Err(code) => Outcome::Failed {
                    error_code: code,
                    error_message: format!("{code} in stream {}", stream.name),
                },
            });
            answer(&Results { failed_record_count: failed, records: outcomes.collect() })
        })
    }

    pub(super) fn put_record(&self, n: u64, body: &Bytes) -> Answer {
        let request: PutRecord<'_> = read(body)?;
        self.stream(request.stream_name.as_deref(), request.stream_arn.as_deref(), |stream| {
            let entry = check(&request.entry, stream.max_record, body)?;
            let (places, _) = self.take(stream, n, vec![entry]);
            match places.first() {
                Some(Ok((shard, number))) => answer(&Outcome::Taken {
                    sequence_number: sequence(*number),
                    shard_id: &stream.shards[*shard].id,
                }),
                Some(Err(code)) => Err(Refusal::new(code, format!("in stream {}", stream.name))),
                None => Err(Refusal::new("InternalFailure", "no record")),
            }
        })
    }

    /// Takes what does not fail. Gives the shard and the number of each, or the code it fails with.
    #[expect(clippy::type_complexity, reason = "used in this file only")]
    fn take(
        &self,
        stream: &mut Stream,
        call: u64,
        entries: Vec<Checked>,
    ) -> (Vec<Result<(usize, u64), &'static str>>, usize) {
        let (fails, first) = self.faults.of_records(entries.len());
        let (at, mut failed) = (now(), 0);
        let mut places = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let made = fails.as_ref().and_then(|fails| {
                let key = std::str::from_utf8(&entry.key).unwrap_or_default();
                fails(Tried { call, index, n: first + index as u64, key })
            });
            let place = stream.place(entry.hash);
            let mut slow = || !stream.shards[place].second.takes(at, entry.bytes, &self.limits);
            let code = made.or_else(|| slow().then_some("ProvisionedThroughputExceededException"));
            places.push(match code {
                Some(code) => {
                    failed += 1;
                    Err(code)
                }
                None => Ok(stream.add(entry.hash, entry.key, entry.data, Some(at))),
            });
        }
        (places, failed)
    }
}

/// Checks an entry. What needs no change shares the memory of the request.
fn check(entry: &Entry<'_>, most: usize, body: &Bytes) -> Result<Checked, Refusal> {
    let invalid = |message: String| Refusal::new("ValidationException", message);
    let characters = entry.partition_key.chars().count();
    if characters == 0 || characters > 256 {
        return Err(invalid(format!("a partition key has 1 to 256 characters, not {characters}")));
    }
    let mut room = [0; 256];
    let data = entry.data.as_bytes();
    let mut length = 0;
    for piece in data.chunks(256) {
        let decoded = STANDARD.decode_slice(piece, &mut room);
        length += decoded
            .map_err(|error| Refusal::new("SerializationException", format!("data is no base64: {error}")))?;
    }
    let bytes = length + entry.partition_key.len();
    if bytes > most {
        return Err(invalid(format!("a record has at most {most} bytes, its key included, not {bytes}")));
    }
    let hash = match &entry.explicit_hash_key {
        Some(key) => key
            .parse()
            .map_err(|_| Refusal::new("InvalidArgumentException", format!("{key:?} is no hash key")))?,
        None => hash(&entry.partition_key),
    };
    Ok(Checked { hash, key: shared(&entry.partition_key, body), data: shared(&entry.data, body), bytes })
}

fn shared(text: &str, body: &Bytes) -> Bytes {
    match body.as_ptr_range().contains(&text.as_ptr()) {
        true => body.slice_ref(text.as_bytes()),
        false => Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// The hash key of a partition key.
pub(super) fn hash(key: &str) -> u128 {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Md5::digest(key.as_bytes()));
    u128::from_be_bytes(digest)
}
