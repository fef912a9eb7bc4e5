//! What goes wrong, and with which requests.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;
use super::server::Request;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not done, and refused with an error as the service writes them.
    Refused {
        /// The status of the answer.
        status: u16,
        /// The value of `Retry-After`: seconds, or a date of HTTP.
        retry_after: Option<String>,
    },
    /// It is not done, and refused with an error in XML, though JSON was asked for.
    RefusedInXml(u16),
    /// It is not done. The status is 200, and the body is a page to log in with.
    Login,
    /// It is not done, and the client is sent elsewhere.
    Redirect(String),
    /// It is not done, and the connection is closed.
    Reset,
    /// It is done, and the connection is closed without an answer.
    Lost,
    /// It is done, and the answer ends in the middle.
    Truncated,
    /// It is done, and the last bytes of the answer are missing without a sign of it.
    Short,
    /// It is done and answered after this time.
    Slow(Duration),
    /// It is done, and no answer ever comes.
    Silent,
    /// It is done, and the link to the next page is the one that was asked for.
    SameLink,
}

impl Fault {
    /// 429 with a time to wait, seconds.
    #[must_use]
    pub fn throttled(seconds: u32) -> Self {
        Self::Refused { status: 429, retry_after: Some(seconds.to_string()) }
    }

    /// 503 without one.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::Refused { status: 503, retry_after: None }
    }

    /// Those that a client gets over by asking again.
    #[must_use]
    pub fn passing() -> Vec<Self> {
        vec![
            Self::unavailable(),
            Self::Reset,
            Self::Truncated,
            Self::RefusedInXml(502),
            Self::Lost,
            Self::Refused { status: 504, retry_after: None },
        ]
    }
}

/// Which requests have a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Rule {
    fault: Fault,
    part: String,
    method: Option<&'static str>,
    after: u64,
    times: u64,
}

impl Rule {
    /// The next request has a fault.
    pub fn new(fault: Fault) -> Self {
        Self { fault, part: String::new(), method: None, after: 0, times: 1 }
    }

    /// Only requests whose target, as it was sent, has this in it.
    pub fn target(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// Only requests of this method.
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    /// Lets so many requests that fit go by first.
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// So many requests, one after the other, in place of one.
    pub fn times(mut self, requests: u64) -> Self {
        self.times = requests;
        self
    }

    /// Every request from then on.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }
}

/// What goes wrong from now on. Clones share it.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    random: Option<Random>,
    requests: u64,
}

#[derive(Debug)]
struct Random {
    one_in: u64,
    seed: u64,
    of: Vec<Fault>,
}

impl Faults {
    /// Adds a rule. Of several that fit a request, the first that was added and is not used up counts.
    pub fn add(&self, rule: Rule) {
        lock(&self.0).rules.push(rule);
    }

    /// The n-th request from now, from 0, has a fault.
    pub fn nth(&self, n: u64, fault: Fault) {
        self.add(Rule::new(fault).after(n));
    }

    /// One request in so many has one of [`Fault::passing`]. The same seed gives the same ones for the same requests.
    pub fn one_in(&self, requests: u64, seed: u64) {
        self.one_in_of(requests, seed, Fault::passing());
    }

    /// The same with other faults.
    pub fn one_in_of(&self, requests: u64, seed: u64, of: Vec<Fault>) {
        lock(&self.0).random = (!of.is_empty()).then_some(Random { one_in: requests.max(1), seed, of });
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        let mut state = lock(&self.0);
        state.rules.clear();
        state.random = None;
    }

    pub(super) fn of(&self, request: &Request) -> Option<Fault> {
        let mut state = lock(&self.0);
        let n = state.requests;
        state.requests += 1;
        let mut struck = None;
        for rule in &mut state.rules {
            let fits = rule.times > 0
                && request.target().contains(&rule.part)
                && rule.method.is_none_or(|method| method == request.method);
            if !fits {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            struck = Some(rule.fault.clone());
            break;
        }
        state.rules.retain(|rule| rule.times > 0);
        struck.or_else(|| state.random.as_ref()?.draw(n))
    }
}

impl Random {
    fn draw(&self, n: u64) -> Option<Fault> {
        let drawn = mix(self.seed ^ mix(n));
        let which = (drawn >> 32) as usize % self.of.len();
        (drawn as u32 as u64).is_multiple_of(self.one_in).then(|| self.of[which].clone())
    }
}

/// Bits that look random and are always the same for the same number.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.0).fmt(f)
    }
}
