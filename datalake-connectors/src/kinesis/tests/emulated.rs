//! Streams of emulators, which were not made by the hand that made ours.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, StreamStatus};
use bytes::Bytes;
use datalake_aws::kpl::Aggregate;
use datalake_simulators::emulator::{Emulator, bounded, unique};

use super::*;

async fn active(client: &Client, stream: &str) {
    loop {
        let answer = client.describe_stream_summary().stream_name(stream).send().await.unwrap();
        if *answer.stream_description_summary().unwrap().stream_status() == StreamStatus::Active {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn put(client: &Client, stream: &str, texts: std::ops::Range<u32>) {
    let entry = |n: u32| {
        PutRecordsRequestEntry::builder()
            .partition_key(format!("key-{}", n % 7))
            .data(Blob::new(n.to_string()))
            .build()
            .unwrap()
    };
    let call = client.put_records().stream_name(stream).set_records(Some(texts.map(entry).collect()));
    assert_eq!(call.send().await.unwrap().failed_record_count(), Some(0));
}

async fn aggregates_and_a_restart(emulator: Emulator, splits: bool) {
    let config = config(emulator.endpoint()).await;
    let client = Client::new(&config);
    let stream = unique("things");
    client.create_stream().stream_name(&stream).shard_count(1).send().await.unwrap();
    active(&client, &stream).await;
    put(&client, &stream, 0..40).await;
    let mut aggregate = Aggregate::new();
    (40..60).for_each(|n: u32| aggregate.push("key-0", None, Bytes::from(n.to_string())));
    let blob = Blob::new(aggregate.finish());
    client.put_record().stream_name(&stream).partition_key("key-0").data(blob).send().await.unwrap();

    let open = || {
        KinesisSource::builder(&config, &stream, Dataset::new("things").unwrap())
            .records_per_read(9)
            .batch_bytes(30)
            .build()
            .unwrap()
    };
    let mut first = open();
    first.seek(None).await.unwrap();
    let (mut found, mut head) = (Vec::new(), None);
    while found.len() < 50 {
        let Next::Batch(batch) = first.next_batch().await.unwrap() else { panic!("{} found", found.len()) };
        found.extend(batch.documents.iter().map(|document| document.bytes().to_vec()));
        head = Some(batch.position);
    }
    drop(first);

    if splits {
        let middle = (u128::MAX / 2 + 1).to_string();
        let split = client.split_shard().stream_name(&stream).shard_to_split("shardId-000000000000");
        split.new_starting_hash_key(middle).send().await.unwrap();
        active(&client, &stream).await;
    }
    put(&client, &stream, 60..90).await;

    let mut second = open();
    second.seek(head.as_ref()).await.unwrap();
    let (rest, end) = drain(&mut second).await;
    found.extend(rest.into_iter().map(|(_, _, text)| text.into_bytes()));
    let mut numbers: Vec<u32> =
        found.iter().map(|text| std::str::from_utf8(text).unwrap().parse().unwrap()).collect();
    assert_eq!(numbers[..60], (0..60).collect::<Vec<_>>(), "the parent comes first, in its order");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..90).collect::<Vec<_>>());
    assert_eq!(second.remaining().behind, Some(Duration::ZERO));

    let mut third = open();
    third.seek(end.as_ref()).await.unwrap();
    assert!(drain(&mut third).await.0.is_empty());
    client.delete_stream().stream_name(&stream).send().await.unwrap();
}

#[tokio::test]
async fn a_stream_of_localstack_is_read_through_a_split_and_a_restart() {
    if let Some(emulator) = Emulator::localstack("the Kinesis source on LocalStack") {
        bounded("a stream of an emulator", aggregates_and_a_restart(emulator, true)).await;
    }
}

/// Without a split: there it takes the parent away at once, with what is in it.
#[tokio::test]
async fn a_stream_of_ministack_is_read_through_a_restart() {
    if let Some(emulator) = Emulator::ministack("the Kinesis source on MiniStack") {
        bounded("a stream of an emulator", aggregates_and_a_restart(emulator, false)).await;
    }
}
