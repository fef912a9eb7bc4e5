//! What a failure or a lost race costs: nothing but time.

use std::time::Duration;

use datalake_core::pipeline::{Budget, Ended};
use datalake_core::store::MemoryStore;
use datalake_core::testkit::{Call, FlakySource, MemorySink, VecSource};
use datalake_core::{ErrorKind, Retry};
use tokio::time::sleep;

use crate::parts::{LETTERS, Slow, Trouble, TroubledLedger, entries, in_time, landed, memory, pipeline};

#[tokio::test(start_paused = true)]
async fn a_run_waits_out_a_failure_at_the_last_commit_too() {
    let (store, sink) = memory();
    let ledger = TroubledLedger::new(&store, [Trouble::Before]);
    let source = VecSource::lines(LETTERS);
    let mut pipeline = pipeline(&store, &sink).source(source).ledger(ledger).build().unwrap();
    let report = in_time(pipeline.run_until(std::future::pending())).await.unwrap();
    assert_eq!((report.why, report.restarts), (Ended::Exhausted, 1));
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_lost_its_slot_at_the_end_of_the_source_takes_what_the_other_left() {
    let (store, slow, quick) = (MemoryStore::new(), MemorySink::new("memory"), MemorySink::new("memory"));
    let source = VecSource::lines(LETTERS);
    let other = source.reopen();
    let mut one = pipeline(&store, &slow).source(source).build().unwrap();
    let mut two = pipeline(&store, &quick).source(other).build().unwrap();
    slow.stall();
    let both = async {
        let drain = one.drain(Budget::unlimited());
        let overtake = async {
            slow.arrived(1).await;
            two.drain(Budget::unlimited().bytes(2)).await.unwrap();
            slow.release();
        };
        tokio::join!(drain, overtake).0.unwrap()
    };
    let report = in_time(both).await;
    assert_eq!((report.lost_slots, report.why), (1, Ended::Exhausted));
    assert_eq!(entries(&store).await.iter().map(|commit| commit.counts.written).sum::<u64>(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_batch_that_cannot_be_transformed_is_committed() {
    let (store, sink) = memory();
    let slow = Slow { hates: Some("d"), ..Slow::default() };
    let mut pipeline =
        pipeline(&store, &sink).source(VecSource::lines(LETTERS)).transform(slow).build().unwrap();
    in_time(pipeline.drain(Budget::unlimited())).await.unwrap_err();
    assert_eq!(landed(&store, &sink).await, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn failures_between_idle_answers_do_not_add_up() {
    let (store, sink) = memory();
    let source = VecSource::lines(["a"]).endless();
    let source = (0..20).fold(FlakySource::new(source), |source, n| {
        source.fails(Call::NextBatch, 2 * n + 1, ErrorKind::Unavailable)
    });
    let retry = Retry::new(3, Duration::from_millis(10), Duration::from_millis(10));
    let mut pipeline = pipeline(&store, &sink).source(source).retry(retry).build().unwrap();
    let report = in_time(pipeline.run_until(sleep(Duration::from_secs(60)))).await.unwrap();
    assert_eq!(report.restarts, 0);
}
