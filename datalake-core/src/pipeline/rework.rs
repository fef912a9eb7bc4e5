//! Replaying the quarantine and rebuilding from the raw zone. The source is not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::Shared;
use super::chain::{Transformed, Untouched};
use super::landing::{Slot, commit, write};
use super::progress::Progress;
use super::report::Report;
use crate::batch::Batch;
use crate::envelope::Envelope;
use crate::id::BatchId;
use crate::lake::{Lake, Object, QuarantineLine, View, Zone};
use crate::ledger::{
    Appended, Commit, CommitKind, DocumentRow, DocumentTable, Entry, LostInARow, ManifestAt, check_age,
};
use crate::record::{Record, RecordRef};
use crate::records::{Counts, Rejected};
use crate::{Document, Error, ErrorKind, Format, Result};

/// What is to become of one batch.
struct Remade {
    documents: Vec<Document>,
    records: Vec<Record>,
    rejected: Vec<Rejected>,
    counts: Counts,
    hops: Vec<crate::Hop>,
    retired: Vec<String>,
}

/// Boxed, as the next, for the reason that [`engine::run`](super::engine::run) is.
pub(super) fn replay<'a>(shared: &'a Shared, lake: &'a Lake) -> BoxFuture<'a, Result<Report>> {
    Box::pin(each_batch(shared, lake, CommitKind::Replay, |view, batch| {
        view.of_batch(batch).any(|object| object.zone == Zone::Quarantine)
    }))
}

pub(super) fn rebuild<'a>(shared: &'a Shared, lake: &'a Lake) -> BoxFuture<'a, Result<Report>> {
    Box::pin(each_batch(shared, lake, CommitKind::Rebuild, |_, _| true))
}

/// Goes through the batches that the ledger holds now, remaking those that are wanted. One that cannot be remade stays
/// as it is and costs no other: the first of such errors is given at the end.
async fn each_batch(
    shared: &Shared,
    lake: &Lake,
    kind: CommitKind,
    wanted: fn(&View, u64) -> bool,
) -> Result<Report> {
    let mut report = Report::new(shared.id.clone(), shared.ambient.now());
    let run = shared.ambient.attempt().to_string();
    shared.chain.reset();
    let mut view = lake.view(&shared.id).await?;
    let batches = data_commits(shared).await?;
    let mut left: u64 = batches
        .iter()
        .filter(|(batch, _)| wanted(&view, **batch))
        .map(|(_, entry)| entry.commit.bytes_in)
        .sum();
    let mut progress = Progress { started: report.started, ..Progress::default() };
    let mut failed: Option<(Error, u64)> = None;
    for (batch, entry) in batches {
        let mut lost = LostInARow::default();
        let bytes = if wanted(&view, batch) { entry.commit.bytes_in } else { 0 };
        progress.remaining.bytes = Some(left);
        progress.updated = shared.ambient.now();
        shared.progress.send_replace(progress);
        while wanted(&view, batch) {
            let remade = match kind {
                CommitKind::Replay => replayed(shared, lake, &view, &entry.commit).await,
                _ => rebuilt(shared, lake, &view, &entry.commit).await,
            };
            let remade = match remade {
                Ok(remade) => remade,
                Err(error) if is_of_one_batch(&error) => {
                    tracing::warn!(pipeline = %shared.id, batch, %error, "a batch cannot be remade and stays as it is");
                    failed = Some(failed.map_or((error, 1), |(first, n)| (first, n + 1)));
                    break;
                }
                Err(error) => return Err(error),
            };
            match put(shared, kind, &run, &entry.commit, remade, view.seq).await? {
                Some(commit) => {
                    report.add(&commit);
                    if let ManifestAt::Here(manifest) = &commit.manifest {
                        view.apply(&commit, manifest.clone());
                    }
                    break;
                }
                None => {
                    report.lost_slots += 1;
                    lost.add(&shared.id)?;
                }
            }
            view = lake.view(&shared.id).await?;
        }
        left -= bytes.min(left);
        progress.bytes_read += bytes;
        progress.bytes_committed += bytes;
        (progress.counts, progress.commits) = (report.counts, report.commits);
    }
    progress.remaining.bytes = Some(0);
    progress.updated = shared.ambient.now();
    shared.progress.send_replace(progress);
    report.ended = shared.ambient.now();
    match failed {
        None => Ok(report),
        Some((first, n)) => Err(first.with("batches_left", n).with("batches_done", report.commits)),
    }
}

/// Whether an error is of what a batch is made from: it is not there, not whole, or its records cannot be told.
fn is_of_one_batch(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Unsupported)
}

async fn data_commits(shared: &Shared) -> Result<BTreeMap<u64, Entry>> {
    let entries = shared.ledger.entries(&shared.id, 0);
    let data = entries.try_filter(|entry| std::future::ready(entry.commit.kind == CommitKind::Data));
    data.map_ok(|entry| (entry.commit.batch, entry)).try_collect().await
}

/// All records of a batch, from its documents.
async fn rebuilt(shared: &Shared, lake: &Lake, view: &View, original: &Commit) -> Result<Remade> {
    let manifest = shared.ledger.manifest(original).await?;
    let documents = lake.documents(&manifest).await?;
    let done = transform(shared, original, documents).await?;
    // A joined object counts on for the other batches in it.
    let retired = view
        .of_batch(original.batch)
        .filter(|object| object.zone != Zone::Raw && object.is_only_of(original.batch));
    Ok(Remade {
        documents: done.documents.to_vec(),
        counts: Counts {
            read: done.cut.iter().map(|&n| u64::from(n)).sum(),
            expanded: done.records.expanded,
            filtered: done.records.filtered,
            merged: done.records.merged,
            ..Counts::default()
        },
        records: done.records.records,
        rejected: done.records.rejected,
        hops: done.hops,
        retired: retired.map(|object| object.location.clone()).collect(),
    })
}

/// The records of a batch that are in quarantine, each from its own bytes.
///
/// A child is made again through its parent, so its siblings, which were written long ago, are left out of the result
/// and of the counts.
async fn replayed(shared: &Shared, lake: &Lake, view: &View, original: &Commit) -> Result<Remade> {
    let objects: Vec<Object> =
        view.of_batch(original.batch).filter(|object| object.zone == Zone::Quarantine).cloned().collect();
    let mut wanted: BTreeMap<u32, BTreeSet<u16>> = BTreeMap::new();
    let mut lines: BTreeMap<u32, QuarantineLine> = BTreeMap::new();
    for object in &objects {
        let content = lake.content(object).await?;
        for line in content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let line = QuarantineLine::parse(line)?;
            wanted.entry(line.id.ordinal).or_default().insert(line.id.child);
            lines.entry(line.id.ordinal).or_insert(line);
        }
    }
    let rows: Vec<DocumentRow> = shared.ledger.manifest(original).await?.documents.rows().collect();
    let again = Again::of(&lines, &rows)?;
    let documents = again.iter().map(|again| again.document.clone()).collect();
    let done = transform(shared, original, documents).await?;
    check_cut(&again, &done.cut, original)?;

    // A document of one record that gives more cannot be told to be the record it was. Of a whole document, a record is
    // the one it was if it is as far from the first as it was.
    let starts: Vec<u32> =
        done.cut.iter().scan(0, |next, &n| Some(std::mem::replace(next, *next + n))).collect();
    let place = |origin: RecordRef| {
        let (again, start) = (&again[usize::from(origin.document)], starts[usize::from(origin.document)]);
        let ordinal = again.first + (origin.ordinal - start);
        let children = wanted.get(&ordinal)?;
        let alone = again.whole || origin.ordinal == start;
        let kept = alone && (children.contains(&0) || children.contains(&origin.child));
        kept.then_some(RecordRef { ordinal, ..origin })
    };
    let mut counts =
        Counts { read: wanted.values().map(|children| children.len() as u64).sum(), ..Counts::default() };
    let mut made: BTreeMap<u32, u64> = BTreeMap::new();
    let mut records = done.records.records;
    records.retain_mut(|record| {
        let kept = place(record.origin());
        if let Some(origin) = kept {
            *record.origin_mut() = origin;
            *made.entry(origin.ordinal).or_default() += 1;
        }
        kept.is_some()
    });
    let mut rejected = done.records.rejected;
    rejected.retain_mut(|rejected| {
        let kept = place(rejected.origin);
        if let Some(origin) = kept {
            rejected.origin = origin;
            *made.entry(origin.ordinal).or_default() += 1;
        }
        kept.is_some()
    });
    for (ordinal, children) in &wanted {
        let (before, after) = (children.len() as u64, made.get(ordinal).copied().unwrap_or(0));
        counts.expanded += after.saturating_sub(before);
        counts.filtered += before.saturating_sub(after);
    }
    let retired = objects.into_iter().map(|object| object.location).collect();
    Ok(Remade { documents: done.documents.to_vec(), records, rejected, counts, hops: done.hops, retired })
}

/// A document to be cut once more, and the number in the batch of the first record in it.
struct Again {
    document: Document,
    first: u32,
    /// All the records that it had are in it.
    whole: bool,
    /// The records that it had.
    records: u32,
}

impl Again {
    /// Each refused record as a document of its own; those that cannot be read alone, in the document they were in.
    fn of(lines: &BTreeMap<u32, QuarantineLine>, rows: &[DocumentRow]) -> Result<Vec<Self>> {
        let mut again = Vec::new();
        for (&ordinal, line) in lines {
            let row = rows.partition_point(|row| row.first <= ordinal).checked_sub(1).map(|n| &rows[n]);
            match row {
                Some(row) if line.needs_document() => {
                    if line.bytes_with.is_none() {
                        let document = row.placed(line.document()?.at(row.offset));
                        again.push(Self { document, first: row.first, whole: true, records: row.records });
                    }
                }
                row => {
                    let document = line.document()?;
                    let document = row.map_or(document.clone(), |row| row.placed(document));
                    again.push(Self { document, first: ordinal, whole: false, records: 1 });
                }
            }
        }
        Ok(again)
    }
}

/// Refuses documents of which a decoder gives more or fewer records than it did: no record could be told to be the one
/// it was.
fn check_cut(again: &[Again], cut: &[u32], original: &Commit) -> Result<()> {
    let other = again.iter().zip(cut).find(|(again, cut)| {
        matches!(&**again.document.format(), Format::Decoded { .. }) && again.records != **cut
    });
    match other {
        Some((again, cut)) => {
            Err(Error::new(ErrorKind::Unsupported, "a document gives other records than it did; use rebuild")
                .with("locator", again.document.locator())
                .with("batch", original.batch)
                .with("records", cut)
                .with("before", again.records))
        }
        None => Ok(()),
    }
}

/// Fails before anything is remade if the records of a document cannot be told.
async fn transform(shared: &Shared, original: &Commit, documents: Vec<Document>) -> Result<Transformed> {
    let unknown = documents.iter().find(|document| !shared.chain.knows(document));
    if let Some(document) = unknown
        && let Format::Decoded { decoder, .. } = &**document.format()
    {
        return Err(Error::new(ErrorKind::Unsupported, "this worker has no decoder of that name")
            .with("decoder", decoder)
            .with("locator", document.locator())
            .with("batch", original.batch));
    }
    let untouched = Untouched {
        documents,
        acquired: original.envelope.acquired,
        requests: Vec::new(),
        derived_from: Vec::new(),
        position: original.to.clone(),
    };
    shared.chain.apply(shared.means(), untouched).await
}

/// Writes what was remade and commits it after `seq`. `None` if another worker took the slot.
async fn put(
    shared: &Shared,
    kind: CommitKind,
    run: &str,
    original: &Commit,
    remade: Remade,
    seq: u64,
) -> Result<Option<Commit>> {
    let head = shared.ledger.entry(&shared.id, seq).await?;
    let batch = Batch {
        id: BatchId { pipeline: shared.id.clone(), number: original.batch },
        attempt: shared.ambient.attempt(),
        dataset: original.envelope.origin.dataset.clone(),
        documents: remade.documents.into(),
        records: Arc::new(remade.records),
        envelope: Arc::new(Envelope {
            worker: shared.worker(),
            run: run.to_owned(),
            hops: remade.hops,
            ..original.envelope.clone()
        }),
    };
    let since = Instant::now();
    let written = write(shared, &batch, remade.rejected, remade.counts).await?;
    let slot = Slot {
        seq: seq + 1,
        batch: original.batch,
        batches: head.commit.batches,
        from: Some(head.commit.to.clone()),
    };
    let to = head.commit.to.clone();
    let documents = DocumentTable::default();
    let mut commit = commit(shared, kind, slot, to, &batch, documents, written, remade.retired);
    commit.previous = Some(head.sha256);
    check_age(&commit, since)?;
    Ok(match shared.ledger.append(&commit).await? {
        Appended::Mine(_) => Some(commit),
        Appended::Lost => None,
    })
}
