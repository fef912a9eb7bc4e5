//! One entry of the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ManifestAt;
use crate::digest::Sha256;
use crate::envelope::Envelope;
use crate::id::{AttemptId, PipelineId};
use crate::position::Position;
use crate::records::Counts;

/// Why a commit was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CommitKind {
    /// New data from the source.
    Data,
    /// Quarantined records of an earlier batch, tried again.
    Replay,
    /// An earlier batch, made again from its raw documents. All other records of the batch in the curated zone count no
    /// more, those in joined objects too.
    Rebuild,
    /// Objects of earlier commits, joined into fewer. No record is new, and none is gone.
    Compact,
}

/// One entry of the ledger. It *is* the lineage record of its batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The name and version of this form: `datalake.commit/1`.
    pub schema: String,
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The slot, from 1, without gaps.
    pub seq: u64,
    /// Why.
    pub kind: CommitKind,
    /// The number of the batch that the records are of; 0 if they are of several.
    pub batch: u64,
    /// The batches of new data up to here.
    pub batches: u64,
    /// The try that wrote the entry, to tell our own from another's after an ambiguous answer.
    pub attempt: AttemptId,
    /// The digest of the entry before.
    pub previous: Option<Sha256>,
    /// When the entry was written, by the clock of the worker.
    pub committed_at: DateTime<Utc>,
    /// The position before the batch.
    pub from: Option<Position>,
    /// The position after it.
    pub to: Position,
    /// Where the batch came from, when it was acquired, and by whom and what it was changed.
    pub envelope: Envelope,
    /// How many records went where.
    pub counts: Counts,
    /// The bytes of the documents.
    pub bytes_in: u64,
    /// The bytes of the outputs, as stored.
    pub bytes_out: u64,
    /// How many records were refused for which reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, u64>,
    /// What was written.
    pub manifest: ManifestAt,
}

impl Commit {
    /// The name and version of the form of an entry.
    pub const SCHEMA: &'static str = "datalake.commit/1";

    /// The name of the commit, for people: the pipeline and the slot.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}#{}", self.pipeline, self.seq)
    }
}
