//! A SAP Gateway on loopback, with its odd ways.
//!
//! Behind it is a [`System`] that the test changes while it is read. In front of it are three services over the same rows:
//!
//! | service | root | sets |
//! |---|---|---|
//! | OData 2.0 | [`v2`](Gateway::v2) | `SalesOrders` |
//! | OData 2.0 with operational data provisioning | [`odp`](Gateway::odp) | `FactsOfZSALESORDERS`, `DeltaLinksOfFactsOfZSALESORDERS` |
//! | OData 4.0 | [`v4`](Gateway::v4) | `SalesOrders` |
//!
//! What real systems do in more than one way is a setting of the [`Builder`], and can be changed [while it
//! runs](Gateway::reconfigure). What goes wrong is said with [`faults`](Gateway::faults). Every request is
//! [kept](Gateway::seen) with its headers.
//!
//! ```
//! use datalake_simulators::sap::{Fault, Gateway, Rule, SALES_ORDERS, TokenAt, order, order_key};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let gateway = Gateway::builder().user("READER", "secret").page(2).token_at(TokenAt::Next).start().await?;
//! let system = gateway.system();
//! for n in 0..5 {
//!     system.create(SALES_ORDERS, order(n));
//! }
//! system.delete(SALES_ORDERS, order_key(3));
//! // The second page that is asked for ends in the middle.
//! gateway.faults().add(Rule::new(Fault::Truncated).target("skiptoken").after(1));
//! // The client under test is told `gateway.odp()` and the set `FactsOfZSALESORDERS`.
//! assert_eq!(gateway.seen(), []);
//! # Ok(())
//! # }
//! ```
//!
//! Links are opaque and taken back only byte for byte: who decodes and encodes one, or adds to it, gets an error.

mod atom;
mod builder;
mod gate;
mod modify;
mod odp;
mod page;
mod sample;
#[cfg(test)]
mod tests;
mod v2;
mod v4;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

pub use builder::{Builder, Links, Paging, Removed, TokenAt};
pub use sample::{
    SALES_ORDER_ITEMS, SALES_ORDERS, order, order_item, order_key, sales_order_items, sales_orders,
};

pub use crate::odata::{Entity, Fault, Faults, Key, Kind, Property, Row, Rule, Seen, System, Value};

use crate::odata::error::Refusal;
use crate::odata::server::{Answer, Request, Server, Service};
use crate::odata::{Version, feed, lock};

/// The root of the service of OData 2.0.
const V2: &str = "/sap/opu/odata/sap/ZSALES_SRV/";
/// The root of the service with operational data provisioning.
const ODP: &str = "/sap/opu/odata/sap/ZSALES_ODP_SRV/";
/// The root of the service of OData 4.0.
const V4: &str = "/sap/opu/odata4/sap/zsales/srvd_a2x/sap/zsales/0001/";
/// Where tokens of OAuth are given.
const TOKEN: &str = "/sap/bc/sec/oauth2/token";

/// A simulated SAP Gateway. It stops when this is dropped.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    system: System,
    settings: Mutex<Builder>,
    links: Mutex<feed::Links>,
    /// Delta tokens of V2 and V4, and what they stand for.
    marks: Mutex<HashMap<String, page::Mark>>,
    gate: Mutex<gate::Gate>,
    odp: Mutex<odp::Queue>,
    /// Requests so far, to shuffle each in another way.
    shuffles: Mutex<u64>,
}

impl Gateway {
    /// One with the usual settings, which can be changed before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one with the usual settings: everybody may read, pages of 100.
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
            odp: Mutex::default(),
            shuffles: Mutex::default(),
        });
        Ok(Self { server: Server::start(Arc::clone(&inner)).await?, inner })
    }

    /// Its origin, for instance `http://127.0.0.1:40000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The root of the service of OData 2.0, with a slash at the end.
    #[must_use]
    pub fn v2(&self) -> String {
        self.url() + V2
    }

    /// The root of the service with operational data provisioning.
    #[must_use]
    pub fn odp(&self) -> String {
        self.url() + ODP
    }

    /// The root of the service of OData 4.0.
    #[must_use]
    pub fn v4(&self) -> String {
        self.url() + V4
    }

    /// Where clients of OAuth get tokens, by client credentials or a SAML assertion.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.url() + TOKEN
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

    /// All links to further pages given so far lead nowhere.
    pub fn expire_pages(&self) {
        lock(&self.inner.links).clear();
    }

    /// All delta tokens given so far hold no more, and all subscriptions are at an end.
    pub fn expire_deltas(&self) {
        lock(&self.inner.marks).clear();
        lock(&self.inner.odp).expire();
    }

    /// All sessions are at an end: cookies and CSRF tokens mean nothing any more.
    pub fn end_sessions(&self) {
        lock(&self.inner.gate).end_sessions();
    }

    /// All tokens of OAuth given so far hold no more.
    pub fn expire_access(&self) {
        lock(&self.inner.gate).expire_access();
    }

    /// The number of sessions that were opened. A client that keeps its cookies opens one.
    #[must_use]
    pub fn sessions(&self) -> usize {
        lock(&self.inner.gate).opened()
    }

    /// Whether a user is locked for wrong passwords.
    #[must_use]
    pub fn locked(&self, user: &str) -> bool {
        let most = lock(&self.inner.settings).lock_after;
        lock(&self.inner.gate).locked(user, most)
    }

    /// The delta tokens of a user's subscription to a set such as `FactsOfZSALESORDERS` that can be asked for, oldest first.
    /// Empty if there is none.
    #[must_use]
    pub fn subscription(&self, user: &str, set: &str) -> Vec<String> {
        lock(&self.inner.odp).tokens(user, set)
    }
}

impl Inner {
    fn settings(&self) -> Builder {
        lock(&self.settings).clone()
    }

    /// Another number with every call, if ties are shuffled.
    fn shuffle(&self, settings: &Builder) -> Option<u64> {
        let mut shuffles = lock(&self.shuffles);
        *shuffles += 1;
        settings.ties.map(|seed| seed ^ shuffles.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn route(&self, request: &Request) -> Answer {
        let settings = self.settings();
        if request.path == TOKEN {
            return lock(&self.gate).token(&settings, request);
        }
        let pass = match lock(&self.gate).check(&settings, request) {
            Ok(pass) => pass,
            Err(refused) => return refused,
        };
        let answer = if let Some(path) = request.path.strip_prefix(V4) {
            v4::answer(self, &settings, request, path)
        } else if let Some(path) = request.path.strip_prefix(ODP) {
            odp::answer(self, &settings, request, path, &pass.user)
        } else if let Some(path) = request.path.strip_prefix(V2) {
            v2::answer(self, &settings, request, path)
        } else {
            Refusal::new(404, "/IWFND/MED/170", "No service found").answer(version(request), false)
        };
        pass.sign(answer)
    }
}

fn version(request: &Request) -> Version {
    if request.path.contains("/odata4/") { Version::V4 } else { Version::V2 }
}

impl Service for Inner {
    fn answer(&self, request: &Request) -> Answer {
        self.route(request)
    }

    fn refuse(&self, request: &Request, status: u16, xml: bool) -> Answer {
        Refusal::new(status, "SY/530", "made to fail").answer(version(request), xml)
    }

    fn with_same_link(&self, request: &Request, answer: Answer) -> Answer {
        page::with_same_link(&self.settings(), version(request), request, answer)
    }
}
