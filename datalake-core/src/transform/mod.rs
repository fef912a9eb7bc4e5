//! What changes records on their way.
//!
//! A [`Transform`] works on a batch. Most need only one record at a time: take one of [`json`], write a closure
//! ([`edit`], [`filter`], [`map`], [`try_map`], [`try_map_json`]) or a [`RecordTransform`]. The engine runs neighbouring
//! record transforms in one pass over each record, so a chain of ten costs one scan of the JSON and not ten. What no
//! step touches keeps its exact bytes.
//!
//! [`flat_map`] and [`dedupe`] work on whole batches.

use async_trait::async_trait;
use serde_json::Value;

use crate::records::Records;
use crate::{RecordError, Result};

mod chunks;
mod closure;
mod dedupe;
mod draft;
mod fault;
mod fused;
mod per_record;
mod pointer;
#[cfg(test)]
mod random;
mod scan;
#[cfg(test)]
mod scan_tests;
#[cfg(test)]
mod tests;
mod text;

pub mod json;

pub use closure::{edit, filter, flat_map, map, try_map, try_map_json};
pub use dedupe::{Dedupe, dedupe};
pub use draft::Draft;
pub use per_record::PerRecord;
pub use pointer::Pointer;

pub(crate) use draft::Checker;
pub(crate) use fused::{Tally, run};

/// What changes the records of a batch.
///
/// * **Accounting.** A record leaves only by being filtered or rejected, both through [`Records`]; the engine checks
///   the books of every batch.
/// * **Deterministic.** The same records give the same records, at any time and on any machine: lineage and
///   rebuilding depend on it.
/// * **Concurrency.** Batches are transformed side by side unless [`ordered`](Self::ordered) says otherwise; their
///   order is kept.
/// * **Cancellation.** The future may be dropped at any await; the batch is then transformed again.
#[async_trait]
pub trait Transform: Send + Sync + 'static {
    /// The name of this step in lineage, for instance `mask-email`.
    fn name(&self) -> &str;

    /// The version of this step in lineage. Change it when the output changes.
    fn version(&self) -> &str;

    /// The settings that decide the output, for the digest in lineage, which is made once for each pipeline: they do not
    /// change while it lives. No secret, not even hashed.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Whether batches must come one after the other, because one leaves something behind for the next.
    fn ordered(&self) -> bool {
        false
    }

    /// Forgets what batches left behind. Called when the engine goes back to the last commit, since the batches after
    /// it come again.
    fn reset(&self) {}

    /// This transform as one that works on a record at a time, if it is one.
    fn as_record_transform(&self) -> Option<&dyn RecordTransform> {
        None
    }

    /// Changes the records.
    ///
    /// # Errors
    /// The call failed and no record is to blame, for instance a look-up that is down. The engine calls again with
    /// the same records if the error is retryable.
    async fn apply(&self, records: Records) -> Result<Records>;
}

/// What becomes of a record after a [`RecordTransform`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out on purpose, and counted.
    Filter,
}

/// What changes one record at a time, without waiting for anything.
///
/// A panic costs the record that caused it and no other: it goes to quarantine with the reason `panic`.
pub trait RecordTransform: Send + Sync + 'static {
    /// The name of this step in lineage.
    fn name(&self) -> &str;

    /// The version of this step in lineage.
    fn version(&self) -> &str;

    /// The settings that decide the output, for the digest in lineage, which is made once for each pipeline: they do not
    /// change while it lives. No secret, not even hashed.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Changes the record in place.
    ///
    /// # Errors
    /// The record goes to quarantine with this error.
    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError>;
}
