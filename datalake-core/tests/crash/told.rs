//! A source is told of every commit, if not at once then later.

use std::time::Duration;

use datalake_core::pipeline::Budget;
use datalake_core::testkit::{Call, FlakySource, VecSource};
use datalake_core::{ErrorKind, Retry};
use tokio::time::sleep;

use crate::parts::{LETTERS, Trouble, TroubledLedger, in_time, landed, memory, pipeline};

#[tokio::test(start_paused = true)]
async fn a_source_with_a_window_is_told_before_it_is_asked_again() {
    let (store, sink) = memory();
    let source = VecSource::lines(LETTERS).window(2);
    let mut pipeline = pipeline(&store, &sink).source(source).build().unwrap();
    in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_could_not_be_told_is_told_again_when_it_has_nothing_to_give() {
    let (store, sink) = memory();
    let source = VecSource::lines(LETTERS).endless().window(2).wants_commit(Duration::from_secs(1));
    let silo = source.silo();
    let source = FlakySource::new(source).fails(Call::Commit, 0, ErrorKind::Unavailable);
    let mut pipeline = pipeline(&store, &sink).source(source).retry(Retry::never()).build().unwrap();
    in_time(pipeline.run_until(sleep(Duration::from_secs(60)))).await.unwrap();
    assert_eq!(landed(&store, &sink).await, LETTERS);
    assert_eq!(silo.committed(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_told_of_a_commit_though_the_next_one_is_lost() {
    let (store, sink) = memory();
    let sink = sink.target(1, 1);
    let source = VecSource::lines(["a", "b"]);
    let silo = source.silo();
    let ledger = TroubledLedger::new(&store, [Trouble::None, Trouble::Lost]);
    let mut pipeline = pipeline(&store, &sink).source(source).ledger(ledger).build().unwrap();
    sink.stall();
    let both_arrive = async {
        sink.arrived(2).await;
        sink.release();
    };
    in_time(async { tokio::join!(pipeline.drain(Budget::unlimited()), both_arrive).0.unwrap_err() }).await;
    assert_eq!(silo.committed(), 0);
    in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(silo.committed(), 1);
}
