//! Events made of chance.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datalake_core::lake::Partition;
use datalake_core::testkit::Rng;
use datalake_core::transform::flat_map;
use serde_json::{Value, json};

use super::{FirehoseTransform, orders};

const WORLDS: u64 = 200;

/// Data of any kind: records, several of them, halves of them, bombs, noise, nothing.
fn data(rng: &mut Rng) -> Vec<u8> {
    let long = "y".repeat(rng.below(3_000));
    match rng.below(12) {
        0 => Vec::new(),
        1 => b"\n \n".to_vec(),
        2 => br#"{"drop":true}"#.to_vec(),
        3 => (0..rng.below(400)).map(|_| rng.bits() as u8).collect(),
        4 => format!("{{\"times\":{},\"email\":\"{long}\"}}", rng.below(3_000)).into_bytes(),
        5 => b"{\"a\":1}\n{\"a\":2}\n{\"a\"".to_vec(),
        6 => format!("{}1{}", "[".repeat(rng.below(100)), "]".repeat(rng.below(100))).into_bytes(),
        7 => b"\"text\"".to_vec(),
        _ => format!("{{\"email\":\"{long}\",\"region\":\"r{}\"}}\n", rng.below(4)).into_bytes(),
    }
}

/// A record of an event, and its id if it has one that an answer can name.
fn record(rng: &mut Rng) -> Value {
    let mut encoded = STANDARD.encode(data(rng));
    match rng.below(20) {
        0 => encoded.insert(rng.below(encoded.len() + 1), '!'),
        1 => encoded.truncate(encoded.len().saturating_sub(1)),
        2 => encoded.push_str("\"\\\u{1f600}\n"),
        _ => {}
    }
    let id = match rng.below(12) {
        0 => json!("the same"),
        1 => json!("quote\"back\\slash\u{1f600}\u{0}"),
        2 => Value::Null,
        3 => json!("x".repeat(rng.below(2_000))),
        _ => json!(format!("{:056}", rng.below(1_000_000))),
    };
    match rng.below(40) {
        0 => json!({ "recordId": id }),
        1 => json!({ "recordId": id, "data": rng.below(9) }),
        2 => json!({ "recordId": id, "data": [encoded] }),
        3 => json!({ "data": encoded }),
        4 => json!({ "recordId": [id], "data": encoded }),
        5 => json!(rng.below(9)),
        6 => {
            json!({ "recordId": id, "data": encoded, "approximateArrivalTimestamp": "", "kinesisRecordMetadata": 7 })
        }
        7 => {
            json!({ "recordId": id, "data": encoded, "approximateArrivalTimestamp": "2026-11-26T10:00:00Z" })
        }
        _ => json!({ "recordId": id, "data": encoded, "approximateArrivalTimestamp": 1_763_809_200_000_u64 }),
    }
}

fn transform(bare: bool, partitioned: bool) -> FirehoseTransform {
    let times = datalake_core::transform::Pointer::parse("/times").unwrap();
    let many = flat_map("many", "1", move |record| {
        let mut draft = datalake_core::transform::Draft::new(record.body().clone(), record.content());
        let times: Option<usize> = draft.value(&times)?;
        Ok(vec![record.body().clone(); times.unwrap_or(1)])
    });
    let mut builder = FirehoseTransform::builder(orders().transform(many).reshaper().unwrap());
    if bare {
        builder = builder.bare();
    }
    if partitioned {
        builder = builder.partition(Partition::field("region", "/region").unwrap());
    }
    builder.build().unwrap()
}

/// Checks an answer against its event: every id once, every record accounted for, and nothing too long.
fn check(event: &Value, answer: &[u8]) {
    assert!(answer.len() <= 5_800_000, "{} bytes", answer.len());
    let answer: Value = serde_json::from_slice(answer).unwrap();
    let mut given: BTreeMap<&str, usize> = BTreeMap::new();
    let records = event["records"].as_array().unwrap();
    let id =
        |record: &'_ Value| record.get("recordId").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    for record in records.iter().filter(|record| id(record)) {
        *given.entry(record["recordId"].as_str().unwrap()).or_default() += 1;
    }
    let nameless = records.iter().filter(|record| !id(record)).count();
    let answers = answer["records"].as_array().unwrap();
    assert_eq!(answers.len(), given.len() + nameless);
    let mut named = BTreeSet::new();
    for answer in answers {
        let id = answer["recordId"].as_str().unwrap();
        let result = answer["result"].as_str().unwrap();
        let data = answer["data"].as_str().unwrap();
        assert!(STANDARD.decode(data).is_ok());
        match result {
            "Ok" => assert!(STANDARD.decode(data).unwrap().ends_with(b"\n")),
            "Dropped" => assert!(data.is_empty()),
            "ProcessingFailed" => {}
            other => panic!("{other}"),
        }
        if let Some(times) = given.get(id) {
            assert!(named.insert(id.to_owned()), "{id:?} is answered twice");
            assert!(*times == 1 || result == "ProcessingFailed", "{id:?} is {result} for {times} records");
        }
    }
    assert_eq!(named.len(), given.len(), "an id is not answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_event_is_answered_completely_and_within_the_limit() {
    let worlds = std::env::var("DATALAKE_SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in worlds.map_or(0..WORLDS, |seed: u64| seed..seed + 1) {
        let mut rng = Rng::new(seed);
        let records: Vec<_> = (0..rng.below(120)).map(|_| record(&mut rng)).collect();
        let event =
            json!({ "invocationId": "i", "deliveryStreamArn": "arn:aws:firehose:x", "records": records });
        let transform = transform(rng.chance(0.5), rng.chance(0.5));
        let answer = transform.answer(event.to_string()).await;
        let answer = answer.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&event, &answer)));
        assert!(checked.is_ok(), "seed {seed}: see above");
    }
}

#[tokio::test]
async fn bytes_of_chance_are_answered_or_refused_and_never_more() {
    let transform = transform(true, false);
    let event = super::event([("1", &br#"{"id":1}"#[..]), ("2", br#"{"id":2}"#)]);
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed);
        let mut bytes = event.clone();
        for _ in 0..rng.within(1..6) {
            let at = rng.below(bytes.len());
            match rng.below(3) {
                0 => bytes[at] = rng.bits() as u8,
                1 => bytes.truncate(at.max(1)),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        // Where nobody looks, and in data that is no Base64 for it, there may be bytes that no JSON has.
        let shown = bytes.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            b'\t' | b'\n' | b'\r' => ' ',
            _ => '?',
        });
        let whole: Result<Value, _> = serde_json::from_str(&shown.collect::<String>());
        match (transform.answer(bytes).await, whole) {
            (Ok(answer), Ok(event)) => check(&event, &answer),
            (Ok(_), Err(_)) => panic!("seed {seed}: an answer to what is no JSON"),
            (Err(_), _) => {}
        }
    }
}
