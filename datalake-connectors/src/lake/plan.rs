//! What of a commit is to be read.

use std::collections::BTreeSet;

use datalake_core::lake::{Lake, Object, Zone};
use datalake_core::ledger::{Commit, CommitKind, Ledger, Manifest};
use datalake_core::{Dataset, Derived, Error, ErrorKind, Output, PipelineId, Result};
use futures::TryStreamExt;

use super::position::{Lane, Part, Standing};

/// What of a commit, or of a lane as it stands, is to be read.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// The documents of a commit.
    Documents(Box<Manifest>, Derived),
    /// Objects, whole or from a batch on.
    Objects(Vec<Reading>),
}

/// An object to be read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) object: Object,
    /// Only the lines of this batch and later ones.
    pub(super) from: Option<u64>,
}

/// The zone that is read, and the locator under which what was made from it names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) zone: Zone,
    pub(super) dataset: &'a Dataset,
    pub(super) locator: &'a str,
}

impl Of<'_> {
    /// Whether a commit is one to read: it brought records to the dataset that were not there before, and did not make
    /// them from this zone.
    pub(super) fn takes(&self, commit: &Commit) -> bool {
        let origin = &commit.envelope.origin;
        let brings = match self.zone {
            Zone::Raw => commit.kind == CommitKind::Data,
            _ => matches!(commit.kind, CommitKind::Data | CommitKind::Replay),
        };
        brings && origin.dataset == *self.dataset && origin.locator != self.locator
    }

    /// What of a commit is to be read; `None` if there is nothing.
    pub(super) async fn plan(&self, lake: &Lake, commit: &Commit) -> Result<Option<Plan>> {
        if !self.takes(commit) {
            return Ok(None);
        }
        let manifest = lake.ledger().manifest(commit).await?;
        if self.zone == Zone::Raw {
            let Some(raw) = manifest.raw.as_ref().filter(|_| !manifest.documents.is_empty()) else {
                return Ok(None);
            };
            let of = Derived {
                pipeline: commit.pipeline.clone(),
                commit: commit.seq,
                uri: uri(lake, &raw.location),
                sha256: Some(raw.sha256),
                bytes: raw.bytes,
                records: commit.counts.read,
            };
            return Ok(Some(Plan::Documents(Box::new(manifest), of)));
        }
        let objects = written(commit, manifest).map(|object| Reading { object, from: None }).collect();
        Ok(Some(Plan::Objects(objects)).filter(|plan| !plan.is_empty()))
    }

    /// The lane as a commit left it, from the batch on whose objects are gone: what was not read before, once.
    pub(super) async fn standing(
        &self,
        lake: &Lake,
        pipeline: &PipelineId,
        after: u64,
        standing: Standing,
    ) -> Result<Plan> {
        let mut objects = Vec::new();
        let mut entries = lake.entries(pipeline, after);
        while let Some(entry) = entries.try_next().await?.filter(|entry| entry.commit.seq <= standing.seq) {
            // A replay of a batch that was read before has what was not in it then.
            if entry.commit.batch < standing.batch && self.takes(&entry.commit) {
                let manifest = lake.ledger().manifest(&entry.commit).await?;
                objects.extend(written(&entry.commit, manifest).map(|object| Reading { object, from: None }));
            }
        }
        let view = lake.view_at(pipeline, standing.seq).await?;
        let stands = view.into_objects().filter(|object| {
            object.zone == self.zone && object.dataset == *self.dataset && object.seq > after
        });
        objects.extend(stands.map(|object| Reading { object, from: Some(standing.batch) }));
        Ok(Plan::Objects(objects))
    }
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many objects or documents there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Documents(manifest, _) => manifest.documents.len(),
            Self::Objects(objects) => objects.len(),
        }
    }
}

/// The lane as its last commit leaves it, to be read in the place of a commit whose object is gone.
pub(super) async fn jump(lake: &Lake, commit: &Commit, lane: &Lane) -> Result<Standing> {
    let begun = lane.part.as_ref().is_some_and(|part| *part != Part { object: 0, offset: 0, standing: None });
    let gone = |message: &'static str| {
        let error = Error::new(ErrorKind::PositionInvalid, message).with("commit", commit.name());
        Err(error)
    };
    if begun {
        return gone("an object was superseded and removed while its commit, or the lane, was being read");
    }
    if commit.kind != CommitKind::Data {
        return gone("what a replay has written was superseded and removed before it was read");
    }
    let head = lake.ledger().head(&commit.pipeline).await?;
    match head.filter(|head| head.commit.seq > commit.seq) {
        Some(head) => Ok(Standing { seq: head.commit.seq, batch: commit.batch }),
        None => {
            let error = Error::new(ErrorKind::Corrupt, "an object that counts is missing");
            Err(error.with("commit", commit.name()))
        }
    }
}

pub(super) fn derived(lake: &Lake, pipeline: &PipelineId, object: &Object) -> Derived {
    Derived {
        pipeline: pipeline.clone(),
        commit: object.seq,
        uri: uri(lake, &object.location),
        sha256: object.sha256,
        bytes: object.bytes,
        records: object.records,
    }
}

/// Where something in a lake is.
pub(super) fn uri(lake: &Lake, location: &str) -> String {
    let uri = lake.store().uri();
    let slash = if uri.ends_with('/') { "" } else { "/" };
    format!("{uri}{slash}{location}")
}

/// The curated objects that a commit has written.
fn written(commit: &Commit, manifest: Manifest) -> impl Iterator<Item = Object> {
    let outputs = manifest.outputs.into_iter();
    let curated = outputs.filter(|output| Zone::of(&output.location) == Some(Zone::Curated));
    curated.map(|output| {
        let Output { location, bytes, records, sha256, format, compression, partition, .. } = output;
        Object {
            location,
            zone: Zone::Curated,
            dataset: commit.envelope.origin.dataset.clone(),
            seq: commit.seq,
            batch: commit.batch,
            bytes,
            records,
            sha256,
            compression,
            format,
            partition,
            parts: Vec::new(),
            remade: BTreeSet::new(),
        }
    })
}
