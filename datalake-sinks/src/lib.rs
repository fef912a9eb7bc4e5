//! Sinks of `datalake`, one feature and one folder each.
//!
//! | feature | kind | writes |
//! |---|---|---|
//! | `lake` | `lake.ndjson` | raw documents, curated records as NDJSON, quarantine and ledger, on any object store |

#[cfg(feature = "lake")]
pub mod lake;
