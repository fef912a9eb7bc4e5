//! Several writes at once, writes that are dropped, and writes that come again.

use futures::future::try_join_all;

use super::SinkHarness;
use super::reading::{of, readable, written};
use crate::testkit::case::{CaseResult, Failure, Outcome, dropped_after, ensure};

/// Eight batches written at once are all written, each in its own outputs.
///
/// # Errors
/// The sink fails the case.
pub async fn writes_run_side_by_side(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let mut batches = Vec::new();
    for number in 1..=8 {
        batches.push(of(harness, number, 200).build()?);
    }
    let receipts = try_join_all(batches.iter().map(|batch| sink.write(batch))).await?;
    for (batch, receipt) in batches.iter().zip(&receipts) {
        readable(harness, batch, receipt)
            .await
            .map_err(|failure| failure.during(format_args!("reading {}, written beside others", batch.id)))?;
    }
    Ok(Outcome::Passed)
}

/// The same batch written again, in the same attempt and in another, by the same sink and by another: the outputs of
/// the last receipt have every record, and another attempt does not touch the outputs of the first.
///
/// # Errors
/// The sink fails the case.
pub async fn another_attempt_leaves_every_record(harness: &dyn SinkHarness) -> CaseResult {
    let (one, other) = (harness.open().await?, harness.open().await?);
    let first = of(harness, 1, 20).attempt(1).build()?;
    let kept = written(harness, &*one, &first).await?;
    written(harness, &*one, &first)
        .await
        .map_err(|failure| failure.during("writing the same attempt again"))?;
    // The second attempt has fewer records: nothing of the first may show through.
    let second = of(harness, 1, 12).attempt(2).build()?;
    let again = written(harness, &*other, &second)
        .await
        .map_err(|failure| failure.during("writing another attempt"))?;
    readable(harness, &first, &kept)
        .await
        .map_err(|failure| failure.during("reading the first attempt after another"))?;
    let same =
        kept.outputs.iter().find(|kept| again.outputs.iter().any(|again| kept.location == again.location));
    if let Some(output) = same {
        ensure!(harness.is_stream(), "two attempts have both written {:?}", output.location);
    }
    Ok(Outcome::Passed)
}

/// A write that is dropped where it waits does no harm to the same batch written again, nor to others.
///
/// # Errors
/// The sink fails the case.
pub async fn dropped_write_is_harmless(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    for waits in 0..10 {
        let number = waits as u64 + 1;
        let dropped = of(harness, number, 30).attempt(1).build()?;
        if let Some(done) = dropped_after(waits, sink.write(&dropped)).await {
            readable(harness, &dropped, &done?).await?;
        }
        let again = of(harness, number, 30).attempt(2).build()?;
        written(harness, &*sink, &again).await.map_err(|failure: Failure| {
            failure.during(format_args!("writing again after a drop at wait {waits}"))
        })?;
    }
    Ok(Outcome::Passed)
}
