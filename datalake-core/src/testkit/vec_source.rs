//! A source over documents in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::batch::SourceBatch;
use crate::document::Document;
use crate::format::Format;
use crate::id::Dataset;
use crate::position::Position;
use crate::source::{Next, Remaining, Source, SourceInfo};
use crate::{Error, ErrorKind, Result};

const SCHEMA: &str = "testkit.vec/1";

/// A source over documents in memory. By default it can seek, gives one document a batch and ends.
///
/// The documents are in a [`VecSilo`] that outlives the source: [`reopen`](Self::reopen) is a new process on the same
/// silo.
///
/// ```
/// use datalake_core::testkit::VecSource;
///
/// let source = VecSource::lines(["a", "b", "c"]).cuts([2, 1]);
/// let silo = source.silo();
/// assert_eq!(silo.len(), 3);
/// assert!(silo.commits().is_empty());
/// ```
#[derive(Debug)]
pub struct VecSource {
    info: SourceInfo,
    silo: VecSilo,
    ends: bool,
    cuts: Vec<usize>,
    awaits: usize,
    next: u64,
    empty: u64,
    committed: u64,
    batches: usize,
    waiting: Vec<(u64, oneshot::Sender<bool>)>,
}

/// The documents of a [`VecSource`] and what it was told. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct VecSilo(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    documents: Vec<Document>,
    senders: Vec<Option<oneshot::Sender<bool>>>,
    commits: Vec<Position>,
    taken: u64,
    fails: Option<ErrorKind>,
}

#[derive(Serialize, Deserialize)]
struct At {
    next: u64,
    /// How many batches without documents came before.
    #[serde(default)]
    empty: u64,
}

impl VecSource {
    /// A source over documents.
    pub fn new(documents: impl IntoIterator<Item = Document>) -> Self {
        let silo = VecSilo::default();
        documents.into_iter().for_each(|document| silo.push(document));
        let dataset = Dataset::new("things").unwrap_or_else(|_| unreachable!("a good name"));
        Self {
            info: SourceInfo::new("testkit.vec", dataset, "memory:///"),
            silo,
            ends: true,
            cuts: vec![1],
            awaits: 0,
            next: 0,
            empty: 0,
            committed: 0,
            batches: 0,
            waiting: Vec::new(),
        }
    }

    /// A source over documents of one opaque record each.
    pub fn lines(bodies: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self::whole(bodies, Format::Whole)
    }

    /// A source over documents of one JSON record each.
    pub fn json(bodies: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self::whole(bodies, Format::Json)
    }

    fn whole(bodies: impl IntoIterator<Item = impl Into<Bytes>>, format: Format) -> Self {
        let format = Arc::new(format);
        let documents = bodies.into_iter().enumerate();
        Self::new(
            documents.map(|(n, body)| Document::new(body, format!("memory:///{n}"), Arc::clone(&format))),
        )
    }

    /// Names the dataset.
    #[must_use]
    pub fn dataset(mut self, dataset: Dataset) -> Self {
        self.info.dataset = dataset;
        self
    }

    /// Says how many documents go in a batch: the first number in the first, the next in the next, and round again.
    /// Zero is a batch without documents, at least one number is not.
    ///
    /// # Panics
    /// All numbers are zero.
    #[must_use]
    pub fn cuts(mut self, sizes: impl IntoIterator<Item = usize>) -> Self {
        self.cuts = sizes.into_iter().collect();
        assert!(self.cuts.iter().any(|size| *size > 0), "a source must get on");
        self
    }

    /// Says that somebody waits for commits.
    #[must_use]
    pub fn wants_commit(mut self, within: Duration) -> Self {
        self.info = self.info.with_commit(within);
        self
    }

    /// Says that the source cannot go back: what one source has taken, no other gets.
    #[must_use]
    pub fn without_seek(mut self) -> Self {
        self.info = self.info.without_seek();
        self
    }

    /// Gives no more than so many documents before a commit.
    #[must_use]
    pub fn window(mut self, documents: usize) -> Self {
        self.info = self.info.with_window(documents);
        self
    }

    /// Is idle when nothing is left, where it would end.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.ends = false;
        self
    }

    /// Waits so many times in each call for a batch.
    #[must_use]
    pub fn awaits(mut self, times: usize) -> Self {
        self.awaits = times;
        self
    }

    /// The documents, and what the sources over them were told.
    #[must_use]
    pub fn silo(&self) -> VecSilo {
        self.silo.clone()
    }

    /// A new source with the same settings on the same silo, as in a new process.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let taken = if self.info.can_seek { 0 } else { self.silo.state().taken };
        Self {
            info: self.info.clone(),
            silo: self.silo.clone(),
            ends: self.ends,
            cuts: self.cuts.clone(),
            awaits: self.awaits,
            next: taken,
            empty: 0,
            committed: taken,
            batches: 0,
            waiting: Vec::new(),
        }
    }

    /// The position after so many documents.
    ///
    /// # Errors
    /// None in practice.
    pub fn position(documents: u64) -> Result<Position> {
        Position::new(SCHEMA, &At { next: documents, empty: 0 })
    }
}

impl VecSilo {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a document.
    pub fn push(&self, document: Document) {
        let mut state = self.state();
        state.documents.push(document);
        state.senders.push(None);
    }

    /// Adds a document and waits for what its sender is told: `true` once a source that cannot seek has committed it,
    /// `false` if the source goes before that. The document is there before the future is first polled.
    pub fn send(&self, document: Document) -> impl Future<Output = bool> + Send + 'static {
        let (sender, told) = oneshot::channel();
        let mut state = self.state();
        state.documents.push(document);
        state.senders.push(Some(sender));
        async move { told.await.unwrap_or(false) }
    }

    /// The number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().documents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every position that was committed, in order.
    #[must_use]
    pub fn commits(&self) -> Vec<Position> {
        self.state().commits.clone()
    }

    /// The number of documents up to the position committed last.
    #[must_use]
    pub fn committed(&self) -> u64 {
        let state = self.state();
        state.commits.last().and_then(|last| last.decode::<At>(SCHEMA).ok()).map_or(0, |at| at.next)
    }

    /// Makes every call for a batch fail, until `None`.
    pub fn fail(&self, kind: impl Into<Option<ErrorKind>>) {
        self.state().fails = kind.into();
    }
}

#[async_trait]
impl Source for VecSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        for _ in 0..self.awaits {
            tokio::task::yield_now().await;
        }
        let silo = self.silo.clone();
        let mut state = silo.state();
        if let Some(kind) = state.fails {
            return Err(Error::new(kind, "the silo was made to fail").component("testkit.vec"));
        }
        let room = self
            .info
            .window
            .map_or(u64::MAX, |window| (window as u64).saturating_sub(self.next - self.committed));
        let left = state.documents.len() as u64 - self.next;
        if left == 0 && self.ends {
            return Ok(Next::End);
        }
        if left.min(room) == 0 {
            return Ok(Next::Idle(Duration::from_millis(5)));
        }
        let size = self.cuts[self.batches % self.cuts.len()] as u64;
        let to = self.next + size.min(left).min(room);
        let (from, until) = (self.next as usize, to as usize);
        let documents = state.documents[from..until].to_vec();
        if !self.info.can_seek {
            let senders = (self.next..).zip(&mut state.senders[from..until]);
            self.waiting.extend(senders.filter_map(|(n, sender)| Some((n, sender.take()?))));
            state.taken = to;
        }
        self.empty += u64::from(to == self.next);
        self.next = to;
        let position = Position::new(SCHEMA, &At { next: to, empty: self.empty })?;
        self.batches += 1;
        Ok(Next::Batch(SourceBatch::new(documents, position)))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let At { next, empty } = match position {
            Some(position) => position.decode(SCHEMA)?,
            None => At { next: 0, empty: 0 },
        };
        if next > self.silo.len() as u64 {
            return Err(Error::new(ErrorKind::PositionInvalid, "the silo is shorter than that")
                .component("testkit.vec")
                .with("position", next));
        }
        if self.info.can_seek {
            (self.next, self.empty, self.committed, self.batches) = (next, empty, next, 0);
        }
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let next = position.decode::<At>(SCHEMA)?.next;
        self.committed = self.committed.max(next);
        self.silo.state().commits.push(position.clone());
        let (told, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(n, _)| *n < next);
        self.waiting = waiting;
        let told: Vec<(u64, oneshot::Sender<bool>)> = told;
        for (_, sender) in told {
            // A sender that has gone needs no answer.
            sender.send(true).ok();
        }
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        let state = self.silo.state();
        let left = &state.documents[self.next as usize..];
        Remaining {
            bytes: Some(left.iter().map(|document| document.len() as u64).sum()),
            records: Some(left.len() as u64),
            behind: None,
        }
    }
}
