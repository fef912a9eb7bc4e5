//! What the commits of a pipeline leave standing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde::Serialize;

use super::layout::Zone;
use crate::Result;
use crate::codec::Compression;
use crate::digest::Sha256;
use crate::id::{Dataset, PipelineId};
use crate::ledger::{Commit, Ledger, Manifest};
use crate::position::Position;
use crate::records::Counts;
use crate::sink::Output;

/// An object that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Object {
    /// Its key.
    pub location: String,
    /// Its zone.
    pub zone: Zone,
    /// Its dataset.
    pub dataset: Dataset,
    /// The commit that names it.
    pub seq: u64,
    /// The batch whose records it holds.
    pub batch: u64,
    /// Its length, as stored.
    pub bytes: u64,
    /// Its records; for the raw zone those cut from its documents.
    pub records: u64,
    /// The digest of its bytes, as stored.
    pub sha256: Option<Sha256>,
    /// How it is compressed.
    pub compression: Compression,
    /// How its records are written.
    pub format: Option<String>,
    /// Its partition.
    pub partition: Option<String>,
}

/// The objects of a dataset in a zone, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Objects.
    pub objects: u64,
    /// Records.
    pub records: u64,
    /// Bytes, as stored.
    pub bytes: u64,
}

/// What the commits of a pipeline leave standing.
#[derive(Debug, Clone)]
pub struct View {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The last commit's slot.
    pub seq: u64,
    /// The batches of new data.
    pub batches: u64,
    /// When the last commit was made.
    pub last: Option<DateTime<Utc>>,
    /// The position of the last commit.
    pub position: Option<Position>,
    /// The records of all batches of new data, by where they went at first.
    pub counts: Counts,
    objects: BTreeMap<(u64, u64, String), Object>,
    places: BTreeMap<String, (u64, u64)>,
}

impl View {
    pub(super) fn empty(pipeline: &PipelineId) -> Self {
        Self {
            pipeline: pipeline.clone(),
            seq: 0,
            batches: 0,
            last: None,
            position: None,
            counts: Counts::default(),
            objects: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    pub(super) async fn read(ledger: &impl Ledger, pipeline: &PipelineId, last: u64) -> Result<Self> {
        let mut view = Self::empty(pipeline);
        let mut entries = ledger.entries(pipeline, 0);
        while view.seq < last
            && let Some(entry) = entries.try_next().await?
        {
            let manifest = ledger.manifest(&entry.commit).await?;
            view.apply(&entry.commit, manifest);
        }
        Ok(view)
    }

    /// Adds the next commit.
    pub(crate) fn apply(&mut self, commit: &Commit, manifest: Manifest) {
        for location in &manifest.retired {
            if let Some((batch, seq)) = self.places.remove(location) {
                self.objects.remove(&(batch, seq, location.clone()));
            }
        }
        let raw = manifest.raw.map(|raw| Output {
            sink: "raw".into(),
            location: raw.location,
            bytes: raw.bytes,
            records: commit.counts.read,
            sha256: Some(raw.sha256),
            format: None,
            compression: raw.compression,
            partition: None,
        });
        for output in raw.into_iter().chain(manifest.outputs).chain(manifest.quarantined) {
            let Some(zone) = Zone::of(&output.location) else { continue };
            self.places.insert(output.location.clone(), (commit.batch, commit.seq));
            let object = Object {
                zone,
                dataset: commit.envelope.origin.dataset.clone(),
                seq: commit.seq,
                batch: commit.batch,
                bytes: output.bytes,
                records: output.records,
                sha256: output.sha256,
                compression: output.compression,
                format: output.format,
                partition: output.partition,
                location: output.location,
            };
            self.objects.insert((object.batch, object.seq, object.location.clone()), object);
        }
        self.seq = commit.seq;
        if commit.batches > self.batches {
            self.counts.add(&commit.counts);
        }
        self.batches = commit.batches;
        self.last = Some(commit.committed_at);
        self.position = Some(commit.to.clone());
    }

    /// The objects that count, by batch, commit and key.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// The objects of a batch.
    pub fn of_batch(&self, batch: u64) -> impl Iterator<Item = &Object> {
        self.objects.range((batch, 0, String::new())..(batch + 1, 0, String::new())).map(|(_, object)| object)
    }

    /// The objects that count, by batch, commit and key.
    pub fn into_objects(self) -> impl Iterator<Item = Object> {
        self.objects.into_values()
    }

    /// Whether an object counts.
    #[must_use]
    pub fn holds(&self, location: &str) -> bool {
        self.places.contains_key(location)
    }

    /// The objects added up by dataset and zone.
    #[must_use]
    pub fn summary(&self) -> BTreeMap<(Dataset, Zone), Summary> {
        let mut all: BTreeMap<_, Summary> = BTreeMap::new();
        for object in self.objects() {
            let sum = all.entry((object.dataset.clone(), object.zone)).or_default();
            sum.objects += 1;
            sum.records += object.records;
            sum.bytes += object.bytes;
        }
        all
    }
}
