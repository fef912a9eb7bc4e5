//! A source being read by a case.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::unit::{Unit, units};
use super::{Fed, SourceHarness};
use crate::batch::SourceBatch;
use crate::position::Position;
use crate::source::{Next, Source};
use crate::testkit::case::{Failure, ensure};

/// More batches without a document than this, one after the other, are a spin.
pub(super) const EMPTY: usize = 1_000;

/// How long something that must happen may take.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// A source, the documents given since the last commit, and whether it has said that nothing is left.
pub(super) struct Reading {
    pub(super) source: Box<dyn Source>,
    open: usize,
}

impl Reading {
    /// Opens a source on the silo and goes to a position.
    pub(super) async fn start(
        harness: &dyn SourceHarness,
        position: Option<&Position>,
    ) -> Result<Self, Failure> {
        let mut source = harness.open().await?;
        source.seek(position).await?;
        Ok(Self { source, open: 0 })
    }

    pub(super) async fn seek(&mut self, position: Option<&Position>) -> Result<(), Failure> {
        self.open = 0;
        Ok(self.source.seek(position).await?)
    }

    pub(super) async fn commit(&mut self, position: &Position) -> Result<(), Failure> {
        self.open = 0;
        Ok(self.source.commit(position).await?)
    }

    /// The next batch; `None` if the source is idle or at its end.
    pub(super) async fn batch(&mut self) -> Result<Option<SourceBatch>, Failure> {
        let next = self.source.next_batch().await?;
        self.took(next).await
    }

    /// What to make of an answer of the source. Commits where the window of the source is full.
    pub(super) async fn took(&mut self, next: Next) -> Result<Option<SourceBatch>, Failure> {
        let Next::Batch(batch) = next else { return Ok(None) };
        self.open += batch.documents.len();
        if self.source.info().window.is_some_and(|window| self.open >= window) {
            self.commit(&batch.position).await?;
        }
        Ok(Some(batch))
    }

    /// All batches until the source is idle or at its end.
    pub(super) async fn drain(&mut self) -> Result<Vec<SourceBatch>, Failure> {
        let (mut batches, mut empty) = (Vec::new(), 0);
        while let Some(batch) = self.batch().await? {
            empty = if batch.documents.is_empty() { empty + 1 } else { 0 };
            ensure!(empty < EMPTY, "{EMPTY} batches without a document, one after the other");
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Batches until there are as many records as wanted. For live silos, whose senders take their time.
    pub(super) async fn take(&mut self, records: usize) -> Result<Vec<SourceBatch>, Failure> {
        let until = Instant::now() + SOON;
        let mut batches = Vec::new();
        let decoders = self.source.decoders().into_iter().collect();
        while units(&decoders, &batches).len() < records {
            let found = units(&decoders, &batches).len();
            ensure!(Instant::now() < until, "{found} of {records} records after {SOON:?}");
            match self.batch().await? {
                Some(batch) => batches.push(batch),
                None => sleep(Duration::from_millis(5)).await,
            }
        }
        Ok(batches)
    }
}

/// Everything the silo has, read by a new source from the beginning: what a live silo is fed with first, and what it
/// was fed with.
pub(super) async fn read_all(harness: &dyn SourceHarness) -> Result<(Vec<SourceBatch>, Vec<Bytes>), Failure> {
    let mut reading = Reading::start(harness, None).await?;
    if !harness.is_live() {
        return Ok((reading.drain().await?, harness.expected()));
    }
    let fed = feed_all(harness, reading.source.info().window).await?;
    let bodies: Vec<Bytes> = fed.iter().flat_map(|fed| fed.bodies.clone()).collect();
    let batches = reading.take(bodies.len()).await?;
    Ok((batches, bodies))
}

/// Feeds a live silo with all it has, or with as much as fits in the window.
pub(super) async fn feed_all(
    harness: &dyn SourceHarness,
    window: Option<usize>,
) -> Result<Vec<Fed>, Failure> {
    let mut all = Vec::new();
    while all.len() < window.unwrap_or(usize::MAX) {
        match harness.feed().await {
            Some(fed) => all.push(fed),
            None => break,
        }
    }
    ensure!(!all.is_empty(), "the harness feeds nothing, which proves nothing");
    Ok(all)
}

/// For cases that go back: the batches of a full read and all their records.
pub(super) async fn baseline(harness: &dyn SourceHarness) -> Result<(Vec<SourceBatch>, Vec<Unit>), Failure> {
    let (batches, _) = read_all(harness).await?;
    let all = units(&harness.decoders(), &batches);
    ensure!(!all.is_empty(), "the silo is empty, which proves nothing");
    Ok((batches, all))
}
