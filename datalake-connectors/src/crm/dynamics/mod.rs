//! Tables of Dynamics 365, which are kept in Dataverse.
//!
//! A source reads one table by the name of its entity set, for instance `accounts`: all of it, and from then on what
//! changes, by the change tracking of the system. A *cycle* reads all changes since the cycle before; then the source
//! idles for [`poll_every`](DynamicsSourceBuilder::poll_every), and a drain ends there.
//!
//! * **What it needs.** The table must have change tracking switched on, and the user must be allowed to read it in the
//!   whole organisation. A system that ignores the wish for changes is an error, and not a table without any.
//! * **Changes.** Created and changed records come whole, deleted ones as `{"@odata.context":…,"id":…,"reason":…}`, also
//!   for records that were never seen. [`Change`](super::Change) says which is which.
//! * **Going on.** The position holds the link to the next page, or to what changes from now on, byte for byte. What
//!   changes is asked for only after its link is committed. Where the system has forgotten a page, the changes are asked
//!   for again from the last cycle on, once; a second refusal is an error. Where it has forgotten those, after seven days by default, or a page of the first cycle, a read of
//!   everything is [your decision](DynamicsSourceBuilder::reinitialise): what was deleted meanwhile is not told then.
//! * **Throttling.** The system makes those wait longer who keep sending. An error says how long; the engine waits.
//! * **Links** are asked of the configured origin, whatever they name. **Pages** are documents, byte for byte,
//!   with an id that says which page of which cycle it is: `cycle 7, page 2`. By it a delete is traced to what told of it.
//!
//! ```
//! use datalake_connectors::crm::dynamics::DynamicsSource;
//! use datalake_core::Dataset;
//!
//! let url = "https://shop.crm4.dynamics.com";
//! let source = DynamicsSource::builder(Dataset::new("crm/accounts")?, url, "accounts")
//!     .client_credentials("shop.onmicrosoft.com", "worker", "s3cr3t")
//!     .columns(["name", "accountnumber"])
//!     .build()?;
//! assert!(!format!("{source:?}").contains("s3cr3t"));
//! # Ok::<(), datalake_core::Error>(())
//! ```

mod builder;
mod position;
mod source;

#[cfg(test)]
mod tests;

pub use crate::http::{Auth, OAuth2};
pub use builder::DynamicsSourceBuilder;
pub use source::DynamicsSource;

/// The kind of the component.
const KIND: &str = "crm.dynamics";
