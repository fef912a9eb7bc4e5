//! Calls that fail, by the service's own protocol.

use std::time::Duration;

use datalake_core::testkit::{Rng, batch};
use datalake_core::{Batch, ErrorKind, Retry, Sink};
use datalake_simulators::faults::Fault;
use datalake_simulators::kinesis::{Kinesis, Limits};

use super::peer::{self, STREAM, counts, events, simulator, sink};
use crate::kinesis::{EventFormat, KinesisSink};

fn numbers(count: usize, number: u64) -> Batch {
    batch((0..count).map(|n| format!("{{\"n\":{n}}}"))).number(number).build().unwrap()
}

/// Writes as the engine does: again, while the error says so.
async fn write(sink: &KinesisSink, batch: &Batch) {
    for _ in 0..3 {
        match sink.write(batch).await {
            Ok(receipt) => {
                let records: u64 = receipt.outputs.iter().map(|output| output.records).sum();
                assert_eq!(records, batch.records.len() as u64);
                return;
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    panic!("not written");
}

#[tokio::test]
async fn whatever_subset_of_up_to_ten_fails_each_is_on_the_stream_once() {
    let kinesis = simulator(2);
    let sink = sink(&kinesis).await.format(EventFormat::Bare).build().unwrap();
    let mut expected = 0;
    for count in 1..=10 {
        for failing in 0..1_usize << count {
            let first = kinesis.calls("PutRecords");
            kinesis.faults().records(move |tried| {
                (tried.call == first && failing >> tried.index & 1 == 1).then_some("InternalFailure")
            });
            write(&sink, &numbers(count, 1)).await;
            let again = u64::from(failing != 0);
            assert_eq!(kinesis.calls("PutRecords") - first, 1 + again, "{failing:b} of {count}");
            expected += count;
        }
    }
    let found = counts(kinesis.records(STREAM).into_iter().map(|stored| stored.data));
    assert_eq!(found.values().sum::<usize>(), expected);
    // The n-th number is in every batch that is longer than that.
    for n in 0..10 {
        let batches: usize = (n + 1..=10).map(|count| 1 << count).sum();
        assert_eq!(found[format!("{{\"n\":{n}}}").as_bytes()], batches, "{n}");
    }
}

#[tokio::test]
async fn whatever_subsets_of_five_hundred_fail_each_is_on_the_stream_once() {
    for seed in 0..30 {
        let kinesis = simulator(3);
        let sink = sink(&kinesis).await.build().unwrap();
        let mut rng = Rng::new(seed);
        let share = rng.below(100);
        let fails: Vec<bool> = (0..1500).map(|_| rng.below(100) < share).collect();
        kinesis.faults().records(move |tried| {
            let fails = fails.get(tried.call as usize * 500 + tried.index).copied().unwrap_or_default();
            fails.then_some("ProvisionedThroughputExceededException")
        });
        let batch = numbers(500, 1);
        write(&sink, &batch).await;
        let found = counts(events(&kinesis).into_iter().map(|read| read.id().to_owned()));
        assert_eq!(found, counts(batch.records.iter().map(|record| batch.event_id(record))), "seed {seed}");
    }
}

#[tokio::test]
async fn a_lost_reply_makes_duplicates_with_the_same_id() {
    let kinesis = simulator(1);
    let sink = sink(&kinesis).await.build().unwrap();
    kinesis.faults().next("PutRecords", Fault::LoseReply);
    let batch = numbers(3, 1);
    let error = sink.write(&batch).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && error.is_retryable(), "{error}");
    sink.write(&batch).await.unwrap();
    let found = counts(events(&kinesis).into_iter().map(|read| (read.id().to_owned(), read.body().unwrap())));
    assert_eq!(found.len(), 3);
    assert!(found.values().all(|times| *times == 2));
}

#[tokio::test]
async fn a_call_that_fails_whole_is_put_again_and_the_others_are_not() {
    for fault in [Fault::throttled(), Fault::unavailable(), Fault::Reset] {
        let kinesis = simulator(1);
        let sink = sink(&kinesis).await.calls_at_once(1).build().unwrap();
        for _ in 0..2 {
            // The second call of the first round, and the first of the second.
            kinesis.faults().next("PutRecords", Fault::Slow(Duration::ZERO));
            kinesis.faults().next("PutRecords", fault.clone());
        }
        let batch = numbers(1200, 1);
        sink.write(&batch).await.unwrap();
        let found = counts(events(&kinesis).into_iter().map(|read| read.id().to_owned()));
        assert_eq!((found.len(), found.values().max()), (1200, Some(&1)), "{fault:?}");
        assert_eq!(kinesis.calls("PutRecords"), 5, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_shard_is_waited_for_and_nothing_is_lost() {
    let kinesis = Kinesis::with(Limits::default().per_second(100, 1 << 20)).unwrap();
    kinesis.create(STREAM, 2);
    let retry = Retry::new(8, Duration::from_millis(200), Duration::from_secs(2));
    let config = peer::config(&kinesis.url()).await;
    let sink = KinesisSink::builder(&config, STREAM).retry(retry).build().unwrap();
    let batch = numbers(500, 1);
    sink.write(&batch).await.unwrap();
    let found = counts(events(&kinesis).into_iter().map(|read| read.id().to_owned()));
    assert_eq!((found.len(), found.values().max()), (500, Some(&1)));
}

#[tokio::test]
async fn what_keeps_failing_is_given_up_and_not_begun_again() {
    let kinesis = simulator(1);
    let sink = sink(&kinesis).await.build().unwrap();
    kinesis.faults().records(|tried| (tried.index == 0).then_some("InternalFailure"));
    let error = sink.write(&numbers(10, 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_temporary() && !error.is_retryable(), "{error}");
    assert_eq!((events(&kinesis).len(), kinesis.calls("PutRecords")), (9, 8));
}

#[tokio::test]
async fn a_wrong_stream_is_said_at_once() {
    let kinesis = simulator(1);
    let config = peer::config(&kinesis.url()).await;
    let arn = "arn:aws:kinesis:eu-central-1:000000000000:stream/others";
    for stream in ["others", arn] {
        let sink = KinesisSink::builder(&config, stream).build().unwrap();
        let error = sink.write(&numbers(1, 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(sink.permissions()[0].resource.ends_with(":stream/others"));
    }
}
