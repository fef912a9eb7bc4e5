//! Records of one key, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use datalake_core::testkit::batch;
use datalake_core::transform::Pointer;
use datalake_core::{Batch, ErrorKind, Sink};
use datalake_simulators::faults::Fault;
use datalake_simulators::kinesis::Kinesis;
use futures::future::join_all;

use super::peer::{events, simulator, sink};
use crate::kinesis::{Aggregation, KinesisSink, PartitionKey};

/// Batches whose records are numbered through for each of some keys.
fn batches(count: u64, records: usize, keys: usize) -> Vec<Batch> {
    let body = |n: usize| format!(r#"{{"key":"k{}","n":{}}}"#, n % keys, n / keys);
    let make = |number: u64| {
        let first = (number as usize - 1) * records;
        batch((first..first + records).map(body)).number(number).build().unwrap()
    };
    (1..=count).map(make).collect()
}

async fn ordered(kinesis: &Kinesis, aggregation: Option<Aggregation>) -> KinesisSink {
    let key = PartitionKey::pointer(Pointer::parse("/key").unwrap());
    let builder = sink(kinesis).await.partition_key(key).ordered(true);
    match aggregation {
        Some(aggregation) => builder.aggregation(aggregation),
        None => builder,
    }
    .build()
    .unwrap()
}

/// The numbers of each key as they stand on the stream, each once.
fn sequences(kinesis: &Kinesis) -> BTreeMap<String, Vec<u64>> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for read in events(kinesis) {
        let data = &read.event["data"];
        assert_eq!(data["key"], *read.key);
        found.entry(read.key).or_default().push(data["n"].as_u64().unwrap());
    }
    found
}

#[tokio::test]
async fn records_of_a_key_stay_in_order_whatever_fails() {
    for aggregation in [None, Some(Aggregation::buckets(3).bytes(2000))] {
        let kinesis = simulator(2);
        let sink = ordered(&kinesis, aggregation).await;
        kinesis
            .faults()
            .records(|tried| (tried.n % 5 == 2).then_some("ProvisionedThroughputExceededException"));
        kinesis.faults().next("PutRecords", Fault::throttled());
        let batches = batches(4, 60, 7);
        for written in join_all(batches.iter().map(|batch| sink.write(batch))).await {
            written.unwrap();
        }
        let found = sequences(&kinesis);
        assert_eq!(found.len(), 7);
        for (key, numbers) in &found {
            let expected: Vec<_> = (0..numbers.len() as u64).collect();
            assert_eq!(numbers, &expected, "{key}");
        }
        assert_eq!(found.values().map(Vec::len).sum::<usize>(), 240);
    }
}

#[tokio::test]
async fn a_batch_that_is_given_up_lets_no_later_one_of_its_run_by() {
    let kinesis = simulator(1);
    let sink = ordered(&kinesis, None).await;
    let batches = batches(3, 10, 2);
    // The first two calls of the first batch are taken, and then nothing.
    kinesis.faults().records(|tried| (tried.call >= 2).then_some("InternalFailure"));
    let written = join_all(batches.iter().map(|batch| sink.write(batch))).await;
    for result in &written {
        let error = result.as_ref().unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && !error.is_retryable(), "{error}");
    }
    assert_eq!(sequences(&kinesis), [("k0".into(), vec![0, 1]), ("k1".into(), vec![0, 1])].into());
    assert!(sink.write(&batches[2]).await.is_err());
    kinesis.faults().clear();
    for batch in &batches {
        sink.write(batch).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_that_is_dropped_lets_the_next_one_by() {
    let kinesis = simulator(1);
    let sink = ordered(&kinesis, None).await;
    let batches = batches(2, 10, 2);
    kinesis.faults().next("PutRecords", Fault::Slow(Duration::from_secs(60)));
    {
        let mut first = std::pin::pin!(sink.write(&batches[0]));
        let called = async {
            while kinesis.calls("PutRecords") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut first => panic!("the call is slow"),
            () = called => {}
        }
    }
    sink.write(&batches[1]).await.unwrap();
}
