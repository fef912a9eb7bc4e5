//! Parts for pipelines that go wrong in one way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datalake_core::ledger::{Appended, Commit, Entry, Ledger, Manifest, StoreLedger};
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::{MemorySink, SeededEntropy, VirtualClock};
use datalake_core::transform::Transform;
use datalake_core::{
    Ambient, Cpu, Error, ErrorKind, Next, Pipeline, PipelineId, Position, Records, Result, Retry, Source,
    SourceInfo, async_trait,
};
use futures::stream::{BoxStream, TryStreamExt};

pub(crate) const LETTERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

pub(crate) fn memory() -> (MemoryStore, MemorySink) {
    (MemoryStore::new(), MemorySink::new("memory"))
}

/// Each has randomness of its own, as each process has.
pub(crate) fn ambient() -> Ambient {
    static SEED: AtomicU64 = AtomicU64::new(0);
    let entropy = SeededEntropy::new(SEED.fetch_add(1, Ordering::Relaxed));
    Ambient::new(VirtualClock::default(), entropy, Cpu::inline())
}

/// A pipeline into memory. Needs a source.
pub(crate) fn pipeline(store: &MemoryStore, sink: &MemorySink) -> PipelineBuilder {
    Pipeline::builder("p").sink(sink.clone()).ledger(ledger(store)).ambient(ambient())
}

pub(crate) fn ledger(store: &MemoryStore) -> StoreLedger {
    StoreLedger::new(Arc::new(store.clone())).with_retry(Retry::default(), ambient())
}

pub(crate) async fn entries(store: &MemoryStore) -> Vec<Commit> {
    let id = PipelineId::new("p").unwrap();
    ledger(store).entries(&id, 0).map_ok(|entry| entry.commit).try_collect().await.unwrap()
}

/// The records that count, in the order of the ledger.
pub(crate) async fn landed(store: &MemoryStore, sink: &MemorySink) -> Vec<String> {
    let mut all = Vec::new();
    let ledger = ledger(store);
    for commit in entries(store).await {
        let manifest = ledger.manifest(&commit).await.unwrap();
        let records = sink.read(&manifest.outputs);
        all.extend(records.into_iter().map(|(_, body)| String::from_utf8(body.to_vec()).unwrap()));
    }
    all
}

/// Fails a test that hangs. Time is that of the runtime, which is paused.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(24 * 3600), work).await.expect("it hangs")
}

/// A transform that takes a while, and fails for good on a record it does not like.
#[derive(Clone, Default)]
pub(crate) struct Slow {
    pub(crate) ordered: bool,
    pub(crate) hates: Option<&'static str>,
}

#[async_trait]
impl Transform for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn ordered(&self) -> bool {
        self.ordered
    }

    async fn apply(&self, records: Records) -> Result<Records> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if self.hates.is_some_and(|hated| records.iter().any(|record| record.body() == hated)) {
            return Err(Error::unexpected("a record that it hates"));
        }
        Ok(records)
    }
}

/// A source that waits long for data when there is none.
pub(crate) struct Patient<S>(pub(crate) S);

#[async_trait]
impl<S: Source> Source for Patient<S> {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    async fn next_batch(&mut self) -> Result<Next> {
        match self.0.next_batch().await? {
            Next::Idle(pause) => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Ok(Next::Idle(pause))
            }
            next => Ok(next),
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.0.seek(position).await
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        self.0.commit(position).await
    }
}

/// What goes wrong with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// The commit is not written.
    Before,
    /// The commit is written and the answer is lost.
    Lost,
    /// The commit is written just before the next append.
    Late,
    /// The commit is written after ten seconds.
    Slow,
}

/// A ledger whose appends go wrong by a list.
#[derive(Debug)]
pub(crate) struct TroubledLedger {
    inner: StoreLedger,
    troubles: Mutex<VecDeque<Trouble>>,
    late: Mutex<Option<Commit>>,
}

impl TroubledLedger {
    pub(crate) fn new(store: &MemoryStore, troubles: impl IntoIterator<Item = Trouble>) -> Self {
        Self::over(ledger(store), troubles)
    }

    pub(crate) fn over(inner: StoreLedger, troubles: impl IntoIterator<Item = Trouble>) -> Self {
        let troubles = Mutex::new(troubles.into_iter().collect());
        Self { inner, troubles, late: Mutex::default() }
    }
}

#[async_trait]
impl Ledger for TroubledLedger {
    async fn head(&self, pipeline: &PipelineId) -> Result<Option<Entry>> {
        self.inner.head(pipeline).await
    }

    async fn append(&self, commit: &Commit) -> Result<Appended> {
        let late = self.late.lock().unwrap().take();
        if let Some(late) = late {
            self.inner.append(&late).await?;
        }
        let trouble = self.troubles.lock().unwrap().pop_front();
        match trouble.unwrap_or(Trouble::None) {
            Trouble::None => return self.inner.append(commit).await,
            Trouble::Slow => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                return self.inner.append(commit).await;
            }
            Trouble::Before => {}
            Trouble::Lost => drop(self.inner.append(commit).await?),
            Trouble::Late => *self.late.lock().unwrap() = Some(commit.clone()),
        }
        Err(Error::new(ErrorKind::Unavailable, "no answer came").exhausted())
    }

    fn entries(&self, pipeline: &PipelineId, after: u64) -> BoxStream<'_, Result<Entry>> {
        self.inner.entries(pipeline, after)
    }

    async fn entry(&self, pipeline: &PipelineId, seq: u64) -> Result<Entry> {
        self.inner.entry(pipeline, seq).await
    }

    async fn manifest(&self, commit: &Commit) -> Result<Manifest> {
        self.inner.manifest(commit).await
    }
}
