//! Which request meets which fault, and what came.

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::fault::{Fault, Rule};
use super::request::Request;
use super::{lock, mix};

/// No more requests in a row than this fail by a seed, so that a client that tries four times gets through.
const IN_A_ROW: u32 = 2;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Its operation; the page of the service lists their names.
    pub operation: &'static str,
    /// Its method.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// The status of the answer, if one was made: 0 until then, and for a connection that ended.
    pub status: u16,
}

impl Seen {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

type Deed = Arc<dyn Fn() + Send + Sync>;

/// What goes wrong from now on, and what came so far. Clones share it.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<State>>);

struct State {
    rules: Vec<(Rule, Fault)>,
    deeds: Vec<(Rule, Deed)>,
    by_seed: Option<BySeed>,
    transient: Vec<Fault>,
    seen: Vec<Seen>,
    began: u64,
}

struct BySeed {
    one_in: u64,
    seed: u64,
    n: u64,
    in_a_row: u32,
}

impl Faults {
    pub(crate) fn new(transient: Vec<Fault>) -> Self {
        let state = State {
            rules: Vec::new(),
            deeds: Vec::new(),
            by_seed: None,
            transient,
            seen: Vec::new(),
            began: 0,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Requests that fit the rule meet the fault. Of several rules that strike a request the first counts.
    pub fn add(&self, rule: Rule, fault: Fault) {
        lock(&self.0).rules.push((rule, fault));
    }

    /// Does something before a request that fits the rule is answered, or meets its fault.
    ///
    /// ```
    /// # #[cfg(feature = "salesforce")]
    /// # fn main() -> std::io::Result<()> {
    /// use std::sync::Arc;
    ///
    /// use datalake_simulators::rest::Rule;
    /// use datalake_simulators::salesforce::Salesforce;
    ///
    /// let org = Arc::new(Salesforce::builder().start()?);
    /// // The session ends between the second page and the third.
    /// let ends = Arc::downgrade(&org);
    /// org.faults().meanwhile(Rule::of("query_more").after(1), move || {
    ///     if let Some(org) = ends.upgrade() {
    ///         org.expire_sessions();
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "salesforce"))]
    /// # fn main() {}
    /// ```
    pub fn meanwhile(&self, rule: Rule, deed: impl Fn() + Send + Sync + 'static) {
        lock(&self.0).deeds.push((rule, Arc::new(deed)));
    }

    /// One request in so many meets one of the faults that pass: refusals of a service that is overloaded, a session
    /// that ended, connections that end before, in the middle of, and instead of the answer. Which ones follows from
    /// the seed and the order of the requests. No more than two in a row fail.
    pub fn one_in(&self, requests: u64, seed: u64) {
        lock(&self.0).by_seed = Some(BySeed { one_in: requests.max(1), seed, n: 0, in_a_row: 0 });
    }

    /// Nothing goes wrong any more, and nothing is done meanwhile.
    pub fn clear(&self) {
        let mut state = lock(&self.0);
        state.rules.clear();
        state.deeds.clear();
        state.by_seed = None;
    }

    /// The requests that came, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.0).seen.clone()
    }

    /// How many requests of an operation came.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        lock(&self.0).seen.iter().filter(|seen| seen.operation == operation).count()
    }

    /// Forgets the requests that came.
    pub fn forget(&self) {
        let mut state = lock(&self.0);
        state.began += state.seen.len() as u64;
        state.seen.clear();
    }

    /// Notes a request. Gives its number, what is to be done before it, and what goes wrong with it.
    pub(super) fn begin(
        &self,
        operation: &'static str,
        request: &Request,
    ) -> (u64, Vec<Deed>, Option<Fault>) {
        let mut state = lock(&self.0);
        let deeds: Vec<_> = state
            .deeds
            .iter_mut()
            .filter_map(|(rule, deed)| rule.strikes(operation, &request.target).then(|| Arc::clone(deed)))
            .collect();
        let struck = state
            .rules
            .iter_mut()
            .find_map(|(rule, fault)| rule.strikes(operation, &request.target).then(|| fault.clone()));
        state.rules.retain(|(rule, _)| rule.times > 0);
        state.deeds.retain(|(rule, _)| rule.times > 0);
        let by_seed = state.draw();
        let fault = struck.or(by_seed);
        state.seen.push(Seen {
            operation,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            fault: fault.clone(),
            status: 0,
        });
        (state.began + state.seen.len() as u64 - 1, deeds, fault)
    }

    pub(super) fn end(&self, n: u64, status: u16) {
        let mut state = lock(&self.0);
        let index = n.checked_sub(state.began).and_then(|index| usize::try_from(index).ok());
        if let Some(seen) = index.and_then(|index| state.seen.get_mut(index)) {
            seen.status = status;
        }
    }
}

impl State {
    fn draw(&mut self) -> Option<Fault> {
        let by_seed = self.by_seed.as_mut()?;
        let random = mix(by_seed.seed, by_seed.n);
        by_seed.n += 1;
        if !random.is_multiple_of(by_seed.one_in) || by_seed.in_a_row == IN_A_ROW || self.transient.is_empty()
        {
            by_seed.in_a_row = 0;
            return None;
        }
        by_seed.in_a_row += 1;
        let which = (random >> 32) % self.transient.len() as u64;
        self.transient.get(usize::try_from(which).unwrap_or_default()).cloned()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("Faults")
            .field("rules", &state.rules)
            .field("seen", &state.seen.len())
            .finish_non_exhaustive()
    }
}
