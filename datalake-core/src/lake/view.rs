//! What the commits of a pipeline leave standing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde::Serialize;

use super::layout::Zone;
use crate::Result;
use crate::codec::Compression;
use crate::digest::Sha256;
use crate::id::{Dataset, PipelineId};
use crate::ledger::{Commit, CommitKind, Ledger, Manifest, Part};
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
    /// The batch whose records it holds; of a joined object the first.
    pub batch: u64,
    /// Its length, as stored.
    pub bytes: u64,
    /// Its records that count; for the raw zone those cut from its documents.
    pub records: u64,
    /// The digest of its bytes, as stored.
    pub sha256: Option<Sha256>,
    /// How it is compressed.
    pub compression: Compression,
    /// How its records are written.
    pub format: Option<String>,
    /// Its partition.
    pub partition: Option<String>,
    /// If it was joined out of others: whose records it holds, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Batches in a joined object that were made again since: their records in it count no more.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remade: BTreeSet<u64>,
}

impl Object {
    /// Whether it holds records of a batch that count.
    #[must_use]
    pub fn holds(&self, batch: u64) -> bool {
        match &self.parts[..] {
            [] => self.batch == batch,
            parts => !self.remade.contains(&batch) && parts.iter().any(|part| part.batch == batch),
        }
    }

    /// Whether no other batch has records in it that count.
    pub(crate) fn is_only_of(&self, batch: u64) -> bool {
        self.live().all(|(part, _)| part.batch == batch)
    }

    /// Its records that count, each run of them with their numbers in the object, counted from 0.
    pub(crate) fn live(&self) -> impl Iterator<Item = (Part, Range<u64>)> {
        let whole = Part { batch: self.batch, seq: self.seq, records: self.records };
        let parts = if self.parts.is_empty() { vec![whole] } else { self.parts.clone() };
        let rows: Vec<_> = Part::rows(&parts).collect();
        rows.into_iter().filter(|(part, _)| !self.remade.contains(&part.batch))
    }

    /// The numbers of its records that count, counted from 0.
    pub(crate) fn rows(&self) -> Vec<Range<u64>> {
        let mut rows: Vec<Range<u64>> = Vec::new();
        for (_, next) in self.live() {
            match rows.last_mut() {
                Some(last) if last.end == next.start => last.end = next.end,
                _ => rows.push(next),
            }
        }
        rows
    }

    /// All records in it, whether they count or not.
    pub(crate) fn stored_records(&self) -> u64 {
        match &self.parts[..] {
            [] => self.records,
            parts => parts.iter().map(|part| part.records).sum(),
        }
    }
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
    joined: BTreeSet<String>,
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
            joined: BTreeSet::new(),
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
            self.remove(location);
        }
        if commit.kind == CommitKind::Rebuild {
            self.remake(commit.batch);
        }
        let mut parts = manifest.parts;
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
            let parts = parts.remove(&output.location).unwrap_or_default();
            let batch = parts.first().map_or(commit.batch, |part| part.batch);
            if !parts.is_empty() {
                self.joined.insert(output.location.clone());
            }
            self.places.insert(output.location.clone(), (batch, commit.seq));
            let object = Object {
                zone,
                dataset: commit.envelope.origin.dataset.clone(),
                seq: commit.seq,
                batch,
                bytes: output.bytes,
                records: output.records,
                sha256: output.sha256,
                compression: output.compression,
                format: output.format,
                partition: output.partition,
                location: output.location,
                parts,
                remade: BTreeSet::new(),
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

    /// The objects that hold records of a batch, joined ones last.
    pub fn of_batch(&self, batch: u64) -> impl Iterator<Item = &Object> {
        let own = self.objects.range((batch, 0, String::new())..(batch + 1, 0, String::new()));
        let own = own.map(|(_, object)| object).filter(|object| object.parts.is_empty());
        let joined = self.joined.iter().filter_map(|location| self.object(location));
        own.chain(joined.filter(move |object| object.holds(batch)))
    }

    /// The object of a key, if it counts.
    #[must_use]
    pub fn object(&self, location: &str) -> Option<&Object> {
        let (batch, seq) = self.places.get(location)?;
        self.objects.get(&(*batch, *seq, location.to_owned()))
    }

    fn remove(&mut self, location: &str) {
        self.joined.remove(location);
        if let Some((batch, seq)) = self.places.remove(location) {
            self.objects.remove(&(batch, seq, location.to_owned()));
        }
    }

    /// The records of a batch in joined objects count no more.
    fn remake(&mut self, batch: u64) {
        for location in &self.joined {
            let Some((first, seq)) = self.places.get(location) else { continue };
            let Some(object) = self.objects.get_mut(&(*first, *seq, location.clone())) else { continue };
            if object.holds(batch) {
                object.remade.insert(batch);
                object.records = object.live().map(|(part, _)| part.records).sum();
            }
        }
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
