use bytes::Bytes;
use chrono::Utc;
use datalake_aws::kpl::Aggregate;

use super::*;
use crate::kinesis::Start;

#[tokio::test]
async fn an_aggregate_is_taken_apart_and_read_on_in_its_middle() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, 1);
    let mut aggregate = Aggregate::new();
    for text in ["a", "b", "c"] {
        aggregate.push(text, None, Bytes::from(text));
    }
    let sequence = kinesis.put(STREAM, "a", &aggregate.finish());
    kinesis.put(STREAM, "d", b"d");

    let config = config(&kinesis.url()).await;
    let small = || builder(&config).batch_bytes(1).build().unwrap();
    let mut first = small();
    first.seek(None).await.unwrap();
    let mut positions = Vec::new();
    for text in ["a", "b", "c", "d"] {
        let Next::Batch(batch) = first.next_batch().await.unwrap() else { panic!("there is more") };
        assert_eq!(batch.documents[0].bytes(), text);
        if text < "d" {
            let sub = positions.len();
            assert_eq!(batch.documents[0].id().unwrap().as_ref(), format!("{sequence}.{sub}"));
        }
        positions.push(batch.position);
    }
    for (n, position) in positions.iter().enumerate() {
        let mut again = small();
        again.seek(Some(position)).await.unwrap();
        assert_eq!(texts(&drain(&mut again).await.0), ["a", "b", "c", "d"][n + 1..]);
    }
}

#[tokio::test]
async fn latest_is_a_time_that_is_committed_before_anything_is_read() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, 2);
    kinesis.put(STREAM, "old", b"old");
    let config = config(&kinesis.url()).await;
    let latest = || builder(&config).start(Start::Latest).build().unwrap();

    let before = Utc::now().timestamp_millis();
    while Utc::now().timestamp_millis() <= before {
        std::hint::spin_loop();
    }
    let mut first = latest();
    first.seek(None).await.unwrap();
    let Next::Batch(batch) = first.next_batch().await.unwrap() else { panic!("a position comes first") };
    assert!(batch.documents.is_empty());
    drop(first);

    kinesis.put(STREAM, "new", b"new");
    let mut second = latest();
    second.seek(Some(&batch.position)).await.unwrap();
    assert_eq!(texts(&drain(&mut second).await.0), ["new"]);
}

#[tokio::test]
async fn expired_iterators_and_empty_answers_cost_nothing() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, 1);
    for n in 0..40 {
        kinesis.put(STREAM, "k", n.to_string().as_bytes());
    }
    let config = config(&kinesis.url()).await;
    let mut source = builder(&config).records_per_read(3).build().unwrap();
    source.seek(None).await.unwrap();
    let mut found = Vec::new();
    while found.len() < 40 {
        kinesis.expire_iterators();
        kinesis.answer_empty(2);
        let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("{} found", found.len()) };
        found.extend(batch.documents.iter().map(|document| document.bytes().to_vec()));
    }
    assert_eq!(found, (0..40).map(|n: u32| n.to_string().into_bytes()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_that_is_read_is_not_asked_again_before_the_source_says_so() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, 2);
    let mut source = source(&kinesis).await;
    source.seek(None).await.unwrap();
    for n in 1..=3 {
        assert!(matches!(source.next_batch().await.unwrap(), Next::Idle(_)));
        assert_eq!(kinesis.calls("GetRecords"), 2 * n);
    }
}

#[tokio::test]
async fn how_far_the_source_is_behind_the_stream_is_told_once_every_shard_has_answered() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, 1);
    kinesis.put(STREAM, "k", b"a");
    kinesis.put(STREAM, "k", b"b");
    let config = config(&kinesis.url()).await;
    let mut source = builder(&config).records_per_read(1).build().unwrap();
    source.seek(None).await.unwrap();
    assert_eq!(source.remaining().behind, None);
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    assert!(source.remaining().behind.unwrap() > Duration::ZERO);
    drain(&mut source).await;
    assert_eq!(source.remaining().behind, Some(Duration::ZERO));
}

#[tokio::test]
async fn a_record_that_a_shard_gives_again_comes_once() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create(STREAM, 1);
    kinesis.put(STREAM, "a", b"a");
    kinesis.give_again(4);
    let mut source = source(&kinesis).await;
    source.seek(None).await.unwrap();
    assert_eq!(texts(&drain(&mut source).await.0), ["a"]);
    assert!(drain(&mut source).await.0.is_empty());
    kinesis.put(STREAM, "b", b"b");
    assert_eq!(texts(&drain(&mut source).await.0), ["b"]);
}
