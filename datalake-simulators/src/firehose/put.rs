//! Delivery streams created and described, and records put into them.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Given, State, Stream};
use crate::faults::Tried;
use crate::json::{Answer, Refusal, answer, lock, now, read};

/// The most records of a call, the most bytes of all of them, and of one.
const RECORDS: usize = 500;
const BYTES: usize = 4 << 20;
const RECORD: usize = 1000 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordBatch<'a> {
    delivery_stream_name: String,
    #[serde(borrow)]
    records: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecord<'a> {
    delivery_stream_name: String,
    #[serde(borrow)]
    record: Entry<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Results {
    failed_put_count: usize,
    encrypted: bool,
    request_responses: Vec<Outcome>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    #[serde(rename_all = "PascalCase")]
    Taken { record_id: String },
    #[serde(rename_all = "PascalCase")]
    Failed { error_code: &'static str, error_message: String },
}

fn invalid(message: String) -> Refusal {
    Refusal::new("InvalidArgumentException", message)
}

fn check(entry: &Entry<'_>) -> Result<Bytes, Refusal> {
    let data = STANDARD
        .decode(entry.data.as_bytes())
        .map_err(|error| Refusal::new("SerializationException", format!("data is no base64: {error}")))?;
    if data.len() > RECORD {
        return Err(invalid(format!("a record has at most {RECORD} bytes, not {}", data.len())));
    }
    Ok(data.into())
}

fn unknown(name: &str) -> Refusal {
    let message = format!("Firehose {name} under account 000000000000 not found.");
    Refusal::new("ResourceNotFoundException", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    delivery_stream_name: String,
}

impl State {
    pub(super) fn create_delivery_stream(&self, body: &Bytes) -> Answer {
        let name = read::<Named>(body)?.delivery_stream_name;
        let mut streams = lock(&self.streams);
        if streams.contains_key(&name) {
            let message = format!("Firehose {name} already exists.");
            return Err(Refusal::new("ResourceInUseException", message));
        }
        let reply = answer(&json!({ "DeliveryStreamARN": arn(&name) }));
        streams.insert(name, Stream { configuration: read(body)?, ..Stream::default() });
        reply
    }

    pub(super) fn delete_delivery_stream(&self, body: &Bytes) -> Answer {
        let name = read::<Named>(body)?.delivery_stream_name;
        let gone = lock(&self.streams).remove(&name);
        gone.map(|_| b"{}".to_vec()).ok_or_else(|| unknown(&name))
    }

    pub(super) fn describe_delivery_stream(&self, body: &Bytes) -> Answer {
        let name = read::<Named>(body)?.delivery_stream_name;
        if !lock(&self.streams).contains_key(&name) {
            return Err(unknown(&name));
        }
        let none: [Value; 0] = [];
        answer(&json!({ "DeliveryStreamDescription": {
            "DeliveryStreamName": name,
            "DeliveryStreamARN": arn(&name),
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": "1",
            "CreateTimestamp": now() as f64 / 1000.0,
            "Destinations": none,
            "HasMoreDestinations": false,
        }}))
    }

    pub(super) fn list_delivery_streams(&self) -> Answer {
        let streams = lock(&self.streams);
        let names: Vec<_> = streams.keys().collect();
        answer(&json!({ "DeliveryStreamNames": names, "HasMoreDeliveryStreams": false }))
    }

    pub(super) fn put_record_batch(&self, n: u64, body: &Bytes) -> Answer {
        let request: PutRecordBatch<'_> = read(body)?;
        let count = request.records.len();
        if count == 0 || count > RECORDS {
            return Err(invalid(format!("a call has 1 to {RECORDS} records, not {count}")));
        }
        let records = request.records.iter().map(check).collect::<Result<Vec<_>, _>>()?;
        let bytes = records.iter().map(Bytes::len).sum::<usize>();
        if bytes > BYTES {
            return Err(invalid(format!("the records of a call have at most {BYTES} bytes, not {bytes}")));
        }
        let outcomes = self.give(&request.delivery_stream_name, n, records)?;
        let failed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed { .. })).count();
        answer(&Results { failed_put_count: failed, encrypted: false, request_responses: outcomes })
    }

    pub(super) fn put_record(&self, n: u64, body: &Bytes) -> Answer {
        let request: PutRecord<'_> = read(body)?;
        let outcomes = self.give(&request.delivery_stream_name, n, vec![check(&request.record)?])?;
        match outcomes.into_iter().next() {
            Some(Outcome::Failed { error_code, error_message }) => {
                Err(Refusal { status: 503, code: error_code.into(), message: error_message })
            }
            taken => answer(&taken),
        }
    }

    fn give(&self, name: &str, call: u64, records: Vec<Bytes>) -> Result<Vec<Outcome>, Refusal> {
        let mut streams = lock(&self.streams);
        let stream = streams.get_mut(name).ok_or_else(|| unknown(name))?;
        let (fails, first) = self.faults.of_records(records.len());
        let arrived = Utc::now();
        let outcomes = records.into_iter().enumerate().map(|(index, data)| {
            let tried = Tried { call, index, n: first + index as u64, key: "" };
            if let Some(code) = fails.as_ref().and_then(|fails| fails(tried)) {
                return Outcome::Failed { error_code: code, error_message: "made to fail".into() };
            }
            stream.given += 1;
            let id = format!("4966{:052}000000", stream.given);
            stream.records.push(Given { id: id.clone(), arrived, data });
            Outcome::Taken { record_id: id }
        });
        Ok(outcomes.collect())
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:firehose:eu-central-1:000000000000:deliverystream/{name}")
}
