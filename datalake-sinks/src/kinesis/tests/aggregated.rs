//! Several records in one record of the stream.

use datalake_aws::kpl::{disaggregate, hash_key};
use datalake_core::testkit::batch;
use datalake_core::transform::Pointer;
use datalake_core::{Batch, Sink};
use datalake_simulators::faults::Fault;

use super::peer::{STREAM, counts, events, simulator, sink};
use crate::kinesis::{Aggregation, PartitionKey};

fn customers(count: usize) -> Batch {
    batch((0..count).map(|n| format!(r#"{{"key":"c{}","n":{n}}}"#, n % 50))).build().unwrap()
}

#[tokio::test]
async fn records_share_records_and_keep_their_keys_and_ids() {
    let kinesis = simulator(4);
    let key = PartitionKey::pointer(Pointer::parse("/key").unwrap());
    let builder = sink(&kinesis).await.partition_key(key).aggregation(Aggregation::buckets(16));
    let batch = customers(5000);
    let receipt = builder.build().unwrap().write(&batch).await.unwrap();
    assert_eq!(receipt.outputs.iter().map(|output| output.records).sum::<u64>(), 5000);
    let stored = kinesis.records(STREAM);
    assert!(stored.len() < 60, "{} records", stored.len());
    assert_eq!(kinesis.calls("PutRecords"), 1);
    assert!(stored.iter().all(|stored| stored.data.len() <= 50 << 10));
    let found = events(&kinesis);
    assert!(found.iter().all(|read| read.event["data"]["key"] == *read.key));
    let ids = counts(found.iter().map(|read| read.id().to_owned()));
    assert_eq!(ids, counts(batch.records.iter().map(|record| batch.event_id(record))));
}

#[tokio::test]
async fn a_key_goes_to_one_shard_and_every_record_belongs_where_its_aggregate_is() {
    let kinesis = simulator(4);
    let key = PartitionKey::pointer(Pointer::parse("/key").unwrap());
    let aggregation = Aggregation::buckets(64).bytes(4000);
    let sink = sink(&kinesis).await.partition_key(key).aggregation(aggregation).build().unwrap();
    sink.write(&customers(1000)).await.unwrap();
    let width = u128::MAX / 4;
    let mut homes = std::collections::BTreeMap::new();
    for stored in kinesis.records(STREAM) {
        for part in disaggregate(&stored.data).unwrap() {
            let shard = (part.hash_key() / width).min(3);
            assert_eq!(stored.shard, format!("shardId-{shard:012}"));
            assert_eq!(part.hash_key() / (u128::MAX / 64), hash_key(&part.partition_key) / (u128::MAX / 64));
            assert_eq!(*homes.entry(part.partition_key).or_insert(shard), shard);
        }
    }
    assert!(homes.len() == 50 && homes.values().collect::<std::collections::BTreeSet<_>>().len() == 4);
}

#[tokio::test]
async fn a_failed_aggregate_is_put_again_alone() {
    let kinesis = simulator(2);
    let sink = sink(&kinesis).await.aggregation(Aggregation::buckets(8)).build().unwrap();
    kinesis.faults().records(|tried| (tried.n == 3).then_some("InternalFailure"));
    kinesis.faults().next("PutRecords", Fault::Slow(std::time::Duration::from_millis(1)));
    sink.write(&customers(400)).await.unwrap();
    let found = counts(events(&kinesis).into_iter().map(|read| read.id().to_owned()));
    assert_eq!((found.len(), found.values().max()), (400, Some(&1)));
    assert_eq!((kinesis.records(STREAM).len(), kinesis.calls("PutRecords")), (8, 2));
}

#[tokio::test]
async fn a_record_too_large_for_an_aggregate_goes_alone() {
    let kinesis = simulator(1);
    let sink = sink(&kinesis).await.aggregation(Aggregation::buckets(1)).build().unwrap();
    let envelope = 400;
    let sizes = [10, 100_000, (1 << 20) - envelope, 10];
    let batch = batch(sizes.map(|size| format!("\"{}\"", "x".repeat(size)))).build().unwrap();
    assert!(sink.write(&batch).await.unwrap().refused.is_empty());
    let order: Vec<_> = events(&kinesis).iter().map(|read| read.record().ordinal).collect();
    assert_eq!(order, [0, 1, 2, 3]);
}
