//! Where things are in a lake.
//!
//! ```text
//! raw/<dataset>/acquired=2026-11-22/<pipeline>-<batch>-<attempt>.raw.zst
//! curated/<dataset>/<partition>/<pipeline>-<batch>-<attempt>.ndjson.zst
//! quarantine/<dataset>/<pipeline>-<batch>-<attempt>.ndjson.zst
//! _ledger/<pipeline>/commits/00000000000000000017.json
//! _ledger/<pipeline>/manifests/00000000000000000017-<attempt>.json.zst
//! _ledger/<pipeline>/head.json
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::id::{AttemptId, Dataset, PipelineId};
use crate::{Error, Result};

/// The folder of the ledger.
pub const LEDGER: &str = "_ledger";

/// A part of the lake that holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Zone {
    /// Documents, byte-exact.
    Raw,
    /// Records, transformed.
    Curated,
    /// Records that were refused.
    Quarantine,
}

impl Zone {
    /// All zones.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Curated, Self::Quarantine];

    /// The name of the zone, which is its folder.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Curated => "curated",
            Self::Quarantine => "quarantine",
        }
    }

    /// The zone that a key is in.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        let folder = key.split('/').next();
        Self::ALL.into_iter().find(|zone| Some(zone.as_str()) == folder)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Zone {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|zone| zone.as_str() == text);
        found.ok_or_else(|| Error::config("a zone is raw, curated or quarantine").with("found", text))
    }
}

/// The key of an object of a batch. The attempt makes it unique, so that no try ever writes over another's object.
/// `partition` is path segments without a slash at either end, or empty.
#[must_use]
pub fn object(zone: Zone, batch: &Batch, partition: &str, extension: &str) -> String {
    let slash = if partition.is_empty() { "" } else { "/" };
    format!(
        "{zone}/{}/{partition}{slash}{}-{:010}-{}{extension}",
        batch.dataset, batch.id.pipeline, batch.id.number, batch.attempt
    )
}

/// The key of an object that was joined out of others, of which `first` is the first batch. `n` tells apart those of
/// one attempt.
pub(crate) fn joined(
    dataset: &Dataset,
    partition: &str,
    pipeline: &PipelineId,
    first: u64,
    attempt: &AttemptId,
    n: usize,
    extension: &str,
) -> String {
    let (zone, slash) = (Zone::Curated, if partition.is_empty() { "" } else { "/" });
    format!("{zone}/{dataset}/{partition}{slash}{pipeline}-{first:010}-{attempt}-joined-{n}{extension}")
}

/// The key of a ledger entry.
pub(crate) fn commit(pipeline: &PipelineId, seq: u64) -> String {
    format!("{}{seq:020}.json", commits(pipeline))
}

/// The prefix of the ledger entries of a pipeline.
pub(crate) fn commits(pipeline: &PipelineId) -> String {
    format!("{LEDGER}/{pipeline}/commits/")
}

/// The key of a manifest that is too long for its entry.
pub(crate) fn manifest(pipeline: &PipelineId, seq: u64, attempt: &AttemptId) -> String {
    format!("{}{seq:020}-{attempt}.json.zst", manifests(pipeline))
}

/// The prefix of the manifests of a pipeline.
pub(crate) fn manifests(pipeline: &PipelineId) -> String {
    format!("{LEDGER}/{pipeline}/manifests/")
}

/// The key of the hint from where to look for the head.
pub(crate) fn hint(pipeline: &PipelineId) -> String {
    format!("{LEDGER}/{pipeline}/head.json")
}
