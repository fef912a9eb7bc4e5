//! The settings of a receiver of IDocs.

use std::net::SocketAddr;
use std::time::Duration;

use datalake_core::{Credential, Dataset, Error, Result, SourceInfo};
use serde_json::json;

use super::access::Access;
use super::intake::Idocs;
use super::{IdocSource, SCHEMA, SYSTEM};
use crate::receive::Settings;

/// Makes an [`IdocSource`].
#[derive(Debug, Clone)]
#[must_use]
pub struct IdocSourceBuilder {
    dataset: Dataset,
    settings: Settings,
    users: Vec<(String, Credential)>,
    anybody: bool,
    max_depth: usize,
}

impl IdocSourceBuilder {
    pub(super) fn new(dataset: Dataset, listen: SocketAddr) -> Self {
        let settings = Settings { max_body: 16 << 20, ..Settings::new(listen) };
        Self { dataset, settings, users: Vec::new(), anybody: false, max_depth: 64 }
    }

    /// Receives IDocs at a path, for instance `/idocs`. Call it again for more. At least one is needed.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.paths.push(path.into());
        self
    }

    /// Answers `GET` at a path with 200 while the receiver is open, for the health check of a load balancer.
    pub fn health(mut self, path: impl Into<String>) -> Self {
        self.settings.health = Some(path.into());
        self
    }

    /// Lets a user with a password send, by basic authentication. Call it again for more, for instance while a password
    /// is replaced. A password given by name is looked up when the receiver is built, again when it is past its lifetime,
    /// and again when another one comes, at most every 5 s; the one before is taken for an hour more.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<Credential>) -> Self {
        self.users.push((name.into(), password.into()));
        self
    }

    /// Lets everybody send who reaches the address. For a network where only the SAP system can.
    pub fn anybody(mut self) -> Self {
        self.anybody = true;
        self
    }

    /// The longest body in bytes, as sent and without its content encoding. 16 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// How deeply elements may be nested, the root counted. 64 by default, at most 1,000.
    pub fn max_depth(mut self, elements: usize) -> Self {
        self.max_depth = elements;
        self
    }

    /// How many requests may be under way, received and not yet committed. 1,000 by default; a sender of more is answered
    /// 503.
    pub fn queue(mut self, requests: usize) -> Self {
        self.settings.queue = requests;
        self
    }

    /// How many bytes of bodies may be under way, being read or not yet committed. 64 MiB by default; a sender of more is
    /// answered 503.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes;
        self
    }

    /// How many connections may be open. 1,024 by default; more wait to be accepted.
    pub fn connections(mut self, connections: usize) -> Self {
        self.settings.connections = connections;
        self
    }

    /// How long a sender may take to send the head of a request, and again for its body. 10 s by default.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.settings.read_timeout = timeout;
        self
    }

    /// How long a request waits for its commit before it is answered 503. 25 s by default; keep it below the time-out of
    /// the destination.
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.settings.commit_timeout = timeout;
        self
    }

    /// How long a request waits for others to share its commit. 25 ms by default.
    pub fn commit_within(mut self, time: Duration) -> Self {
        self.settings.commit_within = time;
        self
    }

    /// How long committed IDocs are known again by their ids. One hour by default.
    pub fn remember(mut self, time: Duration) -> Self {
        self.settings.remember = time;
        self
    }

    /// Checks the settings, binds the address and begins to take IDocs. Needs a Tokio runtime with time and I/O.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong or the address cannot be used;
    /// what kept a named password from being looked up.
    pub async fn build(self) -> Result<IdocSource> {
        self.listen().await.map_err(|error| error.component(SYSTEM))
    }

    async fn listen(self) -> Result<IdocSource> {
        self.settings.check()?;
        if self.anybody != self.users.is_empty() {
            return Err(Error::config("name the users that may send, or let anybody, and not both"));
        }
        if !(2..=1000).contains(&self.max_depth) {
            let error = Error::config("a depth is between 2 and 1,000");
            return Err(error.with("max_depth", self.max_depth));
        }
        let access = Access::new(self.users.clone())?;
        access.ready().await?;
        let intake = Idocs { access, max_depth: self.max_depth };
        let inbox = self.settings.open(SYSTEM, SCHEMA, intake).await?;
        let info = SourceInfo::new(SYSTEM, self.dataset, self.settings.locator(inbox.local()))
            .without_seek()
            .with_commit(self.settings.commit_within)
            .with_window(self.settings.queue)
            .with_config(json!({
                "paths": self.settings.paths,
                "users": self.users.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                "max_body": self.settings.max_body,
                "max_depth": self.max_depth,
            }));
        Ok(IdocSource { info, inbox })
    }
}
