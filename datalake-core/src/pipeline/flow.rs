//! What is under way between the source and the ledger.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, Stream};
use tokio::time::Instant;

use super::chain::{Transformed, Untouched};
use super::group::{Group, Limits};
use super::landing::{Slot, land};
use super::{Begun, Shared};
use crate::digest::Sha256;
use crate::ledger::{Appended, Commit, Entry, check_age};
use crate::{Error, Result};

/// A commit that is durable.
pub(super) struct Committed {
    pub(super) commit: Commit,
    /// The source batches it covers.
    pub(super) batches: usize,
}

/// What ends a flow early.
pub(super) enum Interrupt {
    /// Another worker took the slot.
    Lost,
    Failed(Error),
}

impl From<Error> for Interrupt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

type Writing = BoxFuture<'static, Result<(Commit, Weight)>>;
type Appending = BoxFuture<'static, (Result<Appended>, Commit, Weight)>;

#[derive(Debug, Clone, Copy)]
struct Weight {
    bytes: usize,
    documents: usize,
    batches: usize,
    since: Instant,
}

/// What is under way between the source and the ledger, in order: batches being transformed, the group being
/// filled, groups being written, the commit being appended.
pub(super) struct Flow {
    shared: Arc<Shared>,
    run: Arc<str>,
    limits: Limits,
    transforming: FuturesOrdered<BoxFuture<'static, Result<Transformed>>>,
    open: Option<Group>,
    writing: FuturesOrdered<Writing>,
    /// What is written and waits for its turn to be appended.
    written: VecDeque<Result<(Commit, Weight)>>,
    appending: Option<Appending>,
    /// What ends the flow once all that came before it is committed.
    failed: Option<Error>,
    next: Slot,
    previous: Option<Sha256>,
    bytes: usize,
    documents: usize,
    started: VecDeque<DateTime<Utc>>,
    window: usize,
    threads: usize,
}

impl Flow {
    /// A flow that goes on after the head of the ledger.
    pub(super) fn new(shared: Arc<Shared>, run: Arc<str>, head: Option<&Entry>) -> Self {
        let targets = shared.sinks.iter().map(|sink| (sink.info().target_bytes, sink.info().target_records));
        let limits = Limits::new(&shared.options, &shared.info, targets);
        let batches = head.map_or(0, |head| head.commit.batches) + 1;
        let next = Slot {
            seq: head.map_or(0, |head| head.commit.seq) + 1,
            batch: batches,
            batches,
            from: head.map(|head| head.commit.to.clone()),
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            limits,
            transforming: FuturesOrdered::new(),
            open: None,
            writing: FuturesOrdered::new(),
            written: VecDeque::new(),
            appending: None,
            failed: None,
            next,
            previous: head.map(|head| head.sha256),
            bytes: 0,
            documents: 0,
            started: VecDeque::new(),
            window: shared.info.window.unwrap_or(usize::MAX),
            threads: if shared.chain.ordered() { 1 } else { threads + 1 },
            shared,
            run,
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_moving() && self.open.is_none()
    }

    /// Whether something will come of waiting for [`next`](Self::next).
    pub(super) fn is_moving(&self) -> bool {
        !self.transforming.is_empty() || self.is_landing() || self.failed.is_some()
    }

    fn is_landing(&self) -> bool {
        !self.writing.is_empty() || !self.written.is_empty() || self.appending.is_some()
    }

    /// Whether batches are still being transformed.
    pub(super) fn is_transforming(&self) -> bool {
        !self.transforming.is_empty()
    }

    /// Whether there is room for one more batch.
    pub(super) fn has_room(&self) -> bool {
        self.failed.is_none()
            && self.transforming.len() < self.threads
            && (self.bytes < self.shared.options.bytes_in_flight || self.bytes == 0)
            && self.documents < self.window
    }

    /// When the oldest batch under way was read.
    pub(super) fn oldest(&self) -> Option<DateTime<Utc>> {
        self.started.front().copied()
    }

    /// Takes in a batch.
    pub(super) fn push(&mut self, batch: Untouched) {
        self.bytes += batch.documents.iter().map(crate::Document::len).sum::<usize>();
        self.documents += batch.documents.len();
        self.started.push_back(batch.acquired.start);
        let shared = Arc::clone(&self.shared);
        self.transforming.push_back(Box::pin(async move { shared.chain.apply(shared.means(), batch).await }));
    }

    /// When the group being filled must be written at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().map(|group| self.limits.deadline(group))
    }

    /// Writes the group being filled as it is.
    pub(super) fn flush(&mut self) {
        let Some(group) = self.open.take() else { return };
        let slot = self.next.clone();
        self.next = Slot {
            seq: slot.seq + 1,
            batch: slot.batch + 1,
            batches: slot.batches + 1,
            from: Some(group.position.clone()),
        };
        let weight = Weight {
            bytes: group.bytes_in,
            documents: group.documents.len(),
            batches: group.batches,
            since: Instant::now(),
        };
        let (shared, run) = (Arc::clone(&self.shared), Arc::clone(&self.run));
        self.writing
            .push_back(Box::pin(async move { Ok((land(&shared, &run, group, slot).await?, weight)) }));
    }

    /// The next commit that is durable, or `None` if something else has moved: a batch less is being transformed, a
    /// group is open. Waits for ever if nothing is moving. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Committed>, Interrupt> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Committed>, Interrupt>> {
        let mut news = false;
        loop {
            let mut moved = false;
            if self.writing.len() < self.shared.options.writes_in_flight.max(1)
                && let Poll::Ready(Some(transformed)) = Pin::new(&mut self.transforming).poll_next(cx)
            {
                match transformed {
                    Ok(transformed) => self.accept(transformed),
                    Err(error) => self.fail(error),
                }
                moved = true;
            }
            if let Poll::Ready(Some(written)) = Pin::new(&mut self.writing).poll_next(cx) {
                self.written.push_back(written);
                moved = true;
            }
            if self.appending.is_none()
                && let Some(written) = self.written.pop_front()
            {
                let (commit, weight) = written?;
                self.append(commit, weight)?;
                moved = true;
            }
            if let Some(appending) = &mut self.appending
                && let Poll::Ready(done) = appending.as_mut().poll(cx)
            {
                self.appending = None;
                return Poll::Ready(self.appended(done).map(Some));
            }
            if !self.is_landing()
                && let Some(error) = self.failed.take()
            {
                return Poll::Ready(Err(error.into()));
            }
            news |= moved;
            if !moved {
                return if news { Poll::Ready(Ok(None)) } else { Poll::Pending };
            }
        }
    }

    fn accept(&mut self, transformed: Transformed) {
        if self.open.as_ref().is_some_and(|group| !Limits::fits(group, &transformed)) {
            self.flush();
        }
        match &mut self.open {
            Some(group) => group.absorb(transformed),
            None => self.open = Some(Group::new(transformed)),
        }
        if self.open.as_ref().is_some_and(|group| self.limits.reached(group)) {
            self.flush();
        }
    }

    /// Commits what came before, and takes in nothing after it.
    fn fail(&mut self, error: Error) {
        self.transforming.clear();
        self.flush();
        self.failed = Some(error);
    }

    fn append(&mut self, mut commit: Commit, weight: Weight) -> Result<()> {
        check_age(&commit, weight.since)?;
        commit.previous = self.previous;
        if !self.shared.info.can_seek {
            let begun = Begun { seq: commit.seq, attempt: commit.attempt.clone(), batches: weight.batches };
            self.shared.begun().push(begun);
        }
        let shared = Arc::clone(&self.shared);
        self.appending = Some(Box::pin(async move {
            let appended = shared.ledger.append(&commit).await;
            (appended, commit, weight)
        }));
        Ok(())
    }

    fn appended(
        &mut self,
        (appended, commit, weight): (Result<Appended>, Commit, Weight),
    ) -> Result<Committed, Interrupt> {
        match appended? {
            Appended::Lost => Err(Interrupt::Lost),
            Appended::Mine(sha256) => {
                self.shared.begun().clear();
                self.previous = Some(sha256);
                self.bytes -= weight.bytes;
                self.documents -= weight.documents;
                self.started.drain(..weight.batches);
                Ok(Committed { commit, batches: weight.batches })
            }
        }
    }
}
