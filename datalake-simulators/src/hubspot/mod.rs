//! A HubSpot portal in the test's own process.
//!
//! It speaks the CRM API of the service to any client, and has the service's traps. What is in it is made and changed by
//! the test, by plain methods, while clients read.
//!
//! ```
//! use datalake_simulators::hubspot::{HubSpot, Kind, Object};
//! use serde_json::json;
//!
//! let portal = HubSpot::builder()
//!     .object(Object::new("companies").property("name", Kind::Text))
//!     .object(Object::new("contacts").property("email", Kind::Text))
//!     .start()?;
//! // 25,000 records that were changed in the same millisecond.
//! let companies = portal.create_many("companies", 25_000, |n| json!({ "name": format!("c{n}") }));
//! let contact = portal.create("contacts", json!({ "email": "a@example.com" }));
//! portal.associate(("contacts", contact), ("companies", companies.start));
//! portal.archive("companies", companies.start + 1);
//! println!("clients read {}/crm/v3/objects/companies", portal.url());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Clients send the token of a private app ([`TOKEN`] unless the builder says otherwise) as a bearer.
//!
//! | operation, for [rules](crate::rest::Rule) | request |
//! |---|---|
//! | `list`, `read` | `GET /crm/v3/objects/OBJECT`, `GET /crm/v3/objects/OBJECT/ID` |
//! | `search` | `POST /crm/v3/objects/OBJECT/search` |
//! | `batch_read` | `POST /crm/v3/objects/OBJECT/batch/read` |
//! | `properties` | `GET /crm/v3/properties/OBJECT` |
//! | `associations` | `POST /crm/v4/associations/FROM/TO/batch/read` |
//! | `account` | `GET /account-info/v3/details` |
//! | `other` | anything else: not found |
//!
//! In place of the version, a path can have a date after the name of the API: `/crm/objects/2026-03/OBJECT`.
//!
//! Every answer says the time by the clock of the portal in `Date`.
//!
//! Traps: a search pages through 10,000 records and no more; what it sorts alike comes in no order; its index lags
//! behind if told to; it says nothing of limits in its headers. Archived records are in lists alone. A property that
//! there is not is left out of an answer without a word. A rate that is too high has status 429 with a `policyName` and
//! no `retry-after`.

mod associations;
mod builder;
mod filter;
mod object;
mod portal;
mod rate;
mod read;
mod refused;
mod route;
mod search;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::rest::{Faults, Server, lock};

pub use builder::Builder;
pub use object::{Kind, Object};

use portal::Portal;

/// The token that a portal takes unless told otherwise.
pub const TOKEN: &str = "pat-eu1-simulated";

/// A portal on a port of its own on loopback, until it is dropped.
#[derive(Debug)]
pub struct HubSpot {
    server: Server,
    state: Arc<State>,
    faults: Faults,
}

#[derive(Debug)]
pub(crate) struct State {
    portal: Mutex<Portal>,
}

impl HubSpot {
    /// The settings of one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong, and what came.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Sets its clock to milliseconds since 1970. It stands still until it is set or moved again; one that was never
    /// set goes by the machine's.
    pub fn set_clock(&self, millis: i64) {
        lock(&self.state.portal).set_clock(millis);
    }

    /// Moves its clock on. It stands still then.
    pub fn advance(&self, time: Duration) {
        lock(&self.state.portal).advance(time);
    }

    /// The time by its clock, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        lock(&self.state.portal).now()
    }

    /// Makes a record of an object of JSON and gives its id. The time of the last change can be given too.
    ///
    /// # Panics
    /// There is no such object or property, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn create(&self, object: &str, values: Value) -> u64 {
        lock(&self.state.portal).create(object, &values)
    }

    /// Makes so many records at the same time, the n-th from 0 with the given values, and gives their ids.
    ///
    /// # Panics
    /// As [`create`](Self::create).
    pub fn create_many(&self, object: &str, records: u64, values: impl Fn(u64) -> Value) -> Range<u64> {
        let mut portal = lock(&self.state.portal);
        let now = portal.now();
        portal.at(now, |portal| {
            let ids: Vec<_> = (0..records).map(|n| portal.create(object, &values(n))).collect();
            ids.first().copied().unwrap_or_default()..ids.last().map_or(0, |last| last + 1)
        })
    }

    /// Gives values to a record, and stamps it.
    ///
    /// # Panics
    /// There is no such object, record or property, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn update(&self, object: &str, id: u64, values: Value) {
        lock(&self.state.portal).update(object, id, &values);
    }

    /// Archives a record: only a list of what is archived has it, without another stamp.
    ///
    /// # Panics
    /// There is no such object.
    pub fn archive(&self, object: &str, id: u64) {
        lock(&self.state.portal).archive(object, id);
    }

    /// A batch that asks for a record gives an error of this category in its place.
    pub fn break_in_batches(&self, id: u64, category: impl Into<String>) {
        lock(&self.state.portal).broken.insert(id, category.into());
    }

    /// Batches give all records again.
    pub fn mend_batches(&self) {
        lock(&self.state.portal).broken.clear();
    }

    /// Takes a record out of the archive, and stamps it.
    ///
    /// # Panics
    /// There is no such object.
    pub fn restore(&self, object: &str, id: u64) {
        lock(&self.state.portal).restore(object, id);
    }

    /// Deletes a record for good, as the service does 90 days after it was archived.
    ///
    /// # Panics
    /// There is no such object.
    pub fn purge(&self, object: &str, id: u64) {
        lock(&self.state.portal).purge(object, id);
    }

    /// Lets two records belong together, each named by its object and its id.
    pub fn associate(&self, one: (&str, u64), other: (&str, u64)) {
        lock(&self.state.portal).associate(one, other, true);
    }

    /// Lets two records belong together no more.
    pub fn dissociate(&self, one: (&str, u64), other: (&str, u64)) {
        lock(&self.state.portal).associate(one, other, false);
    }

    /// Searches find no change from now on, whatever the setting, until [`index`](Self::index).
    pub fn hold_index(&self) {
        let mut portal = lock(&self.state.portal);
        portal.settle();
        portal.held = true;
    }

    /// Searches find everything that there is now, and what changes later as the setting says.
    pub fn index(&self) {
        let mut portal = lock(&self.state.portal);
        portal.held = false;
        portal.index();
    }

    /// The records of an object with all of their properties, as a list writes them, in the order of their ids. Those
    /// in the archive are among them.
    ///
    /// # Panics
    /// There is no such object.
    #[must_use]
    pub fn records(&self, object: &str) -> Vec<Value> {
        let portal = lock(&self.state.portal);
        let table = portal.table(object).unwrap_or_else(|| panic!("there is no object {object}"));
        let all: Vec<_> = table.object.properties.keys().cloned().collect();
        let record = |record| {
            let mut text = String::new();
            read::write_record(&mut text, &table.object, record, &all);
            serde_json::from_str(&text).unwrap_or_default()
        };
        table.records.values().map(|found| record(found)).collect()
    }

    /// How many requests counted against the limit of the day.
    #[must_use]
    pub fn requests(&self) -> u64 {
        lock(&self.state.portal).today
    }

    /// A new day: no request has counted yet.
    pub fn new_day(&self) {
        lock(&self.state.portal).today = 0;
    }
}
