//! Aggregates against an implementation of somebody else: the Python package `aws_kinesis_agg`.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_aws::kpl::{Aggregate, disaggregate};
use serde_json::{Value, json};

const VARIABLE: &str = "DATALAKE_PYTHON_AWS";

const APART: &str = r#"
import base64, json, sys
from aws_kinesis_agg.deaggregator import deaggregate_records
records = [{"kinesis": {"data": data, "partitionKey": "p", "sequenceNumber": str(n), "kinesisSchemaVersion": "1.0",
            "approximateArrivalTimestamp": 0}} for n, data in enumerate(json.load(sys.stdin))]
parts = [{"of": r["kinesis"]["sequenceNumber"], "key": r["kinesis"]["partitionKey"],
          "explicit": r["kinesis"].get("explicitHashKey"), "data": r["kinesis"]["data"],
          "sub": r["kinesis"].get("subSequenceNumber")} for r in deaggregate_records(records)]
for part in parts:
    if isinstance(part["data"], bytes):
        part["data"] = part["data"].decode()
print(json.dumps(parts))
"#;

const TOGETHER: &str = r#"
import base64, json, sys
from aws_kinesis_agg.aggregator import RecordAggregator
aggregator, made = RecordAggregator(), []
for r in json.load(sys.stdin):
    full = aggregator.add_user_record(r["key"], base64.b64decode(r["data"]), r["explicit"])
    if full:
        made.append(full.get_contents())
last = aggregator.clear_and_get()
if last:
    made.append(last.get_contents())
print(json.dumps([base64.b64encode(data).decode() for _, _, data in made]))
"#;

/// What a Python program prints, given JSON; or a line that says why it is left out.
fn python(program: &str, input: &Value) -> Option<Value> {
    let Some(python) = std::env::var_os(VARIABLE) else {
        let line = format!(
            "left out: another implementation, since {VARIABLE} is not set; `cargo xtask test` sets it\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let mut child = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python: {}", output.status);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn sample(n: usize) -> (String, Option<u128>, Bytes) {
    let explicit = n.is_multiple_of(3).then_some(u128::MAX - n as u128);
    (format!("key-{}", n % 40), explicit, vec![n as u8; n * 13 % 500].into())
}

#[test]
fn another_implementation_takes_our_aggregates_apart() {
    let mut stored = Vec::new();
    for size in [1, 2, 130, 1000] {
        let mut aggregate = Aggregate::new();
        for (key, explicit, data) in (0..size).map(sample) {
            aggregate.push(&key, explicit, data);
        }
        stored.push(STANDARD.encode(aggregate.finish()));
    }
    stored.push(STANDARD.encode("a plain record"));
    let Some(parts) = python(APART, &json!(stored)) else { return };
    let mut parts = parts.as_array().unwrap().iter();
    for (of, size) in [1, 2, 130, 1000].into_iter().enumerate() {
        for n in 0..size {
            let (part, (key, explicit, data)) = (parts.next().unwrap(), sample(n));
            assert_eq!(part["of"], of.to_string());
            assert_eq!(part["sub"], n);
            assert_eq!(part["key"], key);
            // It reads a missing one as the first in the table.
            if let Some(explicit) = explicit {
                assert_eq!(part["explicit"], explicit.to_string());
            }
            assert_eq!(part["data"], STANDARD.encode(&data));
        }
    }
    assert_eq!(parts.next().unwrap()["data"], STANDARD.encode("a plain record"));
    assert!(parts.next().is_none());
}

#[test]
fn we_take_aggregates_of_another_implementation_apart() {
    let records: Vec<_> = (0..3000).map(sample).collect();
    let input = records.iter().map(|(key, explicit, data)| {
        json!({ "key": key, "explicit": explicit.map(|key| key.to_string()), "data": STANDARD.encode(data) })
    });
    let Some(made) = python(TOGETHER, &input.collect()) else { return };
    let decode = |data: &Value| Bytes::from(STANDARD.decode(data.as_str().unwrap()).unwrap());
    let parts: Vec<_> = made
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|data| disaggregate(&decode(data)).expect("an aggregate"))
        .collect();
    assert_eq!(parts.len(), records.len());
    for (part, (key, explicit, data)) in parts.iter().zip(&records) {
        assert_eq!((&part.partition_key, &part.data), (key, data));
        if let Some(explicit) = explicit {
            assert_eq!(part.hash_key(), *explicit);
        }
    }
}
