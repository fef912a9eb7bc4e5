//! What a source gives: everything, the same each time, in batches of a decent size, and then rest.

use super::SourceHarness;
use super::reading::{EMPTY, Reading, read_all};
use super::unit::{bodies, same, units};
use crate::source::Next;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure};

const MOST_DOCUMENTS: usize = 65_535;
const MOST_BYTES: usize = 8 << 20;

/// Every record of the silo is read, once, in order.
///
/// # Errors
/// The source fails the case.
pub async fn reads_everything(harness: &dyn SourceHarness) -> CaseResult {
    let (batches, expected) = read_all(harness).await?;
    ensure!(!expected.is_empty(), "the harness expects nothing, which proves nothing");
    bodies(&units(&harness.decoders(), &batches), &expected)?;
    Ok(Outcome::Passed)
}

/// Two sources give the same records at the same places, whatever the batches. The ids of records depend on it.
///
/// # Errors
/// The source fails the case.
pub async fn reads_the_same_twice(harness: &dyn SourceHarness) -> CaseResult {
    let mut first = Reading::start(harness, None).await?;
    if harness.is_live() || !first.source.info().can_seek {
        return Ok(Outcome::Skipped("the source cannot go back"));
    }
    let once = units(&harness.decoders(), &first.drain().await?);
    drop(first);
    let again = units(&harness.decoders(), &Reading::start(harness, None).await?.drain().await?);
    same(&again, &once).map_err(|failure| failure.during("reading again"))?;
    Ok(Outcome::Passed)
}

/// What a source says of itself does not change while it reads.
///
/// # Errors
/// The source fails the case.
pub async fn info_is_constant(harness: &dyn SourceHarness) -> CaseResult {
    let mut reading = Reading::start(harness, None).await?;
    let before = format!("{:?}", reading.source.info());
    if !harness.is_live() {
        reading.drain().await?;
    }
    let after = format!("{:?}", reading.source.info());
    ensure!(before == after, "the source said {before}, and {after} after it had read");
    Ok(Outcome::Passed)
}

/// A batch has at most 65,535 documents, and at most 8 MiB of them beside its largest.
///
/// # Errors
/// The source fails the case.
pub async fn batches_are_bounded(harness: &dyn SourceHarness) -> CaseResult {
    for batch in read_all(harness).await?.0 {
        let documents = batch.documents.len();
        ensure!(documents <= MOST_DOCUMENTS, "a batch has {documents} documents");
        let largest = batch.documents.iter().map(crate::Document::len).max().unwrap_or(0);
        let others = batch.bytes() - largest;
        ensure!(others <= MOST_BYTES, "a batch has {others} bytes beside its largest document");
    }
    Ok(Outcome::Passed)
}

/// A batch without documents is given only to move the position on.
///
/// # Errors
/// The source fails the case.
pub async fn empty_batch_moves_on(harness: &dyn SourceHarness) -> CaseResult {
    let mut last = None;
    for batch in read_all(harness).await?.0 {
        let stays = last.as_ref() == Some(&batch.position);
        ensure!(
            !(batch.documents.is_empty() && stays),
            "a batch without documents stays at {}",
            batch.position
        );
        last = Some(batch.position);
    }
    Ok(Outcome::Passed)
}

/// A source that has given everything says so: idle with a time to wait, or at its end for good. It gives no more
/// batches for ever.
///
/// # Errors
/// The source fails the case.
pub async fn rests_when_drained(harness: &dyn SourceHarness) -> CaseResult {
    let mut reading = Reading::start(harness, None).await?;
    let held = if harness.is_live() { Vec::new() } else { reading.drain().await? };
    if let Some(batch) = held.last() {
        reading.commit(&batch.position).await?;
    }
    let (mut ended, mut empty) = (false, 0);
    let mut rests = 0;
    while rests < 3 {
        match reading.source.next_batch().await? {
            Next::Batch(batch) if batch.documents.is_empty() => empty += 1,
            Next::Batch(_) => return Err(Failure::new("documents came after the source was drained")),
            Next::Idle(wait) => {
                ensure!(!ended, "the source was at its end and is now idle");
                ensure!(!wait.is_zero(), "the source is idle for no time, which is a spin");
                rests += 1;
            }
            Next::End => {
                ended = true;
                rests += 1;
            }
        }
        ensure!(empty < EMPTY, "{EMPTY} batches without a document from a drained source");
    }
    Ok(Outcome::Passed)
}

/// A source that was idle gives what the silo got since, and nothing twice.
///
/// # Errors
/// The source fails the case.
pub async fn goes_on_after_idle(harness: &dyn SourceHarness) -> CaseResult {
    let mut reading = Reading::start(harness, None).await?;
    if !harness.is_live() {
        reading.drain().await?;
        if matches!(reading.source.next_batch().await?, Next::End) {
            return Ok(Outcome::Skipped("the source ends"));
        }
    }
    for _ in 0..2 {
        let Some(fed) = harness.feed().await else {
            return Ok(Outcome::Skipped("the silo does not grow"));
        };
        let batches = reading.take(fed.bodies.len()).await?;
        bodies(&units(&harness.decoders(), &batches), &fed.bodies)
            .map_err(|failure| failure.during("reading what was added"))?;
        if let Some(batch) = batches.last() {
            reading.commit(&batch.position).await?;
        }
    }
    Ok(Outcome::Passed)
}

/// Closing works, before anything was read and after everything was.
///
/// # Errors
/// The source fails the case.
pub async fn close_is_quiet(harness: &dyn SourceHarness) -> CaseResult {
    harness.open().await?.close().await.map_err(|error| Failure::from(error).during("closing unread"))?;
    let mut reading = Reading::start(harness, None).await?;
    if !harness.is_live() {
        reading.drain().await?;
    }
    reading.source.close().await.map_err(|error| Failure::from(error).during("closing"))?;
    Ok(Outcome::Passed)
}
