//! The settings of a receiver of IDocs.

use std::net::SocketAddr;
use std::time::Duration;

use datalake_core::{Credential, Dataset, Error, Result, SourceInfo};
use serde_json::json;

use super::intake::Idocs;
use super::{IdocSource, SCHEMA, SYSTEM};
use crate::receive::{Access, Opening, Settings, setters};

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

    setters! { path: "/idocs", max_body: "16 MiB", commit_timeout: "25 s" }

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

    /// How deeply elements may be nested, the root counted. 64 by default, at most 1,000.
    pub fn max_depth(mut self, elements: usize) -> Self {
        self.max_depth = elements;
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
        self.open().await.map_err(|error| error.component(SYSTEM))
    }

    fn open(self) -> Opening<IdocSource> {
        Box::pin(self.listen())
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
        if self.users.iter().any(|(name, _)| name.is_empty() || name.contains(':')) {
            return Err(Error::config("a user has a name without a colon, and a password"));
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
