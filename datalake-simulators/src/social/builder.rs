//! Settings of the simulated services.

use std::io;
use std::sync::{Arc, Mutex};

use super::list::Lists;
use super::{Social, State, TOKEN};
use crate::rest::{Fault, Faults, Refusal, Server};

/// Settings of a [`Social`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) token: String,
    pub(super) links_to: String,
    pub(super) proof: Option<String>,
    pub(super) gaps: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self { token: TOKEN.into(), links_to: String::new(), proof: None, gaps: false }
    }
}

impl Builder {
    /// Takes this token, in place of [`TOKEN`].
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// Lets the links to further pages lead to another origin, for instance `http://127.0.0.1:8080`.
    pub fn links_to(mut self, origin: impl Into<String>) -> Self {
        self.links_to = origin.into();
        self
    }

    /// Asks for this proof of the app's secret beside the token, where a service has one.
    pub fn proof(mut self, proof: impl Into<String>) -> Self {
        self.proof = Some(proof.into());
        self
    }

    /// Puts a page without records that leads on between the pages, where a service does that.
    pub fn gaps(mut self) -> Self {
        self.gaps = true;
        self
    }

    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// There is no free port or no thread.
    pub fn start(self) -> io::Result<Social> {
        let busy = |status, code| Fault::Refused(Refusal::new(status, code));
        let faults = Faults::new(vec![
            busy(500, "internal"),
            busy(503, "unavailable"),
            Fault::BadGateway,
            Fault::Reset,
            Fault::Lost,
            Fault::Truncated,
        ]);
        let make = |url: &str| {
            let url = if self.links_to.is_empty() { url.to_owned() } else { self.links_to.clone() };
            Arc::new(State { url, settings: self, lists: Mutex::new(Lists::default()) })
        };
        let (server, state) = Server::start(faults.clone(), make)?;
        Ok(Social { server, state, faults })
    }
}
