//! A source that cannot go back: the engine keeps its batches, and writes each once, whatever became of the answer.

use std::time::Duration;

use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::{MemorySink, VecSource};
use datalake_core::{Document, Format};

use crate::parts::{Trouble, TroubledLedger, entries, in_time, landed, pipeline};

const LETTERS: [&str; 4] = ["a", "b", "c", "d"];

#[tokio::test(start_paused = true)]
async fn what_is_not_committed_is_written_again() {
    let (store, sink) = (MemoryStore::new(), MemorySink::new("memory"));
    let ledger = TroubledLedger::new(&store, [Trouble::Before]);
    let source = VecSource::lines(LETTERS).without_seek();
    let mut pipeline = pipeline(&store, &sink).source(source).ledger(ledger).build().unwrap();
    in_time(pipeline.drain(Budget::unlimited())).await.unwrap_err();
    in_time(pipeline.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(landed(&store, &sink).await, LETTERS);
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_is_not_made_twice() {
    for trouble in [Trouble::Lost, Trouble::Late] {
        let (store, sink) = (MemoryStore::new(), MemorySink::new("memory").target(usize::MAX, 2));
        let ledger = TroubledLedger::new(&store, [trouble, Trouble::None, trouble]);
        let source = VecSource::lines(LETTERS).without_seek().wants_commit(Duration::from_secs(1));
        let silo = source.silo();
        let told = silo.send(Document::new("e", "memory:///e", Format::Whole));
        let mut pipeline = pipeline(&store, &sink).source(source).ledger(ledger).build().unwrap();
        while in_time(pipeline.drain(Budget::unlimited())).await.is_err() {}
        assert_eq!(landed(&store, &sink).await, ["a", "b", "c", "d", "e"], "{trouble:?}");
        assert!(in_time(told).await);
        assert_eq!(silo.committed(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_by_itself_makes_no_commit_twice() {
    for trouble in [Trouble::Lost, Trouble::Late] {
        let (store, sink) = (MemoryStore::new(), MemorySink::new("memory"));
        let ledger = TroubledLedger::new(&store, [trouble]);
        let source = VecSource::lines(LETTERS).without_seek();
        let silo = source.silo();
        let mut pipeline = pipeline(&store, &sink).source(source).ledger(ledger).build().unwrap();
        in_time(pipeline.run_until(std::future::pending())).await.unwrap();
        assert_eq!(landed(&store, &sink).await, LETTERS, "{trouble:?}");
        assert_eq!(silo.committed(), 4, "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn anothers_commit_takes_nothing_from_what_is_held() {
    let (store, slow, quick) = (MemoryStore::new(), MemorySink::new("memory"), MemorySink::new("memory"));
    let mut one = pipeline(&store, &slow).source(VecSource::lines(LETTERS).without_seek()).build().unwrap();
    let mut two = pipeline(&store, &quick).source(VecSource::lines(LETTERS).without_seek()).build().unwrap();
    slow.stall();
    let both = async {
        let overtake = async {
            slow.arrived(1).await;
            two.drain(Budget::unlimited()).await.unwrap();
            slow.release();
        };
        tokio::join!(one.drain(Budget::unlimited()), overtake).0.unwrap()
    };
    let report = in_time(both).await;
    assert_eq!(report.lost_slots, 1);
    let commits = entries(&store).await;
    assert_eq!(commits.iter().map(|commit| commit.counts.written).sum::<u64>(), 8);
}
