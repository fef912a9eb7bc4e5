//! Faults on request.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::json::lock;

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call is refused whole, with this status and code, and nothing is done.
    Refuse {
        /// The status of the answer.
        status: u16,
        /// The code in it, for instance `ProvisionedThroughputExceededException`.
        code: &'static str,
    },
    /// The connection ends before anything is done.
    Reset,
    /// The call is done, and the connection ends before the answer.
    LoseReply,
    /// The call is done and answered after this time.
    Slow(Duration),
}

impl Fault {
    /// The whole call is refused for its rate.
    #[must_use]
    pub fn throttled() -> Self {
        Self::Refuse { status: 400, code: "ProvisionedThroughputExceededException" }
    }

    /// The service is out of order.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::Refuse { status: 503, code: "ServiceUnavailableException" }
    }

    /// The caller has no grant.
    #[must_use]
    pub fn denied() -> Self {
        Self::Refuse { status: 400, code: "AccessDeniedException" }
    }
}

/// One record of a call that takes several, as it is tried.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Tried<'a> {
    /// The number of the call among those of its operation, from 0.
    pub call: u64,
    /// The index of the record in the call.
    pub index: usize,
    /// The number of the record among all that were ever tried, from 0.
    pub n: u64,
    /// The partition key, if there is one.
    pub key: &'a str,
}

type OfRecord = dyn Fn(Tried<'_>) -> Option<&'static str> + Send + Sync;

/// What goes wrong from now on. Clones share it.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    next: VecDeque<(String, Fault)>,
    always: Vec<(String, Fault)>,
    of_record: Option<Arc<OfRecord>>,
    records: u64,
}

impl Faults {
    /// The next call of an operation, for instance `PutRecords`, meets a fault. Called again, the one after it.
    pub fn next(&self, operation: &str, fault: Fault) {
        lock(&self.0).next.push_back((operation.to_owned(), fault));
    }

    /// Every call of an operation meets a fault, after those that are waiting.
    pub fn always(&self, operation: &str, fault: Fault) {
        lock(&self.0).always.push((operation.to_owned(), fault));
    }

    /// Single records fail with the code that the closure gives, and the others of their call do not.
    pub fn records(&self, fails: impl Fn(Tried<'_>) -> Option<&'static str> + Send + Sync + 'static) {
        lock(&self.0).of_record = Some(Arc::new(fails));
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        let mut state = lock(&self.0);
        *state = State { records: state.records, ..State::default() };
    }

    pub(crate) fn of_call(&self, operation: &str) -> Option<Fault> {
        let mut state = lock(&self.0);
        if let Some(at) = state.next.iter().position(|(of, _)| of == operation) {
            return state.next.remove(at).map(|(_, fault)| fault);
        }
        state.always.iter().find(|(of, _)| of == operation).map(|(_, fault)| fault.clone())
    }

    /// What is to fail among the records of a call, and the number of its first record.
    pub(crate) fn of_records(&self, records: usize) -> (Option<Arc<OfRecord>>, u64) {
        let mut state = lock(&self.0);
        let first = state.records;
        state.records += records as u64;
        (state.of_record.clone(), first)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("Faults")
            .field("next", &state.next)
            .field("always", &state.always)
            .finish_non_exhaustive()
    }
}
