//! The settings of a simulated portal.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::object::Object;
use super::portal::Portal;
use super::{HubSpot, State, TOKEN};
use crate::rest::{Fault, Faults, Refusal, Server};

/// Settings of a [`HubSpot`]. Without any it does what the service does, but refuses no request for the rate of its
/// kind.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) objects: Vec<Object>,
    pub(super) token: String,
    pub(super) index_lag: Duration,
    pub(super) unstable_ties: bool,
    pub(super) search_cap: usize,
    pub(super) longest_target: usize,
    pub(super) per_ten_seconds: Option<u64>,
    pub(super) searches_per_second: Option<u64>,
    pub(super) per_day: u64,
    pub(super) gaps: bool,
    pub(super) links_to: String,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            token: TOKEN.into(),
            index_lag: Duration::ZERO,
            unstable_ties: false,
            search_cap: 10_000,
            longest_target: 16_384,
            per_ten_seconds: None,
            searches_per_second: None,
            per_day: 650_000,
            gaps: false,
            links_to: String::new(),
        }
    }
}

impl Builder {
    /// Has an object, without records for now.
    pub fn object(mut self, object: Object) -> Self {
        self.objects.push(object);
        self
    }

    /// Takes this token of a private app, in place of [`TOKEN`].
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// Lets a change be found by a search only after a time by the clock of the portal. A list shows it at once.
    pub fn index_lag(mut self, time: Duration) -> Self {
        self.index_lag = time;
        self
    }

    /// Gives records that a search sorts alike in another order every time.
    pub fn unstable_ties(mut self) -> Self {
        self.unstable_ties = true;
        self
    }

    /// Lets a search page through so many records. 10,000 unless set.
    pub fn search_cap(mut self, records: usize) -> Self {
        self.search_cap = records;
        self
    }

    /// Refuses a request whose path and query are longer than this, bytes. 16,384 unless set.
    pub fn longest_target(mut self, bytes: usize) -> Self {
        self.longest_target = bytes;
        self
    }

    /// Refuses more requests than this in ten seconds by the clock of the portal, with the policy
    /// `TEN_SECONDLY_ROLLING`. The service has 100 to 190.
    pub fn per_ten_seconds(mut self, requests: u64) -> Self {
        self.per_ten_seconds = Some(requests);
        self
    }

    /// Refuses more searches than this in a second by the clock of the portal, with the policy `SECONDLY`. The service
    /// has 4 or 5.
    pub fn searches_per_second(mut self, searches: u64) -> Self {
        self.searches_per_second = Some(searches);
        self
    }

    /// Refuses more requests than this, with the policy `DAILY`, until [`new_day`](HubSpot::new_day). 650,000 unless
    /// set.
    pub fn per_day(mut self, requests: u64) -> Self {
        self.per_day = requests;
        self
    }

    /// Puts an empty page that names the next between the pages of a list.
    pub fn gaps(mut self) -> Self {
        self.gaps = true;
        self
    }

    /// Lets the links to further pages lead to another origin, for instance `http://127.0.0.1:8080`.
    pub fn links_to(mut self, origin: impl Into<String>) -> Self {
        self.links_to = origin.into();
        self
    }

    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// There is no free port or no thread.
    pub fn start(self) -> io::Result<HubSpot> {
        let busy = |status, code| Fault::Refused(Refusal::new(status, code));
        let faults = Faults::new(vec![
            busy(500, "INTERNAL_ERROR"),
            busy(503, "SERVICE_UNAVAILABLE"),
            busy(504, "TIMEOUT"),
            Fault::BadGateway,
            Fault::Reset,
            Fault::Lost,
            Fault::Truncated,
        ]);
        let make = |_: &str| Arc::new(State { portal: Mutex::new(Portal::new(self)) });
        let (server, state) = Server::start(faults.clone(), make)?;
        Ok(HubSpot { server, state, faults })
    }
}
