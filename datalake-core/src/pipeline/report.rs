//! What a run did.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::id::PipelineId;
use crate::ledger::Commit;
use crate::position::Position;
use crate::records::Counts;

/// Why a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ended {
    /// The source has nothing now.
    Idle,
    /// The source will never have anything again.
    Exhausted,
    /// The budget is spent; there may be more.
    Budget,
    /// It was asked to stop.
    Shutdown,
    /// A replay or rebuild has been through all batches.
    Done,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Why it ended.
    pub why: Ended,
    /// Records by where they went.
    pub counts: Counts,
    /// How many records were refused for which reason.
    pub reasons: BTreeMap<String, u64>,
    /// Bytes of documents.
    pub bytes_in: u64,
    /// Bytes of outputs, as stored.
    pub bytes_out: u64,
    /// Commits made.
    pub commits: u64,
    /// Times another worker took the slot first.
    pub lost_slots: u64,
    /// Times the run went back to the last commit after a failure.
    pub restarts: u64,
    /// The position at the end.
    pub position: Option<Position>,
}

impl Report {
    pub(crate) fn new(pipeline: PipelineId, started: DateTime<Utc>) -> Self {
        Self {
            pipeline,
            started,
            ended: started,
            why: Ended::Done,
            counts: Counts::default(),
            reasons: BTreeMap::new(),
            bytes_in: 0,
            bytes_out: 0,
            commits: 0,
            lost_slots: 0,
            restarts: 0,
            position: None,
        }
    }

    pub(crate) fn add(&mut self, commit: &Commit) {
        self.counts.add(&commit.counts);
        for (reason, n) in &commit.reasons {
            *self.reasons.entry(reason.clone()).or_default() += n;
        }
        self.bytes_in += commit.bytes_in;
        self.bytes_out += commit.bytes_out;
        self.commits += 1;
        self.position = Some(commit.to.clone());
    }
}
