//! The items of an invocation between the event that brought them and the commits that answer it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use datalake_core::{Error, Request};

use super::super::delivery::{Content, Delivery, Item, Object};

/// How many committed items are known again, at most.
const REMEMBERED: usize = 20_000;

/// The items of one invocation at a time.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    invocation: u64,
    request: Option<Request>,
    waiting: VecDeque<Item>,
    given: BTreeMap<u64, Given>,
    /// The items of this invocation that are not committed.
    open: HashSet<Arc<str>>,
    failed: Vec<Error>,
    last: u64,
    known: HashSet<Arc<str>>,
    committed: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Given {
    invocation: u64,
    keys: Vec<Arc<str>>,
}

/// What there is to give next.
#[derive(Debug)]
pub(super) enum Ready {
    /// Items that came with the event, in order, with their bytes. The number is that of their batch.
    Here(u64, Vec<(Item, Bytes)>, Option<Request>),
    /// An object that is to be fetched first.
    Object(Item, Object),
}

/// What an invocation has left when it is over.
#[derive(Debug, Default)]
pub(in super::super) struct Left {
    /// The keys of items that are not committed.
    pub(in super::super) open: HashSet<Arc<str>>,
    /// Why single objects could not be fetched.
    pub(in super::super) failed: Vec<Error>,
}

impl Queue {
    /// Takes in the items of an invocation, each once, and none that is known to be committed.
    pub(super) fn begin(&self, delivery: Delivery, request_id: &str) {
        let mut state = self.state();
        state.invocation += 1;
        state.request = Some(Request {
            id: Some(request_id.to_owned()),
            locator: Some(delivery.from).filter(|from| !from.is_empty()),
            ..Request::default()
        });
        state.open.clear();
        state.waiting.clear();
        for item in delivery.items {
            if !state.known.contains(&item.key) && state.open.insert(Arc::clone(&item.key)) {
                state.waiting.push_back(item);
            }
        }
    }

    pub(super) fn end(&self) -> Left {
        let mut state = self.state();
        state.waiting.clear();
        Left { open: std::mem::take(&mut state.open), failed: std::mem::take(&mut state.failed) }
    }

    /// What there is to give next: items up to so many and so many bytes but at least one, or one object.
    pub(super) fn ready(&self, items: usize, mut bytes: usize) -> Option<Ready> {
        let mut state = self.state();
        let (mut keys, mut ready) = (Vec::new(), Vec::new());
        while let Some(item) = state.waiting.front() {
            let here = match &item.content {
                _ if state.known.contains(&item.key) => {
                    // A commit of an earlier invocation whose answer was lost has come to light.
                    if let Some(item) = state.waiting.pop_front() {
                        state.open.remove(&item.key);
                    }
                    continue;
                }
                Content::Object(object) if ready.is_empty() => {
                    return Some(Ready::Object(item.clone(), object.clone()));
                }
                Content::Object(_) => break,
                Content::Here(here) => here.clone(),
            };
            if ready.len() >= items || !ready.is_empty() && here.len() > bytes {
                break;
            }
            let Some(item) = state.waiting.pop_front() else { break };
            bytes = bytes.saturating_sub(here.len());
            keys.push(Arc::clone(&item.key));
            ready.push((item, here));
        }
        if ready.is_empty() {
            return None;
        }
        let batch = state.give(keys);
        Some(Ready::Here(batch, ready, state.request.clone()))
    }

    /// Says that the object at the front has been fetched. Gives the number of its batch, unless the invocation is
    /// over.
    pub(super) fn fetched(&self, key: &Arc<str>) -> Option<(u64, Option<Request>)> {
        let mut state = self.state();
        state.take(key)?;
        let batch = state.give(vec![Arc::clone(key)]);
        Some((batch, state.request.clone()))
    }

    /// Says that the object at the front cannot be fetched by any number of tries.
    pub(super) fn lost(&self, key: &Arc<str>, error: Error) {
        let mut state = self.state();
        if state.take(key).is_some() {
            state.failed.push(error);
        }
    }

    /// Says that everything up to a batch is committed. What an earlier invocation has left open was given up and is
    /// not meant, unless the batch is of that invocation.
    pub(super) fn commit(&self, batch: u64) {
        let mut state = self.state();
        let Some(invocation) = state.given.get(&batch).map(|given| given.invocation) else { return };
        let later = state.given.split_off(&(batch + 1));
        for given in std::mem::replace(&mut state.given, later).into_values() {
            if given.invocation != invocation {
                continue;
            }
            for key in given.keys {
                state.open.remove(&key);
                if state.known.insert(Arc::clone(&key)) {
                    state.committed.push_back(key);
                }
            }
        }
        while state.committed.len() > REMEMBERED {
            if let Some(key) = state.committed.pop_front() {
                state.known.remove(&key);
            }
        }
    }

    /// The number of the last batch given.
    pub(super) fn last(&self) -> u64 {
        self.state().last
    }

    /// How many items wait, and how many bytes of them are here.
    pub(super) fn waiting(&self) -> (u64, u64) {
        let state = self.state();
        let bytes = state.waiting.iter().map(|item| match &item.content {
            Content::Here(bytes) => bytes.len() as u64,
            Content::Object(_) => 0,
        });
        (state.waiting.len() as u64, bytes.sum())
    }

    /// Takes in more items of the same invocation.
    #[cfg(test)]
    pub(super) fn append(&self, delivery: Delivery) {
        let mut state = self.state();
        for item in delivery.items {
            state.open.insert(Arc::clone(&item.key));
            state.waiting.push_back(item);
        }
    }

    #[cfg(test)]
    pub(super) fn is_committed(&self, key: &Arc<str>) -> bool {
        self.state().known.contains(key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give(&mut self, keys: Vec<Arc<str>>) -> u64 {
        self.last += 1;
        self.given.insert(self.last, Given { invocation: self.invocation, keys });
        self.last
    }

    fn take(&mut self, key: &Arc<str>) -> Option<Item> {
        let first = self.waiting.front()?;
        if first.key == *key { self.waiting.pop_front() } else { None }
    }
}
