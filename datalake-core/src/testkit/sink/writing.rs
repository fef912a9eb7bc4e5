//! Batches that are written.

use std::collections::BTreeSet;

use super::SinkHarness;
use super::reading::{of, readable, written};
use crate::digest::Sha256;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure};

/// After `Ok`, every record can be read, though the sink is gone and was never closed.
///
/// # Errors
/// The sink fails the case.
pub async fn ok_means_durable(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let mut receipts = Vec::new();
    for number in 1..=3 {
        let batch = of(harness, number, 10).build()?;
        receipts.push((sink.write(&batch).await?, batch));
    }
    drop(sink);
    for (receipt, batch) in &receipts {
        let refused = receipt.refused.len();
        ensure!(refused == 0, "{refused} records that the sink should take are refused");
        readable(harness, batch, receipt).await?;
    }
    Ok(Outcome::Passed)
}

/// The outputs of a receipt have distinct places, together as many records as were written, and the length and digest
/// of what is stored.
///
/// # Errors
/// The sink fails the case.
pub async fn outputs_name_what_was_written(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let mut places = BTreeSet::new();
    for number in 1..=2 {
        let batch = of(harness, number, 50).build()?;
        let receipt = written(harness, &*sink, &batch).await?;
        let (mut records, kept) = (0, batch.records.len() - receipt.refused.len());
        for output in &receipt.outputs {
            records += output.records;
            ensure!(output.records > 0, "an output has no records: {output:?}");
            ensure!(!output.sink.is_empty(), "an output does not name its sink: {output:?}");
            let new = places.insert(output.location.clone());
            ensure!(new || harness.is_stream(), "two outputs are at {:?}", output.location);
            let Some(stored) = harness.stored(output).await? else { continue };
            let (len, digest) = (stored.len() as u64, Sha256::of(&stored));
            ensure!(output.bytes == len, "an output of {len} bytes is said to have {}", output.bytes);
            ensure!(
                output.sha256 == Some(digest),
                "the digest of {} is not {:?}",
                output.location,
                output.sha256
            );
        }
        ensure!(records == kept as u64, "the outputs count {records} records, but {kept} were written");
    }
    Ok(Outcome::Passed)
}

/// A batch without records is fine and writes nothing.
///
/// # Errors
/// The sink fails the case.
pub async fn empty_batch_writes_nothing(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let batch = of(harness, 1, 0).build()?;
    let receipt = sink.write(&batch).await.map_err(|error| Failure::from(error).during("writing nothing"))?;
    let (outputs, refused) = (receipt.outputs.len(), receipt.refused.len());
    ensure!(outputs == 0, "a batch without records has {outputs} outputs");
    ensure!(refused == 0, "of no records, {refused} are refused");
    written(harness, &*sink, &of(harness, 2, 3).build()?).await?;
    Ok(Outcome::Passed)
}

/// A batch of twenty thousand records is written whole.
///
/// # Errors
/// The sink fails the case.
pub async fn large_batch_is_written(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let receipt = written(harness, &*sink, &of(harness, 1, 20_000).build()?).await?;
    let refused = receipt.refused.len();
    ensure!(refused == 0, "{refused} records that the sink should take are refused");
    Ok(Outcome::Passed)
}

/// What a sink says of itself does not change while it writes, and it likes to get something at once.
///
/// # Errors
/// The sink fails the case.
pub async fn info_is_constant(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let before = format!("{:?}", sink.info());
    sink.write(&of(harness, 1, 10).build()?).await?;
    let after = format!("{:?}", sink.info());
    ensure!(before == after, "the sink said {before}, and {after} after it had written");
    let info = sink.info();
    ensure!(!info.name.is_empty(), "the sink has no name");
    ensure!(info.target_bytes > 0 && info.target_records > 0, "the sink likes to get nothing: {info:?}");
    Ok(Outcome::Passed)
}

/// Closing works, before anything was written and after, and takes nothing away.
///
/// # Errors
/// The sink fails the case.
pub async fn close_is_quiet(harness: &dyn SinkHarness) -> CaseResult {
    harness.open().await?.close().await.map_err(|error| Failure::from(error).during("closing unused"))?;
    let sink = harness.open().await?;
    let batch = of(harness, 1, 10).build()?;
    let receipt = sink.write(&batch).await?;
    sink.close().await.map_err(|error| Failure::from(error).during("closing"))?;
    readable(harness, &batch, &receipt).await.map_err(|failure| failure.during("reading after closing"))?;
    Ok(Outcome::Passed)
}
