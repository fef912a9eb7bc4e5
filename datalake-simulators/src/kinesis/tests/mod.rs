mod putting;
mod reading;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Kinesis;
use crate::json::tests::done;

fn entry(key: &str, data: &[u8]) -> Value {
    json!({ "PartitionKey": key, "Data": STANDARD.encode(data) })
}

fn iterator(kinesis: &Kinesis, shard: &str, kind: &str, sequence: Option<&str>) -> String {
    let mut request = json!({ "StreamName": "s", "ShardId": shard, "ShardIteratorType": kind });
    if let Some(sequence) = sequence {
        request["StartingSequenceNumber"] = sequence.into();
    }
    done(&kinesis.url(), "GetShardIterator", &request)["ShardIterator"].as_str().unwrap().to_owned()
}

fn get(kinesis: &Kinesis, iterator: &str) -> Value {
    done(&kinesis.url(), "GetRecords", &json!({ "ShardIterator": iterator }))
}

/// The data of the records in an answer, as text.
fn texts(answer: &Value) -> Vec<String> {
    let records = answer["Records"].as_array().unwrap();
    let text = |record: &Value| STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
    records.iter().map(|record| String::from_utf8(text(record)).unwrap()).collect()
}
