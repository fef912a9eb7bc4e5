//! The name of a record outside of the lake holds when an attempt is lost and the batch comes again, cut elsewhere.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use datalake_core::ledger::StoreLedger;
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::VecSource;
use datalake_core::{
    Batch, Document, Error, Format, Pipeline, Receipt, Result, Retry, Sink, SinkInfo, async_trait,
};
use tokio::sync::Barrier;

/// The records that reached the stream, each with its name and its number in the batch.
type Seen = Arc<Mutex<Vec<(String, String, Bytes)>>>;

/// A stream: what was written stays written. If it is to fail, it does so once three writes have been under way.
struct Stream {
    info: SinkInfo,
    seen: Seen,
    fails: Option<Barrier>,
}

#[async_trait]
impl Sink for Stream {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        for record in batch.records.iter() {
            let number = record.origin().id(&batch.id).to_string();
            self.seen.lock().unwrap().push((batch.event_id(record), number, record.body().clone()));
        }
        match &self.fails {
            Some(three) => {
                three.wait().await;
                Err(Error::unexpected("the worker dies here"))
            }
            None => Ok(Receipt::default()),
        }
    }
}

fn documents(ids: bool) -> impl Iterator<Item = Document> {
    (0..12).map(move |n| {
        let text = format!("{{\"n\":{n}}}\n{{\"same\":true}}\n{{\"same\":true}}\n");
        let document = Document::new(text, "memory:///log", Format::Ndjson).at(n * 100);
        if ids { document.with_id(format!("page-{n}")) } else { document }
    })
}

/// Runs until it fails with one size of batches, then to the end with another.
async fn crash(source: VecSource, again: VecSource, sizes: [usize; 2]) -> Vec<(String, String, Bytes)> {
    let (store, seen) = (Arc::new(MemoryStore::new()), Seen::default());
    for (n, (source, records)) in [source, again].into_iter().zip(sizes).enumerate() {
        let sink = Stream {
            info: SinkInfo::new("test.stream").with_target(1 << 20, records),
            seen: Arc::clone(&seen),
            fails: (n == 0).then(|| Barrier::new(3)),
        };
        let mut pipeline = Pipeline::builder("log")
            .source(source)
            .sink(sink)
            .ledger(StoreLedger::new(store.clone()))
            .retry(Retry::never())
            .build()
            .unwrap();
        assert_eq!(pipeline.drain(Budget::unlimited()).await.is_err(), n == 0);
    }
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 36, "nothing came again");
    seen.clone()
}

/// What each name was given to, and how many names there are.
fn names(seen: &[(String, String, Bytes)]) -> BTreeMap<&str, &Bytes> {
    let mut names = BTreeMap::new();
    for (name, _, body) in seen {
        let first = *names.entry(name.as_str()).or_insert(body);
        assert_eq!(first, body, "{name} names two records");
    }
    names
}

#[tokio::test]
async fn a_record_that_comes_again_in_a_batch_cut_elsewhere_keeps_its_name() {
    for ids in [false, true] {
        let source = VecSource::new(documents(ids));
        let again = source.reopen();
        let seen = crash(source, again, [3, 9]).await;
        assert_eq!(names(&seen).len(), 36, "with ids: {ids}");
        let numbers: BTreeMap<_, _> = seen.iter().map(|(_, number, body)| (number, body)).collect();
        let moved = seen.iter().any(|(_, number, body)| numbers[number] != body);
        assert!(moved, "the batches were cut alike, which proves nothing");
    }
}

#[tokio::test]
async fn a_record_read_from_another_position_gets_another_name_and_never_that_of_another() {
    let source = VecSource::new(documents(false)).cuts([2]);
    let again = source.reopen().cuts([3]);
    let seen = crash(source, again, [6, 9]).await;
    assert!(names(&seen).len() >= 36);
}
