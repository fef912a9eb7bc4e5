//! Writes that are still in flight when their caller has gone.

use std::sync::{Mutex, PoisonError};

use super::fault::{Fault, Op};
use crate::Result;
use crate::store::{Created, ObjectStore, Payload, PutOptions};

/// How many operations later a write happens whose caller did not wait for it.
const DROPPED: u64 = 3;

/// A write that can be applied at any time.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Put(Payload, PutOptions),
    PutIfAbsent(Payload, PutOptions),
    Delete,
}

impl Write {
    pub(super) fn op(&self) -> Op {
        match self {
            Self::Put(..) => Op::Put,
            Self::PutIfAbsent(..) => Op::PutIfAbsent,
            Self::Delete => Op::Delete,
        }
    }

    pub(super) async fn apply(self, store: &dyn ObjectStore, key: &str) -> Result<Option<Created>> {
        match self {
            Self::Put(payload, options) => store.put(key, payload, options).await.map(|()| None),
            Self::PutIfAbsent(payload, options) => store.put_if_absent(key, payload, options).await.map(Some),
            Self::Delete => store.delete(key).await.map(|()| None),
        }
    }
}

/// A write that was sent and has not arrived.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) n: u64,
    pub(super) key: String,
    pub(super) write: Write,
    pub(super) fault: Fault,
    due: u64,
}

/// All of them, in the order they were sent.
#[derive(Debug, Default)]
pub(super) struct Late(Vec<Sent>);

impl Late {
    pub(super) fn send(&mut self, key: &str, write: Write, n: u64, after: u64, fault: Fault) {
        let due = n.saturating_add(after).saturating_add(1);
        self.0.push(Sent { n, key: key.to_owned(), write, fault, due });
    }

    /// Takes out the first that arrives before this operation.
    pub(super) fn due(&mut self, now: u64) -> Option<Sent> {
        let at = self.0.iter().position(|sent| sent.due <= now)?;
        Some(self.0.remove(at))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A write whose caller waits. If he stops waiting, it is late.
pub(super) struct InFlight<'a> {
    late: &'a Mutex<Late>,
    key: &'a str,
    write: Write,
    n: u64,
    fault: Fault,
    landed: bool,
}

impl<'a> InFlight<'a> {
    pub(super) fn new(late: &'a Mutex<Late>, key: &'a str, write: Write, n: u64, fault: Fault) -> Self {
        Self { late, key, write, n, fault, landed: false }
    }

    /// The write, to be applied now.
    pub(super) fn land(mut self) -> Write {
        self.landed = true;
        self.write.clone()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.landed {
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            late.send(self.key, self.write.clone(), self.n, DROPPED, self.fault);
        }
    }
}
