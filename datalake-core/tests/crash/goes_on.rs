//! Nothing stands still for ever, and nothing waits longer than it must.

use std::time::Duration;

use datalake_core::ErrorKind;
use datalake_core::pipeline::{Budget, Ended};
use datalake_core::testkit::VecSource;
use tokio::time::sleep;

use crate::parts::{
    LETTERS, Patient, Slow, Trouble, TroubledLedger, entries, in_time, landed, memory, pipeline,
};

#[tokio::test(start_paused = true)]
async fn a_drain_ends_though_the_last_batch_is_still_being_transformed_when_the_source_ends() {
    let (store, sink) = memory();
    let source = VecSource::lines(LETTERS);
    let mut pipeline = pipeline(&store, &sink).source(source).transform(Slow::default()).build().unwrap();
    let report = in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!((report.why, report.counts.written), (Ended::Exhausted, 6));
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn a_transform_that_keeps_order_does_not_stop_the_reading() {
    let (store, sink) = memory();
    let slow = Slow { ordered: true, ..Slow::default() };
    let mut pipeline =
        pipeline(&store, &sink).source(VecSource::lines(LETTERS)).transform(slow).build().unwrap();
    let report = in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(report.counts.written, 6);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_committed_in_time_though_the_source_goes_on_waiting_for_more() {
    for slow in [false, true] {
        let (store, sink) = memory();
        let source = VecSource::lines(["a"]).endless();
        let mut pipeline =
            pipeline(&store, &sink).source(Patient(source)).commit_within(Duration::from_millis(100));
        if slow {
            pipeline = pipeline.transform(Slow::default());
        }
        let mut pipeline = pipeline.build().unwrap();
        in_time(pipeline.run_until(sleep(Duration::from_secs(1)))).await.unwrap();
        let commit = &entries(&store).await[0];
        let late = commit.committed_at - commit.envelope.acquired.end;
        assert!(late.num_milliseconds() < 200, "{late}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_byte_in_flight_is_enough_to_get_on() {
    for slow in [false, true] {
        for bytes in [0, 1, 2, 3] {
            let (store, sink) = memory();
            let source = VecSource::lines(["aa", "", "bbbb", "c", "", "dd"]).cuts([1, 0, 2]);
            let mut pipeline = pipeline(&store, &sink).source(source).bytes_in_flight(bytes);
            if slow {
                pipeline = pipeline.transform(Slow::default());
            }
            let report = in_time(pipeline.build().unwrap().drain(Budget::unlimited())).await.unwrap();
            assert_eq!(report.counts.written, 6, "{bytes} bytes");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn batches_without_documents_are_committed_too() {
    let (store, sink) = memory();
    let source = VecSource::lines(["a"]).cuts([0, 0, 0, 1]);
    let mut pipeline = pipeline(&store, &sink).source(source).bytes_in_flight(1).build().unwrap();
    let report = in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(report.counts.written, 1);
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_nothing_ends_at_once() {
    let (store, sink) = memory();
    let mut pipeline = pipeline(&store, &sink).source(VecSource::lines(LETTERS)).build().unwrap();
    let report = in_time(pipeline.drain(Budget::unlimited().time(Duration::ZERO))).await.unwrap();
    assert_eq!((report.why, report.commits), (Ended::Budget, 0));
    let report = in_time(pipeline.drain(Budget::unlimited().bytes(0))).await.unwrap();
    assert_eq!(report.why, Ended::Budget);
    let report = in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(report.why, Ended::Exhausted);
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_while_a_write_is_tried_again_ends_the_run() {
    let (store, sink) = memory();
    sink.fail(usize::MAX, ErrorKind::Unavailable);
    let source = VecSource::lines(LETTERS).endless();
    let mut pipeline = pipeline(&store, &sink).source(source).build().unwrap();
    drop(in_time(pipeline.run_until(sleep(Duration::from_secs(30)))).await);
    assert!(entries(&store).await.is_empty());
    sink.fail(0, ErrorKind::Unavailable);
    in_time(pipeline.run_until(sleep(Duration::from_secs(30)))).await.unwrap();
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn writes_go_on_while_a_commit_is_being_appended() {
    let (store, sink) = memory();
    let (sink, ledger) = (sink.target(1, 1), TroubledLedger::new(&store, [Trouble::Slow]));
    let source = VecSource::lines(["a", "b", "c"]);
    let mut pipeline =
        pipeline(&store, &sink).source(source).transform(Slow::default()).ledger(ledger).build().unwrap();
    let watch = async {
        sleep(Duration::from_secs(1)).await;
        (sink.everything().len(), landed(&store, &sink).await.len())
    };
    let (report, seen) = in_time(async { tokio::join!(pipeline.drain(Budget::unlimited()), watch) }).await;
    assert_eq!((report.unwrap().commits, seen), (3, (3, 0)));
}
