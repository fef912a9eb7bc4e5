//! The latest events in the lake, as its ledger tells them.

use std::collections::VecDeque;
use std::sync::Arc;

use datalake_core::lake::{Lake, Object, Zone, stamp};
use datalake_core::ledger::{Commit, CommitKind, Entry, Ledger as _};
use datalake_core::{Dataset, PipelineId, Result};
use futures::TryStreamExt as _;
use serde::Serialize;
use serde_json::value::RawValue;

/// How many events are kept at hand.
const KEPT: usize = 200;
/// How many commits are read at a time, the latest. What is older is passed over.
const CATCH_UP: u64 = 50;

/// An event in the curated zone.
#[derive(Debug, Serialize)]
struct Event {
    /// The record.
    id: String,
    /// The slot of its commit.
    commit: u64,
    /// What it is, as it is written.
    row: Option<Box<RawValue>>,
}

/// Events, and the last slot that was read.
#[derive(Debug, Serialize)]
pub(crate) struct Latest {
    seq: u64,
    events: Vec<Arc<Event>>,
}

/// Follows the ledger, and keeps the latest events.
pub(crate) struct Recent {
    lake: Lake,
    pipeline: PipelineId,
    dataset: Dataset,
    seq: Option<u64>,
    events: VecDeque<Arc<Event>>,
}

impl Recent {
    pub(crate) fn new(lake: &Lake, pipeline: PipelineId, dataset: Dataset) -> Self {
        let (lake, events) = (lake.clone(), VecDeque::new());
        Self { lake, pipeline, dataset, seq: None, events }
    }

    /// The events of commits after a slot, and the last slot.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub(crate) async fn after(&mut self, slot: u64) -> Result<Latest> {
        let seq = self.follow().await?;
        let events = self.events.iter().filter(|event| event.commit > slot).map(Arc::clone).collect();
        Ok(Latest { seq, events })
    }

    /// Reads what is new in the ledger, and gives its last slot. Others wait for that, so it is bounded.
    async fn follow(&mut self) -> Result<u64> {
        let head = self.lake.ledger().head(&self.pipeline).await?;
        let latest = head.map_or(0, |head| head.commit.seq.saturating_sub(CATCH_UP));
        let mut seq = self.seq.unwrap_or(0).max(latest);
        let entries: Vec<Entry> = self.lake.entries(&self.pipeline, seq).try_collect().await?;
        for Entry { commit, .. } in &entries {
            self.take(commit).await?;
            seq = commit.seq;
            self.seq = Some(seq);
        }
        Ok(seq)
    }

    /// Takes the events of a commit.
    async fn take(&mut self, commit: &Commit) -> Result<()> {
        if commit.kind != CommitKind::Data {
            return Ok(());
        }
        let manifest = self.lake.ledger().manifest(commit).await?;
        for output in manifest.outputs {
            let object = Object {
                location: output.location,
                zone: Zone::Curated,
                dataset: self.dataset.clone(),
                seq: commit.seq,
                batch: commit.batch,
                bytes: output.bytes,
                records: output.records,
                sha256: output.sha256,
                compression: output.compression,
                format: output.format,
                partition: output.partition,
                parts: Vec::new(),
                remade: Default::default(),
            };
            let lines = self.lake.content(&object).await?;
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let Some((row, id)) = stamp::read(line) else { continue };
                let row = serde_json::from_slice(&row).ok();
                self.events.push_back(Arc::new(Event { id: id.to_string(), commit: commit.seq, row }));
            }
        }
        let over = self.events.len().saturating_sub(KEPT);
        self.events.drain(..over);
        Ok(())
    }
}
