//! Calls that fail, and what was put.

use std::collections::BTreeMap;

use datalake_core::testkit::{Rng, batch};
use datalake_core::{Batch, Content, ErrorKind, Sink};
use datalake_simulators::faults::Fault;
use serde_json::Value;

use super::{STREAM, simulator, sink};
use crate::firehose::{EventFormat, FirehoseSink};

fn numbers(count: usize) -> Batch {
    batch((0..count).map(|n| format!("{{\"n\":{n}}}"))).build().unwrap()
}

async fn write(sink: &FirehoseSink, batch: &Batch) {
    for _ in 0..3 {
        match sink.write(batch).await {
            Ok(receipt) => return assert_eq!(receipt.outputs[0].records, batch.records.len() as u64),
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    panic!("not written");
}

fn ids(firehose: &datalake_simulators::firehose::Firehose) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for given in firehose.records(STREAM) {
        let event: Value = serde_json::from_slice(&given.data).unwrap();
        *counts.entry(event["id"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    counts
}

#[tokio::test]
async fn whatever_subset_of_up_to_ten_fails_each_is_put_once() {
    let firehose = simulator();
    let sink = sink(&firehose).await.format(EventFormat::Bare).build().unwrap();
    for count in 1..=10 {
        for failing in 0..1_usize << count {
            let first = firehose.calls("PutRecordBatch");
            firehose.faults().records(move |tried| {
                (tried.call == first && failing >> tried.index & 1 == 1)
                    .then_some("ServiceUnavailableException")
            });
            write(&sink, &numbers(count)).await;
            let mut found: Vec<_> = firehose.take(STREAM).into_iter().map(|given| given.data).collect();
            found.sort_by_key(|data| (data.len(), data.clone()));
            let expected: Vec<_> = (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
            assert_eq!(found, expected, "{failing:b} of {count}");
        }
    }
}

#[tokio::test]
async fn whatever_subsets_of_five_hundred_fail_each_is_put_once() {
    for seed in 0..30 {
        let firehose = simulator();
        let sink = sink(&firehose).await.build().unwrap();
        let mut rng = Rng::new(seed);
        let share = rng.below(100);
        let fails: Vec<bool> = (0..1500).map(|_| rng.below(100) < share).collect();
        firehose.faults().records(move |tried| {
            let fails = fails.get(tried.call as usize * 500 + tried.index).copied().unwrap_or_default();
            fails.then_some("InternalFailure")
        });
        let batch = numbers(500);
        write(&sink, &batch).await;
        let found = ids(&firehose);
        assert!(batch.records.iter().all(|record| found.get(&batch.event_id(record)) == Some(&1)));
        assert_eq!(found.len(), 500, "seed {seed}");
    }
}

#[tokio::test]
async fn a_lost_reply_makes_duplicates_with_the_same_id() {
    let firehose = simulator();
    let sink = sink(&firehose).await.build().unwrap();
    firehose.faults().next("PutRecordBatch", Fault::LoseReply);
    let batch = numbers(3);
    assert_eq!(sink.write(&batch).await.unwrap_err().kind(), ErrorKind::Unavailable);
    sink.write(&batch).await.unwrap();
    let found = ids(&firehose);
    assert!(found.len() == 3 && found.values().all(|times| *times == 2));
}

#[tokio::test]
async fn what_is_delivered_is_a_line_a_record() {
    let firehose = simulator();
    let bodies = ["{\"n\":\n1}", " [\r\n2]\n", "3"];
    let batch = batch(bodies).content(Content::Json).build().unwrap();
    sink(&firehose).await.format(EventFormat::Bare).build().unwrap().write(&batch).await.unwrap();
    sink(&firehose).await.build().unwrap().write(&batch).await.unwrap();
    let delivered: Vec<_> = firehose.records(STREAM).into_iter().map(|given| given.data).collect();
    let delivered = String::from_utf8(delivered.concat()).unwrap();
    let lines: Vec<Value> = delivered.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!((&lines[1][0], &lines[4]["data"][0]), (&Value::from(2), &Value::from(2)));
}

#[tokio::test]
async fn without_a_line_feed_a_record_is_its_bytes() {
    let firehose = simulator();
    let bodies: [&[u8]; 3] = [b"{\"n\":\n1}", b"\xff", b""];
    let batch = batch(bodies.map(|body| body.to_vec())).content(Content::Opaque).build().unwrap();
    let builder = sink(&firehose).await.format(EventFormat::Bare).newline(false);
    builder.build().unwrap().write(&batch).await.unwrap();
    let found: Vec<_> = firehose.records(STREAM).into_iter().map(|given| given.data).collect();
    assert_eq!(found, bodies);
}
