//! A Salesforce org in the test's own process.
//!
//! It speaks OAuth 2.0, the REST API and the query jobs of Bulk API 2.0 to any client, and has the service's traps.
//! What is in it is made and changed by the test, by plain methods, while clients read.
//!
//! ```
//! use datalake_simulators::salesforce::{Field, Object, Salesforce};
//! use serde_json::json;
//!
//! let org = Salesforce::builder()
//!     .object(Object::new("Account").field(Field::text("Name")).field(Field::number("Revenue")))
//!     .page(200)
//!     .start()?;
//! let id = org.create("Account", json!({ "Name": "A", "Revenue": 1.5 }));
//! org.update("Account", &id, json!({ "Revenue": 2 }));
//! org.delete("Account", &id);
//! println!("clients log in at {}/services/oauth2/token", org.url());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Clients log in by client credentials ([`CLIENT_ID`], [`CLIENT_SECRET`]) or by a JWT of [`USER`] that
//! [`PRIVATE_KEY`] has signed, unless the builder says otherwise.
//!
//! | operation, for [rules](crate::rest::Rule) | request |
//! |---|---|
//! | `token` | `POST /services/oauth2/token` |
//! | `versions` | `GET /services/data` |
//! | `query`, `query_all` | `GET …/query?q=`, `GET …/queryAll?q=` |
//! | `query_more` | `GET …/query/LOCATOR` |
//! | `global`, `describe` | `GET …/sobjects`, `GET …/sobjects/OBJECT/describe` |
//! | `deleted`, `updated` | `GET …/sobjects/OBJECT/deleted?start=&end=`, the same with `updated` |
//! | `record` | `GET …/sobjects/OBJECT/ID` |
//! | `limits` | `GET …/limits` |
//! | `create_job`, `list_jobs` | `POST …/jobs/query`, `GET …/jobs/query` |
//! | `job_state`, `job_results` | `GET …/jobs/query/ID`, `GET …/jobs/query/ID/results` |
//! | `abort_job`, `delete_job` | `PATCH …/jobs/query/ID`, `DELETE …/jobs/query/ID` |
//! | `other` | anything else: not found |
//!
//! Queries are SOQL of one object: a list of fields or `COUNT()`, `WHERE` with comparisons, `IN`, `LIKE`, `AND`, `OR`,
//! `NOT` and brackets, `ORDER BY`, `LIMIT`, `OFFSET`. As in the service, `AND` and `OR` are not mixed without brackets,
//! points in time have no quotes, and an empty text is no value. Points in time that the org sets have whole seconds, so
//! that many records share one.
//!
//! Records whose field `IsArchived` is true are found by `queryAll` alone, as those in the recycle bin are.
//!
//! A job of Bulk sees the records as they are when it says that it is complete. Its results have the names of the columns
//! on every page, all values in quotes, and the word `null` as the locator after the last page. It can be deleted only
//! when it has ended.

mod builder;
mod bulk;
mod change;
mod describe;
mod id;
mod object;
mod org;
mod query;
mod refused;
mod replicate;
mod route;
mod soql;
mod stamp;
#[cfg(test)]
mod tests;
mod token;
mod transaction;

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::rest::{Faults, Server, lock};

pub use builder::Builder;
pub use bulk::{Job, JobState};
pub use object::{Field, Kind, Object};
pub use transaction::Transaction;

use change::{Change, What, cells};
use org::{Org, Table};

/// The client, also called consumer key, that an org takes unless told otherwise.
pub const CLIENT_ID: &str = "3MVG9simulated";
/// Its secret.
pub const CLIENT_SECRET: &str = "simulated-secret";
/// The user that an org takes JWTs of unless told otherwise.
pub const USER: &str = "worker@example.com";
/// The key that signs these JWTs, in PEM. Everybody knows it; it opens nothing but simulated orgs.
pub const PRIVATE_KEY: &str = include_str!("key.pem");

/// An org on a port of its own on loopback, until it is dropped.
#[derive(Debug)]
pub struct Salesforce {
    server: Server,
    state: std::sync::Arc<State>,
    faults: Faults,
}

#[derive(Debug)]
pub(crate) struct State {
    org: Mutex<Org>,
    compress: bool,
}

impl Salesforce {
    /// The settings of one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it is: its own host, where clients log in.
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
        lock(&self.state.org).set_clock(millis);
    }

    /// Moves its clock on. It stands still then.
    pub fn advance(&self, time: Duration) {
        lock(&self.state.org).advance(time);
    }

    /// The time by its clock, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        lock(&self.state.org).now()
    }

    /// Makes a record of an object of JSON and gives its id. The dates that an org sets can be given too.
    ///
    /// # Panics
    /// There is no such object or field, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn create(&self, object: &str, values: Value) -> String {
        self.on(object, |table, at| {
            let values = cells(table, &values);
            let id = table.next_id();
            Change { id: id.clone(), at, what: What::Set(values) }.apply(table);
            id
        })
    }

    /// Gives values to a record, and stamps it.
    ///
    /// # Panics
    /// There is no such object or field, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn update(&self, object: &str, id: &str, values: Value) {
        self.on(object, |table, at| {
            assert!(table.rows.contains_key(id), "there is no record {id} of {object}");
            Change { id: id.to_owned(), at, what: What::Set(cells(table, &values)) }.apply(table);
        });
    }

    /// Gives values to a record without a stamp, as a formula whose parts are elsewhere does.
    ///
    /// # Panics
    /// There is no such object or field, or a value does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "calls write json! in place")]
    pub fn recalculate(&self, object: &str, id: &str, values: Value) {
        self.on(object, |table, at| {
            Change { id: id.to_owned(), at, what: What::Recalculate(cells(table, &values)) }.apply(table);
        });
    }

    /// Puts a record into the recycle bin, where only `queryAll` finds it, and stamps it.
    ///
    /// # Panics
    /// There is no such object.
    pub fn delete(&self, object: &str, id: &str) {
        self.now_do(object, id, What::Delete);
    }

    /// Takes a record out of the recycle bin, and stamps it.
    ///
    /// # Panics
    /// There is no such object.
    pub fn restore(&self, object: &str, id: &str) {
        self.now_do(object, id, What::Restore);
    }

    /// Deletes a record for good: no query finds it any more, and only the list of what was deleted names it.
    ///
    /// # Panics
    /// There is no such object.
    pub fn erase(&self, object: &str, id: &str) {
        self.now_do(object, id, What::Erase);
    }

    fn now_do(&self, object: &str, id: &str, what: What) {
        self.on(object, |table, at| Change { id: id.to_owned(), at, what }.apply(table));
    }

    /// Begins changes that nobody sees until they are committed.
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction::new(self)
    }

    /// The records of an object with all of their fields, as REST writes them, in the order of their ids. Those in the
    /// recycle bin are among them; their `IsDeleted` is true.
    ///
    /// # Panics
    /// There is no such object.
    #[must_use]
    pub fn records(&self, object: &str) -> Vec<Map<String, Value>> {
        self.on(object, |table, _| table.rows.values().map(|row| table.json(row)).collect())
    }

    /// Begins a session and gives its token, without a request.
    #[must_use]
    pub fn session(&self) -> String {
        lock(&self.state.org).begin_session()
    }

    /// Ends all sessions.
    pub fn expire_sessions(&self) {
        lock(&self.state.org).sessions.clear();
    }

    /// Lets all queries die that have pages left.
    pub fn expire_cursors(&self) {
        lock(&self.state.org).cursors.clear();
    }

    /// The jobs of Bulk that were not deleted.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        lock(&self.state.org).jobs.values().map(|kept| kept.job().clone()).collect()
    }

    /// The next job that would be complete fails with this message. Called again, the one after it.
    pub fn fail_job(&self, message: impl Into<String>) {
        lock(&self.state.org).failing_jobs.push_back(message.into());
    }

    /// Forgets all jobs with their results, as the service does after seven days.
    pub fn forget_jobs(&self) {
        lock(&self.state.org).jobs.clear();
    }

    /// Adds a field to an object. Its records have nothing in it.
    ///
    /// # Panics
    /// There is no such object, or it has the field already.
    pub fn add_field(&self, object: &str, field: Field) {
        self.on(object, |table, _| table.add_field(field));
    }

    /// Removes a field of an object.
    ///
    /// # Panics
    /// There is no such object.
    pub fn remove_field(&self, object: &str, name: &str) {
        self.on(object, |table, _| table.remove_field(name));
    }

    /// How many requests counted against the limit of the day.
    #[must_use]
    pub fn requests(&self) -> u64 {
        lock(&self.state.org).requests
    }

    /// A new day: no request has counted yet.
    pub fn restore_requests(&self) {
        lock(&self.state.org).requests = 0;
    }

    /// Does something with an object, at the time of the clock.
    fn on<T>(&self, object: &str, act: impl FnOnce(&mut Table, i64) -> T) -> T {
        let mut org = lock(&self.state.org);
        let at = org.now();
        let table = org.table_mut(object).unwrap_or_else(|| panic!("there is no object {object}"));
        act(table, at)
    }
}
