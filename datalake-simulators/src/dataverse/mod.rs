//! A Dataverse on loopback, which is what Dynamics 365 keeps its data in.
//!
//! It speaks OData 4.0 with the ways of the service: changes are tracked for answers of everything alone, and who filters,
//! sorts, expands or bounds them is refused; links are whole and taken back only byte for byte; deleted rows come last, by
//! their bare id, also those that were never seen; delta tokens expire; who is throttled and keeps sending waits longer.
//! Tokens are given for client credentials as Entra gives them.
//!
//! ```
//! use std::time::Duration;
//!
//! use datalake_simulators::dataverse::{ACCOUNTS, Dataverse, account, account_key};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let dataverse = Dataverse::builder().client("lake", "secret").page(2).start().await?;
//! for n in 0..5 {
//!     dataverse.system().create(ACCOUNTS, account(n));
//! }
//! dataverse.system().delete(ACCOUNTS, account_key(3));
//! // The client under test is told `dataverse.api()`, `dataverse.token_url()` and the scope `dataverse.scope()`.
//! dataverse.throttle(Duration::from_secs(1));
//! assert_eq!(dataverse.early(), 0);
//! # Ok(())
//! # }
//! ```

mod answer;
mod builder;
mod gate;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use builder::Builder;
pub use sample::{ACCOUNTS, account, account_key, accounts};

pub use crate::odata::{Entity, Fault, Faults, Key, Kind, Property, Row, Rule, Seen, System, Value};

use crate::odata::error::Refusal;
use crate::odata::server::{Answer, Request, Server, Service};
use crate::odata::{Version, feed, lock};

/// The root of the service.
const API: &str = "/api/data/v9.2/";

/// A simulated Dataverse. It stops when this is dropped.
#[derive(Debug)]
pub struct Dataverse {
    server: Server,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    system: System,
    settings: Mutex<Builder>,
    links: Mutex<feed::Links>,
    marks: Mutex<HashMap<String, answer::Mark>>,
    gate: Mutex<gate::Gate>,
}

impl Dataverse {
    /// One with the usual settings, which can be changed before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one with the usual settings: everybody may read, pages of 5,000.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    async fn with(settings: Builder) -> io::Result<Self> {
        let system = System::default();
        settings.entities.iter().cloned().for_each(|entity| system.define(entity));
        let inner = Arc::new(Inner {
            system,
            settings: Mutex::new(settings),
            links: Mutex::default(),
            marks: Mutex::default(),
            gate: Mutex::default(),
        });
        Ok(Self { server: Server::start(Arc::clone(&inner)).await?, inner })
    }

    /// Its origin, for instance `http://127.0.0.1:40000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The root of the service, with a slash at the end.
    #[must_use]
    pub fn api(&self) -> String {
        self.url() + API
    }

    /// Where clients get tokens.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.url(), lock(&self.inner.settings).tenant)
    }

    /// The scope that a token has to be asked for.
    #[must_use]
    pub fn scope(&self) -> String {
        self.url() + "/.default"
    }

    /// The data.
    #[must_use]
    pub fn system(&self) -> &System {
        &self.inner.system
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.server.faults
    }

    /// The requests that came, in their order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    /// Forgets the requests that came.
    pub fn forget(&self) {
        self.server.forget();
    }

    /// Changes settings from the next request on.
    pub fn reconfigure(&self, change: impl FnOnce(Builder) -> Builder) {
        let mut settings = lock(&self.inner.settings);
        let changed = change(settings.clone());
        *settings = changed;
    }

    /// Refuses every request for a time, with 429. One that comes before the time is over makes it begin again.
    pub fn throttle(&self, time: Duration) {
        self.reconfigure(|settings| settings.wait(time));
        lock(&self.inner.gate).throttle(time);
    }

    /// How many requests came while they were to wait, without the first that was told so.
    #[must_use]
    pub fn early(&self) -> u64 {
        lock(&self.inner.gate).early()
    }

    /// All links to further pages given so far lead nowhere.
    pub fn expire_pages(&self) {
        lock(&self.inner.links).clear();
    }

    /// All delta tokens given so far hold no more.
    pub fn expire_deltas(&self) {
        lock(&self.inner.marks).values_mut().for_each(answer::Mark::expire);
    }

    /// All access tokens given so far hold no more.
    pub fn expire_access(&self) {
        lock(&self.inner.gate).expire_access();
    }

    /// How many access tokens were given.
    #[must_use]
    pub fn tokens_given(&self) -> u64 {
        lock(&self.inner.gate).given()
    }
}

impl Service for Inner {
    fn answer(&self, request: &Request) -> Answer {
        let settings = lock(&self.settings).clone();
        let mut gate = lock(&self.gate);
        if request.path.ends_with("/oauth2/v2.0/token") {
            return gate.token(&settings, request);
        }
        if let Some(refused) = gate.check(&settings, request) {
            return refused;
        }
        drop(gate);
        match request.path.strip_prefix(API) {
            Some(path) => answer::answer(self, &settings, request, path),
            None => Refusal::new(404, "0x80060888", "Resource not found").answer(Version::V4, false),
        }
    }

    fn refuse(&self, _request: &Request, status: u16, xml: bool) -> Answer {
        Refusal::new(status, "0x80072322", "made to fail").answer(Version::V4, xml)
    }

    fn with_same_link(&self, request: &Request, answer: Answer) -> Answer {
        answer::with_same_link(request, answer)
    }
}
