//! Records read from a shard.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::iterator::Place;
use super::shard::Shard;
use super::stream::{parse_sequence, sequence};
use crate::json::{Answer, Refusal, answer, lock, now, read};

/// The most that one read gives.
const RECORDS: usize = 10_000;
const BYTES: usize = 10 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetShardIterator {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    shard_id: String,
    shard_iterator_type: String,
    starting_sequence_number: Option<String>,
    timestamp: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRecords {
    shard_iterator: String,
    limit: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Got<'a> {
    records: Vec<Record<'a>>,
    millis_behind_latest: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_shard_iterator: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    sequence_number: String,
    approximate_arrival_timestamp: f64,
    data: &'a str,
    partition_key: &'a str,
}

impl State {
    pub(super) fn get_shard_iterator(&self, body: &Bytes) -> Answer {
        let request: GetShardIterator = read(body)?;
        let generation = lock(&self.reading).generation;
        self.stream(request.stream_name.as_deref(), request.stream_arn.as_deref(), |stream| {
            let name = stream.name.clone();
            let shard = stream.shard(&request.shard_id)?;
            let next = start(&request, shard)?;
            let place = Place { stream: name, shard: shard.id.clone(), next, given: now(), generation };
            answer(&json!({ "ShardIterator": place.text() }))
        })
    }

    pub(super) fn get_records(&self, body: &Bytes) -> Answer {
        let request: GetRecords = read(body)?;
        let mut place = Place::parse(&request.shard_iterator)?;
        let limit = request.limit.unwrap_or(RECORDS);
        if limit == 0 || limit > RECORDS {
            let message = format!("Value {limit} at 'limit' failed to satisfy constraint: 1 to {RECORDS}");
            return Err(Refusal::new("InvalidArgumentException", message));
        }
        let now = now();
        let (empty, again) = {
            let mut reading = lock(&self.reading);
            if place.generation < reading.generation || now - place.given >= self.limits.iterator_millis {
                return Err(Refusal::new("ExpiredIteratorException", "Iterator expired."));
            }
            let (empty, again) = (reading.empty > 0, reading.again > 0);
            reading.empty = reading.empty.saturating_sub(1);
            reading.again = reading.again.saturating_sub(1);
            (empty, again)
        };
        let name = place.stream.clone();
        self.stream(Some(&name), None, |stream| {
            let shard = stream.shard(&place.shard)?;
            if !shard.second.answers(now, &self.limits) {
                let message = format!("Rate exceeded for shard {} in stream {name}", place.shard);
                return Err(Refusal::new("ProvisionedThroughputExceededException", message));
            }
            let stream = &*stream;
            let shard = stream.shards.iter().find(|shard| shard.id == place.shard);
            let Some(shard) = shard else { return Err(Refusal::new("InternalFailure", "no shard")) };
            let first = shard.records.partition_point(|record| record.sequence < place.next);
            let mut records = Vec::new();
            let mut bytes = 0;
            let most = if empty { 0 } else { limit };
            for record in shard.records.iter().skip(first).take(most) {
                bytes += record.data.len() / 4 * 3 + record.key.len();
                if bytes > BYTES && !records.is_empty() {
                    break;
                }
                records.push(Record {
                    sequence_number: sequence(record.sequence),
                    approximate_arrival_timestamp: record.arrived as f64 / 1000.0,
                    data: std::str::from_utf8(&record.data).unwrap_or_default(),
                    partition_key: std::str::from_utf8(&record.key).unwrap_or_default(),
                });
                place.next = record.sequence + u64::from(!again);
            }
            let rest = shard.records.get(first + records.len());
            let behind = rest.map_or(0, |record| (now - record.arrived).max(1));
            place.given = now;
            let ended = shard.ended.is_some() && rest.is_none();
            let children = stream.shards.iter().filter(|child| child.parents.contains(&place.shard));
            answer(&Got {
                records,
                millis_behind_latest: behind,
                next_shard_iterator: (!ended).then(|| place.text()),
                child_shards: if ended { children.map(Shard::as_child).collect() } else { Vec::new() },
            })
        })
    }
}

/// The least sequence number to read.
fn start(request: &GetShardIterator, shard: &Shard) -> Result<u64, Refusal> {
    let invalid = |message: String| Refusal::new("InvalidArgumentException", message);
    let number = || {
        let text = request.starting_sequence_number.as_deref().unwrap_or_default();
        let number = parse_sequence(text).filter(|number| *number >= shard.began);
        number
            .filter(|number| shard.ended.is_none_or(|ended| *number <= ended))
            .ok_or_else(|| invalid(format!("StartingSequenceNumber {text:?} is not of shard {}", shard.id)))
    };
    match request.shard_iterator_type.as_str() {
        "TRIM_HORIZON" => Ok(0),
        "LATEST" => Ok(match (shard.ended, shard.records.back()) {
            (Some(ended), _) => ended,
            (None, Some(last)) => last.sequence + 1,
            (None, None) => 0,
        }),
        "AT_SEQUENCE_NUMBER" => number(),
        "AFTER_SEQUENCE_NUMBER" => Ok(number()? + 1),
        "AT_TIMESTAMP" => {
            let seconds = request.timestamp.ok_or_else(|| invalid("Timestamp is missing".into()))?;
            let millis = (seconds * 1000.0).round() as i64;
            let found = shard.records.iter().find(|record| record.arrived >= millis);
            Ok(match (found, shard.records.back()) {
                (Some(record), _) => record.sequence,
                (None, Some(last)) => last.sequence + 1,
                (None, None) => 0,
            })
        }
        other => Err(invalid(format!("{other:?} is no type of iterator"))),
    }
}
