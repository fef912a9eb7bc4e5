//! A run that is asked to stop does so though something is being tried again.

use std::sync::Arc;
use std::time::Duration;

use datalake_core::ledger::StoreLedger;
use datalake_core::pipeline::{Budget, Ended};
use datalake_core::store::MemoryStore;
use datalake_core::testkit::{Call, FaultyStore, FlakySource, MemorySink, VecSource};
use datalake_core::{ErrorKind, Retry};
use tokio::time::{Instant, sleep};

use crate::parts::{LETTERS, Trouble, TroubledLedger, ambient, in_time, landed, memory, pipeline};

const HOUR: Duration = Duration::from_secs(3600);

/// At least a quarter of an hour between two tries.
fn patient() -> Retry {
    Retry::new(9, HOUR, HOUR)
}

#[tokio::test(start_paused = true)]
async fn while_the_head_of_the_ledger_is_looked_for() {
    let store = FaultyStore::new(MemoryStore::new(), 1);
    store.down(true);
    let ledger = StoreLedger::new(Arc::new(store)).with_retry(patient(), ambient());
    let mut pipeline = pipeline(&MemoryStore::new(), &MemorySink::new("memory"))
        .source(VecSource::lines(LETTERS))
        .ledger(ledger)
        .build()
        .unwrap();
    let begun = Instant::now();
    let report = in_time(pipeline.run_until(sleep(Duration::from_secs(1)))).await.unwrap();
    assert_eq!((report.why, begun.elapsed()), (Ended::Shutdown, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn while_the_source_cannot_go_to_the_head() {
    let (store, sink) = memory();
    let source = VecSource::lines(LETTERS);
    let source = (0..9).fold(FlakySource::new(source), |s, n| s.fails(Call::Seek, n, ErrorKind::Unavailable));
    let mut pipeline = pipeline(&store, &sink).source(source).retry(patient()).build().unwrap();
    let begun = Instant::now();
    let report = in_time(pipeline.run_until(sleep(Duration::from_secs(1)))).await.unwrap();
    assert_eq!((report.why, begun.elapsed()), (Ended::Shutdown, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn while_the_source_cannot_be_told_and_then_it_is_tried_once_more() {
    for failures in [1, 9] {
        let (store, sink) = memory();
        let source = VecSource::lines(LETTERS).endless().window(6).wants_commit(Duration::from_secs(1));
        let silo = source.silo();
        let source = (0..failures)
            .fold(FlakySource::new(source), |s, n| s.fails(Call::Commit, n, ErrorKind::Unavailable));
        let mut pipeline = pipeline(&store, &sink).source(source).retry(patient()).build().unwrap();
        let begun = Instant::now();
        let report = in_time(pipeline.run_until(sleep(Duration::from_secs(60)))).await.unwrap();
        assert_eq!((report.why, begun.elapsed()), (Ended::Shutdown, Duration::from_secs(60)));
        assert_eq!(landed(&store, &sink).await, LETTERS);
        assert_eq!(silo.committed(), if failures == 1 { 6 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn but_not_before_what_cannot_come_again_is_committed() {
    let (store, sink) = memory();
    let faulty = FaultyStore::new(store.clone(), 1);
    let ledger = StoreLedger::new(Arc::new(faulty.clone())).with_retry(patient(), ambient());
    let ledger = TroubledLedger::over(ledger, [Trouble::Before]);
    let source = VecSource::lines(LETTERS).endless().without_seek();
    let mut pipeline = pipeline(&store, &sink).source(source).ledger(ledger).build().unwrap();
    sink.stall();
    let outage = async {
        sink.arrived(1).await;
        faulty.down(true);
        sink.release();
        sleep(Duration::from_secs(100)).await;
        faulty.down(false);
    };
    let run = pipeline.run_until(sleep(Duration::from_secs(50)));
    let report = in_time(async { tokio::join!(run, outage).0.unwrap() }).await;
    assert_eq!(report.why, Ended::Shutdown);
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn and_a_new_process_tells_what_the_last_one_could_not() {
    let (store, sink) = memory();
    let source = VecSource::lines(LETTERS).wants_commit(Duration::from_secs(1));
    let (silo, next) = (source.silo(), source.reopen());
    let source =
        (0..9).fold(FlakySource::new(source), |s, n| s.fails(Call::Commit, n, ErrorKind::Unavailable));
    let mut killed = pipeline(&store, &sink).source(source).retry(Retry::never()).build().unwrap();
    in_time(killed.drain(Budget::unlimited())).await.unwrap();
    assert_eq!((landed(&store, &sink).await.len(), silo.committed()), (6, 0));
    let mut pipeline = pipeline(&store, &sink).source(next).build().unwrap();
    let report = in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!((report.commits, silo.committed(), silo.commits().len()), (0, 6, 1));
}
