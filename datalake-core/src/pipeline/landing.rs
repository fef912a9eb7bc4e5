//! A group becomes durable: archive, sinks, quarantine, and the commit that names what they wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::{join, try_join_all};

use super::Shared;
use super::group::Group;
use crate::batch::Batch;
use crate::document::Document;
use crate::envelope::{Envelope, Origin};
use crate::id::BatchId;
use crate::ledger::{Commit, CommitKind, DocumentTable, Manifest, ManifestAt};
use crate::position::Position;
use crate::records::{Counts, Rejected, Step};
use crate::sink::{Output, RawObject, Receipt};
use crate::{Error, ErrorKind, RecordError, Result};

/// The place a commit is to take, as far as can be said before its turn.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) seq: u64,
    pub(super) batch: u64,
    pub(super) batches: u64,
    pub(super) from: Option<Position>,
}

/// What the sinks made of a batch.
pub(super) struct Written {
    pub(super) raw: Option<RawObject>,
    pub(super) outputs: Vec<Output>,
    pub(super) quarantined: Vec<Output>,
    pub(super) counts: Counts,
    pub(super) reasons: BTreeMap<String, u64>,
}

/// Writes a group of new data and makes its commit, all but the link to the entry before.
pub(super) async fn land(shared: &Shared, run: &str, group: Group, slot: Slot) -> Result<Commit> {
    let envelope = Arc::new(Envelope {
        origin: Origin {
            system: shared.info.system.clone(),
            dataset: shared.info.dataset.clone(),
            locator: shared.info.locator.clone(),
            requests: group.requests,
        },
        acquired: group.acquired,
        worker: shared.worker(),
        run: run.to_owned(),
        hops: group.hops,
        derived_from: group.derived_from,
    });
    let firsts = group.cut.iter().scan(0, |next, &n| Some(std::mem::replace(next, *next + n)));
    let documents = group.documents.into_iter().zip(firsts);
    let batch = Batch {
        id: BatchId { pipeline: shared.id.clone(), number: slot.batch },
        attempt: shared.ambient.attempt(),
        dataset: shared.info.dataset.clone(),
        documents: documents.map(|(document, first)| document.numbered(first)).collect(),
        records: Arc::new(group.records),
        envelope,
    };
    let archived = async {
        match &shared.archive {
            Some(archive) if !batch.documents.is_empty() => {
                shared.options.retry.run(&shared.ambient, || archive.store(&batch)).await.map(Some)
            }
            _ => Ok(None),
        }
    };
    let (raw, written) = join(archived, write(shared, &batch, group.rejected, group.counts)).await;
    let written = Written { raw: raw?, ..written? };
    let documents = DocumentTable::new(batch.documents.iter().zip(group.cut));
    let to = group.position;
    Ok(commit(shared, CommitKind::Data, slot, to, &batch, documents, written, Vec::new()))
}

/// Gives the records of a batch to every sink, and what is refused to the quarantine.
pub(super) async fn write(
    shared: &Shared,
    batch: &Batch,
    mut rejected: Vec<Rejected>,
    mut counts: Counts,
) -> Result<Written> {
    let retry = &shared.options.retry;
    let writes = shared.sinks.iter().filter(|_| !batch.records.is_empty()).map(|sink| async {
        let receipt = retry.run(&shared.ambient, || sink.write(batch)).await;
        receipt.map_err(|error| error.component(sink.info().name.clone()).with("batch", &batch.id))
    });
    let receipts = try_join_all(writes).await?;
    refuse(shared, batch, &receipts, &mut rejected)?;
    let refused: BTreeSet<_> =
        receipts.iter().flat_map(|r| r.refused.iter().map(|refused| refused.index)).collect();
    counts.quarantined = rejected.len() as u64;
    counts.written = match shared.sinks.is_empty() {
        // Durable in the archive, all of them.
        true => counts.read + counts.expanded - counts.filtered - counts.merged - counts.quarantined,
        false => (batch.records.len() - refused.len()) as u64,
    };
    let mut reasons = BTreeMap::new();
    for rejected in &rejected {
        *reasons.entry(rejected.error.reason.to_string()).or_default() += 1;
    }
    let mut quarantined = Vec::new();
    if let Some(first) = rejected.first() {
        let quarantine = shared.quarantine.as_ref().ok_or_else(|| no_quarantine(batch, first))?;
        quarantined = retry.run(&shared.ambient, || quarantine.keep(batch, &rejected)).await?;
    }
    let outputs = receipts.into_iter().flat_map(|receipt| receipt.outputs).collect();
    Ok(Written { raw: None, outputs, quarantined, counts, reasons })
}

/// Adds what the sinks refused to what the transforms refused, each record once.
fn refuse(shared: &Shared, batch: &Batch, receipts: &[Receipt], rejected: &mut Vec<Rejected>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for (receipt, sink) in receipts.iter().zip(&shared.sinks) {
        let name = &sink.info().name;
        let step = Arc::new(Step { n: u32::MAX, name: name.clone(), version: "1".into() });
        for refused in &receipt.refused {
            let record = batch.records.get(refused.index).ok_or_else(|| {
                Error::unexpected("a sink refused a record that it was not given").component(name.clone())
            })?;
            if seen.insert(refused.index) {
                let error = RecordError { ..refused.error.clone() };
                rejected.push(Rejected { origin: record.origin(), step: Arc::clone(&step), error });
            }
        }
    }
    Ok(())
}

fn no_quarantine(batch: &Batch, first: &Rejected) -> Error {
    Error::new(ErrorKind::RecordInvalid, "a record was refused and the pipeline has no quarantine")
        .with("record", first.origin.id(&batch.id))
        .with("step", &first.step.name)
        .caused_by(first.error.clone())
}

/// The commit of what was written.
#[expect(clippy::too_many_arguments, reason = "the parts of a commit, put together in one place")]
pub(super) fn commit(
    shared: &Shared,
    kind: CommitKind,
    slot: Slot,
    to: Position,
    batch: &Batch,
    documents: DocumentTable,
    written: Written,
    retired: Vec<String>,
) -> Commit {
    let Written { raw, outputs, quarantined, counts, reasons } = written;
    let stored = outputs.iter().chain(&quarantined).map(|output| output.bytes).sum::<u64>();
    Commit {
        schema: Commit::SCHEMA.into(),
        pipeline: shared.id.clone(),
        seq: slot.seq,
        kind,
        batch: slot.batch,
        batches: slot.batches,
        attempt: batch.attempt.clone(),
        previous: None,
        committed_at: shared.ambient.now(),
        from: slot.from,
        to,
        envelope: (*batch.envelope).clone(),
        counts,
        bytes_in: batch.documents.iter().map(|document: &Document| document.len() as u64).sum(),
        bytes_out: stored + raw.as_ref().map_or(0, |raw| raw.bytes),
        reasons,
        manifest: ManifestAt::Here(Manifest {
            raw,
            documents,
            outputs,
            quarantined,
            retired,
            ..Manifest::default()
        }),
    }
}
