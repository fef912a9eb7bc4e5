//! Is the lake whole?

use std::collections::BTreeMap;
use std::fmt;

use futures::TryStreamExt;
use serde::Serialize;

use super::view::{Object, View};
use super::{Lake, Zone};
use crate::digest::Sha256;
use crate::id::PipelineId;
use crate::ledger::{Commit, CommitKind, Entry, Ledger, Manifest};
use crate::{ErrorKind, Result};

/// What is wrong with a lake, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The commit or object.
    pub at: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// What was checked, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The commits checked.
    pub commits: u64,
    /// The objects checked.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong. Empty if the lake is whole.
    pub problems: Vec<Problem>,
}

/// How far a check has come: the bytes of the objects looked at, and of all that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checking {
    /// Bytes checked.
    pub done: u64,
    /// Bytes in all.
    pub all: u64,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem { at: at.into(), what: what.into() });
    }

    fn check(&mut self, holds: bool, at: &str, what: &str) {
        if !holds {
            self.problem(at, what);
        }
    }
}

/// Walks the ledger of a pipeline and then reads every object that counts. `watch` is called before each.
pub(super) async fn verify(
    lake: &Lake,
    pipeline: &PipelineId,
    mut watch: impl FnMut(Checking) + Send,
) -> Result<Verified> {
    let mut found =
        Verified { pipeline: pipeline.clone(), commits: 0, objects: 0, bytes: 0, problems: Vec::new() };
    let Some(view) = walk(lake, pipeline, &mut found).await? else { return Ok(found) };
    let all = view.objects().map(|object| object.bytes).sum();
    for object in view.objects() {
        watch(Checking { done: found.bytes, all });
        found.objects += 1;
        found.bytes += object.bytes;
        if let Some(what) = object_problem(lake, object).await? {
            found.problem(&object.location, what);
        }
    }
    watch(Checking { done: found.bytes, all });
    Ok(found)
}

/// Checks the chain of commits. Gives no view if it cannot be read to its end.
async fn walk(lake: &Lake, pipeline: &PipelineId, found: &mut Verified) -> Result<Option<View>> {
    let ledger = lake.ledger();
    let mut view: Option<View> = None;
    let mut before: Option<Entry> = None;
    let mut entries = ledger.entries(pipeline, 0);
    loop {
        let entry = match entries.try_next().await {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(view),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                found.problem(format!("{pipeline}#{}", found.commits + 1), error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        found.commits += 1;
        check_commit(&entry.commit, before.as_ref(), found);
        match ledger.manifest(&entry.commit).await {
            Ok(manifest) => {
                check_manifest(&entry.commit, &manifest, found);
                let view = view.get_or_insert_with(|| View::empty(pipeline));
                check_joined(&entry.commit, &manifest, view, found);
                view.apply(&entry.commit, manifest);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
                found.problem(entry.commit.name(), error.to_string());
            }
            Err(error) => return Err(error),
        }
        before = Some(entry);
    }
}

fn check_commit(commit: &Commit, before: Option<&Entry>, found: &mut Verified) {
    let name = commit.name();
    let data = u64::from(commit.kind == CommitKind::Data);
    let last = before.map(|entry| &entry.commit);
    found.check(commit.seq == last.map_or(0, |last| last.seq) + 1, &name, "a slot before it is empty");
    found.check(commit.previous == before.map(|entry| entry.sha256), &name, "the hash chain is broken");
    found.check(
        commit.from.as_ref() == last.map(|last| &last.to),
        &name,
        "it does not begin where the last ended",
    );
    found.check(
        commit.batches == last.map_or(0, |last| last.batches) + data,
        &name,
        "its batches are miscounted",
    );
    found.check(commit.counts.balance(), &name, "its counts do not balance");
}

fn check_manifest(commit: &Commit, manifest: &Manifest, found: &mut Verified) {
    let name = commit.name();
    let sum = |outputs: &[crate::Output]| outputs.iter().map(|output| output.records).sum::<u64>();
    found.check(
        sum(&manifest.quarantined) == commit.counts.quarantined,
        &name,
        "quarantined records are miscounted",
    );
    if commit.kind == CommitKind::Data {
        let read: u64 = manifest.documents.rows().map(|row| u64::from(row.records)).sum();
        let bytes: u64 = manifest.documents.rows().map(|row| row.bytes).sum();
        found.check(read == commit.counts.read, &name, "the records of its documents are miscounted");
        found.check(bytes == commit.bytes_in, &name, "the bytes of its documents are miscounted");
    }
}

/// What was joined has the same records, batch by batch, as what it was joined out of.
fn check_joined(commit: &Commit, manifest: &Manifest, before: &View, found: &mut Verified) {
    if commit.kind != CommitKind::Compact {
        return;
    }
    let name = commit.name();
    let mut balance: BTreeMap<(u64, u64), i128> = BTreeMap::new();
    for location in &manifest.retired {
        match before.object(location) {
            Some(object) => object.live().for_each(|(part, _)| {
                *balance.entry((part.batch, part.seq)).or_default() += i128::from(part.records);
            }),
            None => found.problem(&name, format!("it joins {location}, which does not count")),
        }
    }
    for part in manifest.parts.values().flatten() {
        *balance.entry((part.batch, part.seq)).or_default() -= i128::from(part.records);
    }
    found.check(balance.values().all(|n| *n == 0), &name, "it does not hold the records of what it joins");
    let records: u64 = manifest.outputs.iter().map(|output| output.records).sum();
    let parts = |output: &crate::Output| {
        let parts = manifest.parts.get(&output.location).into_iter().flatten();
        parts.map(|part| part.records).sum::<u64>()
    };
    let miscounted = manifest.outputs.iter().any(|output| parts(output) != output.records);
    found.check(!miscounted && records == commit.counts.written, &name, "its joined records are miscounted");
}

async fn object_problem(lake: &Lake, object: &Object) -> Result<Option<String>> {
    let bytes = match lake.patient().get(&object.location).await {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => {
            return Ok(Some(error.message().to_owned()));
        }
        Err(error) => return Err(error),
    };
    if bytes.len() as u64 != object.bytes {
        return Ok(Some(format!("it has {} bytes and should have {}", bytes.len(), object.bytes)));
    }
    if object.sha256.is_some_and(|sha256| sha256 != Sha256::of(&bytes)) {
        return Ok(Some("its checksum is wrong".into()));
    }
    let content = match object.compression.decompress(&bytes, super::TRUSTED) {
        Ok(content) => content,
        Err(error) => return Ok(Some(error.to_string())),
    };
    if object.zone == Zone::Raw || object.format.is_none() {
        return Ok(None);
    }
    // What this worker cannot read is whole if its digest is right.
    let Ok(format) = lake.format(object) else { return Ok(None) };
    let lines = match format.lines(&content) {
        Ok(lines) => memchr::memchr_iter(b'\n', &lines).count() as u64,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let expected = object.stored_records();
    Ok((lines != expected).then(|| format!("it has {lines} records and should have {expected}")))
}
