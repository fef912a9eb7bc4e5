//! Objects of HubSpot.
//!
//! A source reads one kind of object, for instance `contacts`: all of it, and from then on what changes. A *cycle* reads
//! everything that was changed since the cycle before; then the source idles for
//! [`poll_every`](HubSpotSourceBuilder::poll_every), and a drain ends there.
//!
//! * **The first cycle** lists all records. Later ones search by the time of the last change (the property
//!   `lastmodifieddate` where the object has it, as contacts do, `hs_lastmodifieddate` of all others), up to the time of the system when the cycle began.
//! * **Order.** A search goes by id and asks for what follows the last id, so that it never pages: a search pages through
//!   10,000 records and no more, and any number of records may share a time.
//! * **Late records.** Searches find a change a while after it happened. A cycle therefore looks again at the last minutes
//!   of the one before ([`look_back`](HubSpotSourceBuilder::look_back)). A page on which everything was given before is
//!   not given again; one with something new is given whole, and then some of its records are there twice.
//! * **Archived** records are in a list of their own, which a cycle reads first. Pages of it with something new are given:
//!   their records have `archived` true and `archivedAt`. Of all that came about an id,
//!   the latest by `updatedAt` or `archivedAt` is how things stand. A record that comes back out of the archive is told if
//!   that stamps it, which the system does not promise.
//! * **Told by nobody** are records that are deleted for good, as privacy laws ask, and those that were merged into
//!   another: the other one says so in `hs_merged_object_ids`.
//! * **Many properties.** Where their names are too long for a list or a search, the page is read for its ids alone, and
//!   the records are read by them: each record is read at once, and none is put together of parts.
//! * **Links** to other objects ([`associations`](HubSpotSourceBuilder::associations)) come behind the page, as
//!   `{"from":{"id":…},"to":[…]}`, each kind of object in documents whose place names it, an answer of
//!   the system each. A batch that fails at a record is asked for again; only records that the system says are not there
//!   are passed over.
//! * **Rates.** Requests are paced. A refusal for the rate is waited for as long as its policy asks: a second, ten, or
//!   until the portal's midnight.
//! * **Pages** are documents, byte for byte. The position holds the cursor or the last id, and what was
//!   asked for: with other properties, associations or another start it is refused.
//!
//! ```
//! use datalake_connectors::crm::hubspot::HubSpotSource;
//! use datalake_core::Dataset;
//!
//! let source = HubSpotSource::builder(Dataset::new("crm/contacts")?, "contacts")
//!     .token("pat-s3cr3t")
//!     .associations(["companies"])
//!     .build()?;
//! assert!(!format!("{source:?}").contains("s3cr3t"));
//! # Ok::<(), datalake_core::Error>(())
//! ```

mod ask;
mod builder;
mod client;
mod missing;
mod page;
mod position;
mod source;

#[cfg(test)]
mod tests;

pub use builder::HubSpotSourceBuilder;
pub use source::HubSpotSource;

/// The kind of the component.
const KIND: &str = "crm.hubspot";
