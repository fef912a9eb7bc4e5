//! The events between the requests that brought them and the commits that answer them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datalake_core::{Document, Remaining, Sha256};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// How many committed events are known again, at most.
const REMEMBERED: usize = 100_000;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Waiting,
    Committed,
    Closed,
}

/// What becomes of an event that comes in.
#[derive(Debug)]
pub(crate) enum Submitted {
    /// It is under way, perhaps since an earlier request: wait for the outcome.
    Waits(watch::Receiver<Outcome>),
    /// It was committed before.
    Known,
    /// Too many are under way.
    Full,
    /// The source is closed.
    Closed,
}

/// The events under way: first waiting to be given to the engine, then given and not yet committed. Bounded in number
/// and in bytes, which counts bodies still being read too.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Notify,
    slots: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    remember: Duration,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Document, Pending)>,
    given: BTreeMap<u64, Vec<Pending>>,
    last: u64,
    known: HashMap<Sha256, Known>,
    committed: VecDeque<(Instant, Sha256)>,
    closed: bool,
}

/// An event not yet committed. Its place in the queue is free when it goes.
#[derive(Debug)]
struct Pending {
    key: Option<Sha256>,
    outcome: watch::Sender<Outcome>,
    _slot: OwnedSemaphorePermit,
    _room: Room,
}

#[derive(Debug)]
enum Known {
    Waits(watch::Receiver<Outcome>),
    Committed,
}

/// Bytes of the queue's bound, held.
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

impl Queue {
    /// A queue for so many events of so many bytes in all, that knows committed events again for a while.
    pub(crate) fn new(events: usize, bytes: usize, remember: Duration) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Notify::new(),
            slots: Arc::new(Semaphore::new(events)),
            bytes: Arc::new(Semaphore::new(bytes)),
            remember,
        }
    }

    /// Holds more bytes, if there is room for them.
    pub(crate) fn hold(&self, room: &mut Room, bytes: usize) -> bool {
        let Ok(bytes) = u32::try_from(bytes) else { return false };
        let Ok(more) = Arc::clone(&self.bytes).try_acquire_many_owned(bytes) else { return false };
        match &mut room.0 {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        true
    }

    /// Takes an event in, unless it is known. An event without a key is never known again.
    pub(crate) fn submit(
        &self,
        document: Document,
        key: Option<Sha256>,
        room: Room,
        now: Instant,
    ) -> Submitted {
        let mut state = self.state();
        if state.closed {
            return Submitted::Closed;
        }
        state.forget(now, self.remember);
        match key.and_then(|key| state.known.get(&key)) {
            Some(Known::Waits(outcome)) => return Submitted::Waits(outcome.clone()),
            Some(Known::Committed) => return Submitted::Known,
            None => {}
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return Submitted::Full };
        let (outcome, told) = watch::channel(Outcome::Waiting);
        if let Some(key) = key {
            state.known.insert(key, Known::Waits(told.clone()));
        }
        state.waiting.push_back((document, Pending { key, outcome, _slot: slot, _room: room }));
        self.arrived.notify_one();
        Submitted::Waits(told)
    }

    /// The events that wait, in the order they came, at most so many and so many bytes but at least one, and the
    /// number of their batch. Waits for one. Nothing is taken if the future is dropped.
    pub(crate) async fn take(&self, events: usize, bytes: usize) -> (u64, Vec<Document>) {
        loop {
            let arrived = self.arrived.notified();
            if let Some(batch) = self.state().take(events, bytes) {
                return batch;
            }
            arrived.await;
        }
    }

    /// The number of the last batch given.
    pub(crate) fn last(&self) -> u64 {
        self.state().last
    }

    /// Tells every request up to a batch that its event is committed.
    pub(crate) fn commit(&self, batch: u64, now: Instant) {
        let mut state = self.state();
        let later = state.given.split_off(&batch.saturating_add(1));
        for event in std::mem::replace(&mut state.given, later).into_values().flatten() {
            event.outcome.send_replace(Outcome::Committed);
            if let Some(key) = event.key {
                state.known.insert(key, Known::Committed);
                state.committed.push_back((now, key));
            }
        }
        state.forget(now, self.remember);
    }

    /// Tells every request that its event may not be committed, and takes no more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        let given = std::mem::take(&mut state.given).into_values().flatten();
        let waiting = std::mem::take(&mut state.waiting).into_iter().map(|(_, event)| event);
        for event in given.chain(waiting) {
            event.outcome.send_replace(Outcome::Closed);
        }
        state.closed = true;
    }

    /// Whether the queue takes events.
    pub(crate) fn is_open(&self) -> bool {
        !self.state().closed
    }

    /// What waits to be given.
    pub(crate) fn remaining(&self) -> Remaining {
        let state = self.state();
        let bytes = state.waiting.iter().map(|(document, _)| document.len() as u64).sum();
        Remaining { bytes: Some(bytes), ..Remaining::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, events: usize, mut bytes: usize) -> Option<(u64, Vec<Document>)> {
        let (mut documents, mut given) = (Vec::new(), Vec::new());
        while let Some((document, _)) = self.waiting.front() {
            if documents.len() >= events || !documents.is_empty() && document.len() > bytes {
                break;
            }
            bytes = bytes.saturating_sub(document.len());
            let Some((document, event)) = self.waiting.pop_front() else { break };
            documents.push(document);
            given.push(event);
        }
        if documents.is_empty() {
            return None;
        }
        self.last += 1;
        self.given.insert(self.last, given);
        Some((self.last, documents))
    }

    fn forget(&mut self, now: Instant, after: Duration) {
        while let Some((committed, key)) = self.committed.front() {
            let old = now.saturating_duration_since(*committed) >= after;
            if !old && self.committed.len() <= REMEMBERED {
                break;
            }
            self.known.remove(key);
            self.committed.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use datalake_core::Format;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn event(text: &str) -> (Document, Option<Sha256>) {
        (Document::new(text.to_owned(), "/", Format::Json), Some(Sha256::of(text.as_bytes())))
    }

    fn submit(queue: &Queue, text: &str, now: Instant) -> Submitted {
        let (document, key) = event(text);
        queue.submit(document, key, Room::default(), now)
    }

    #[tokio::test]
    async fn a_committed_event_is_known_for_a_while() {
        let (queue, now) = (Queue::new(9, 9, HOUR), Instant::now());
        assert!(matches!(submit(&queue, "a", now), Submitted::Waits(_)));
        let (batch, _) = queue.take(9, 9).await;
        queue.commit(batch, now);
        assert!(matches!(submit(&queue, "a", now + HOUR - Duration::from_secs(1)), Submitted::Known));
        assert!(matches!(submit(&queue, "a", now + HOUR), Submitted::Waits(_)));
    }

    #[tokio::test]
    async fn committed_events_are_forgotten_beyond_a_number() {
        let (queue, now) = (Queue::new(REMEMBERED + 1, 9, HOUR), Instant::now());
        for n in 0..=REMEMBERED {
            submit(&queue, &n.to_string(), now);
        }
        let (batch, _) = queue.take(usize::MAX, usize::MAX).await;
        queue.commit(batch, now);
        assert!(matches!(submit(&queue, "1", now), Submitted::Known));
        assert!(matches!(submit(&queue, "0", now), Submitted::Waits(_)));
    }

    #[tokio::test]
    async fn a_batch_keeps_to_its_bounds_but_has_one_event() {
        let (queue, now) = (Queue::new(9, 99, HOUR), Instant::now());
        for text in ["long one", "a", "b", "c", "d"] {
            submit(&queue, text, now);
        }
        for expected in [&["long one"][..], &["a", "b"], &["c", "d"]] {
            let (_, documents) = queue.take(2, 3).await;
            assert_eq!(documents.iter().map(Document::bytes).collect::<Vec<_>>(), expected);
        }
    }

    #[tokio::test]
    async fn bytes_are_held_until_the_commit() {
        let (queue, now) = (Queue::new(9, 10, HOUR), Instant::now());
        let mut room = Room::default();
        assert!(queue.hold(&mut room, 6) && queue.hold(&mut room, 4) && !queue.hold(&mut room, 1));
        let (document, key) = event("a");
        queue.submit(document, key, room, now);
        let (batch, _) = queue.take(9, 99).await;
        let mut other = Room::default();
        assert!(!queue.hold(&mut other, 1));
        queue.commit(batch, now);
        assert!(queue.hold(&mut other, 10));
    }
}
