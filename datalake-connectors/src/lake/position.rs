//! How far a lake source has read.

use std::collections::BTreeMap;

use datalake_core::lake::Zone;
use datalake_core::{Dataset, PipelineId, Sha256};
use serde::{Deserialize, Serialize};

/// How far every lane has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) zone: Zone,
    pub(super) dataset: Dataset,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lanes: BTreeMap<PipelineId, Lane>,
    /// The lane that was read last: the next one has its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<PipelineId>,
}

/// How far one lane has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lane {
    /// The last commit that was read whole.
    pub(super) seq: u64,
    /// Its digest, by which another ledger is told from this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Sha256>,
    /// Where in the next commit to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Part>,
}

/// A place between two documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Raw: how many documents of the commit have been read. Curated: how many objects.
    pub(super) object: usize,
    /// The byte of the next object's content to go on at.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) offset: u64,
    /// Set while the lane is read as a later commit left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) standing: Option<Standing>,
}

/// A lane as a commit left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The commit.
    pub(super) seq: u64,
    /// The first batch that had not been read before.
    pub(super) batch: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl At {
    pub(super) fn beginning(zone: Zone, dataset: Dataset) -> Self {
        Self { zone, dataset, lanes: BTreeMap::new(), last: None }
    }

    pub(super) fn lane(&self, pipeline: &PipelineId) -> Lane {
        self.lanes.get(pipeline).cloned().unwrap_or_default()
    }
}
