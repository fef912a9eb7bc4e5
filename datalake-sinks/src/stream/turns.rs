//! Batches that take turns.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datalake_core::{Batch, Error, ErrorKind, Result};
use tokio::sync::Notify;

/// Lets one batch at a time be written, those of a pipeline by their number.
///
/// A batch that was not written bars the later ones of its run: if they went on, they would overtake it. A new run begins
/// where the ledger says.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: BTreeSet<(u64, u64)>,
    tickets: u64,
    busy: bool,
    /// The run and the number of a batch that was not written.
    barred: Option<(String, u64)>,
}

/// A place in the queue, and then the turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    run: String,
    place: (u64, u64),
    has: bool,
}

impl Turns {
    /// Takes a place in the queue.
    pub(crate) fn queue(&self, batch: &Batch) -> Turn<'_> {
        let mut state = self.lock();
        state.tickets += 1;
        let place = (batch.id.number, state.tickets);
        state.waiting.insert(place);
        Turn { turns: self, run: batch.envelope.run.clone(), place, has: false }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Waits for the turn. Cancel safe.
    pub(crate) async fn come(&mut self) -> Result<()> {
        loop {
            let mut changed = pin!(self.turns.changed.notified());
            changed.as_mut().enable();
            if self.take()? {
                return Ok(());
            }
            changed.await;
        }
    }

    fn take(&mut self) -> Result<bool> {
        let mut state = self.turns.lock();
        if let Some((run, number)) = &state.barred {
            if *run == self.run && *number < self.place.0 {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "an earlier batch was not written, and order is kept",
                )
                .with("earlier", number)
                .exhausted());
            }
            state.barred = None;
        }
        if state.busy || state.waiting.first() != Some(&self.place) {
            return Ok(false);
        }
        state.busy = true;
        state.waiting.remove(&self.place);
        self.has = true;
        Ok(true)
    }

    /// Bars the later batches of the run.
    pub(crate) fn bar(&self) {
        self.turns.lock().barred = Some((self.run.clone(), self.place.0));
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.waiting.remove(&self.place);
        if self.has {
            state.busy = false;
        }
        drop(state);
        self.turns.changed.notify_waiters();
    }
}
