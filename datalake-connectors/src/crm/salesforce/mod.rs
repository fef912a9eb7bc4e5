//! Objects of Salesforce.
//!
//! A source reads one object: all of it, and from then on what changes. A *cycle* reads everything that was stamped
//! (`SystemModstamp`, or the best field that can be filtered by) since the cycle before; then the source idles for
//! [`poll_every`](SalesforceSourceBuilder::poll_every), and a drain ends there.
//!
//! * **Order.** By `(SystemModstamp, Id)`, so any number of records may share a timestamp. A cycle reads up to the time
//!   of the system when the cycle began, and no further.
//! * **Late records.** A record is stamped before its transaction is visible. A cycle therefore looks again at the last
//!   minutes of the one before ([`look_back`](SalesforceSourceBuilder::look_back)). A page on which everything was given
//!   before, just as it is, is not given again; one with something new is given whole, and then some of its records are
//!   there twice. Only the first thousand records of these minutes are remembered, and none that a bulk job gave: the
//!   others come again once.
//! * **Objects without such a field** are read whole in every cycle, since nothing says what has changed.
//! * **Deletes.** Records in the recycle bin come as any other, with `IsDeleted` true. What the system says was deleted
//!   since the cycle before, gone from the bin or not, comes as `{"deletedDate":…,"id":…}`. Both can be switched off. Of
//!   all that came about an id, the latest by `SystemModstamp` or `deletedDate` is how things stand.
//! * **Large reads** go by bulk jobs ([`Bulk`]), in CSV: every value is text there and no value is the empty text;
//!   [`same_shape`] makes them and the records of queries alike. A job is removed once its results are committed. While
//!   one is at work the source waits, also longer than a moment.
//! * **Going on.** The position holds the next page as the system named it, or the job and its locator, and the last
//!   record. Where the system has forgotten a page, the query begins again after that record; where it has forgotten a
//!   job, the window is read again, and records may come twice: none is passed over.
//! * **Pages** are documents, byte for byte.
//! * **Requests** are counted by the organisation. When [`request_share`](SalesforceSourceBuilder::request_share) of the
//!   day's are used up, by whomever, the source says [`RateLimited`](datalake_core::ErrorKind::RateLimited) with a delay.
//! * **A query that takes too long** becomes a bulk job, and what takes too long even so, or where there are none, is cut
//!   in halves by time.
//! * **Tokens** go to the configured host, or from one host of Salesforce to another that came with the token; a link
//!   is asked of the same host whatever it names.
//!
//! ```
//! use datalake_connectors::crm::salesforce::{Bulk, SalesforceAuth, SalesforceSource};
//! use datalake_core::Dataset;
//!
//! let url = "https://shop.my.salesforce.com";
//! let source = SalesforceSource::builder(Dataset::new("crm/accounts")?, url, "Account")
//!     .auth(SalesforceAuth::client_credentials("3MVG9", "s3cr3t"))
//!     .bulk(Bulk::From(50_000))
//!     .build()?;
//! assert!(!format!("{source:?}").contains("s3cr3t"));
//! # Ok::<(), datalake_core::Error>(())
//! ```

mod auth;
mod builder;
mod error;
mod fetch;
mod page;
mod position;
mod schema;
mod session;
mod shape;
mod soql;
mod source;
mod turn;
mod walk;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use auth::SalesforceAuth;
pub use builder::SalesforceSourceBuilder;
pub use schema::{Change, Field, Schema};
pub use shape::same_shape;
pub use source::SalesforceSource;

/// The kind of the component.
const KIND: &str = "crm.salesforce";

/// When to read by bulk jobs rather than by queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bulk {
    /// Never.
    Never,
    /// When there are so many records to read, as the first page of the query says, or when the query is too long for a
    /// URL. Objects that bulk jobs cannot read are read by queries all the same.
    From(u64),
    /// Always for what is new.
    Always,
}
