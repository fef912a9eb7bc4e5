//! Positions: reading goes on after each of them, in another process too.

use serde_json::json;

use super::SourceHarness;
use super::reading::{Reading, baseline};
use super::unit::{same, units};
use crate::ErrorKind;
use crate::batch::SourceBatch;
use crate::position::Position;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure};

const NO_SEEK: Outcome = Outcome::Skipped("the source cannot go back");

/// Whether the silo still has what was read before, so that a case can go back to it.
pub(super) async fn goes_back(harness: &dyn SourceHarness) -> Result<bool, Failure> {
    Ok(!harness.is_live() && harness.open().await?.info().can_seek)
}

/// A new source that goes to any position of a read gives exactly the records after it.
///
/// # Errors
/// The source fails the case.
pub async fn resumes_from_every_position(harness: &dyn SourceHarness) -> CaseResult {
    if !goes_back(harness).await? {
        return Ok(NO_SEEK);
    }
    each_position(harness, Position::clone).await
}

/// A position that was written as JSON and read back is the same position.
///
/// # Errors
/// The source fails the case.
pub async fn position_survives_json(harness: &dyn SourceHarness) -> CaseResult {
    if !goes_back(harness).await? {
        return Ok(NO_SEEK);
    }
    for SourceBatch { position, .. } in baseline(harness).await?.0 {
        let text = json_text(&position)?;
        ensure!(text.len() <= 64 << 10, "a position has {} bytes of JSON", text.len());
        let back = json_position(&text)?;
        ensure!(back == position, "{position} is {back} after a round trip through JSON");
    }
    each_position(harness, |position| {
        json_text(position).and_then(|text| json_position(&text)).unwrap_or_else(|_| position.clone())
    })
    .await
}

async fn each_position(harness: &dyn SourceHarness, change: impl Fn(&Position) -> Position) -> CaseResult {
    let (batches, all) = baseline(harness).await?;
    for n in 0..batches.len() {
        let position = change(&batches[n].position);
        let before = units(&harness.decoders(), &batches[..=n]).len();
        let rest = async {
            let rest = Reading::start(harness, Some(&position)).await?.drain().await?;
            same(&units(&harness.decoders(), &rest), &all[before..])
        };
        rest.await.map_err(|failure| failure.during(format_args!("reading on after {position}")))?;
    }
    Ok(Outcome::Passed)
}

fn json_text(position: &Position) -> Result<String, Failure> {
    serde_json::to_string(position).map_err(|cause| Failure::new(format!("no JSON of {position}: {cause}")))
}

fn json_position(text: &str) -> Result<Position, Failure> {
    serde_json::from_str(text).map_err(|cause| Failure::new(format!("no position from {text}: {cause}")))
}

/// A position of another source, and one of this source whose state is nonsense, are refused as
/// [`PositionInvalid`](ErrorKind::PositionInvalid), and the source can be used after that.
///
/// # Errors
/// The source fails the case.
pub async fn foreign_position_is_refused(harness: &dyn SourceHarness) -> CaseResult {
    let mut foreign = vec![Position::new("of.another-source/7", &json!({ "page": 3 }))?];
    if !harness.is_live() {
        let batches = Reading::start(harness, None).await?.drain().await?;
        if let Some(batch) = batches.first() {
            foreign.push(Position::new(batch.position.schema(), &json!("no state of any source"))?);
        }
    }
    let mut source = harness.open().await?;
    for position in &foreign {
        match source.seek(Some(position)).await {
            Ok(()) => return Err(Failure::new(format!("the source went to {position}"))),
            Err(error) => {
                let kind = error.kind();
                ensure!(kind == ErrorKind::PositionInvalid, "{position} was refused as {kind}: {error}");
            }
        }
    }
    source
        .seek(None)
        .await
        .map_err(|error| Failure::from(error).during("going on after a refused position"))?;
    Ok(Outcome::Passed)
}

/// The same source goes back to the beginning and to any position, as after a lost race.
///
/// # Errors
/// The source fails the case.
pub async fn seek_goes_back(harness: &dyn SourceHarness) -> CaseResult {
    if !goes_back(harness).await? {
        return Ok(NO_SEEK);
    }
    let (batches, all) = baseline(harness).await?;
    let mut reading = Reading::start(harness, None).await?;
    for n in (0..batches.len()).rev() {
        let position = &batches[n].position;
        let before = units(&harness.decoders(), &batches[..=n]).len();
        reading.seek(Some(position)).await?;
        // Half read, so that what lies ready in the source must be forgotten too.
        reading.batch().await?;
        reading.seek(Some(position)).await?;
        let rest = units(&harness.decoders(), &reading.drain().await?);
        same(&rest, &all[before..])
            .map_err(|failure| failure.during(format_args!("going back to {position}")))?;
    }
    reading.seek(None).await?;
    same(&units(&harness.decoders(), &reading.drain().await?), &all)
        .map_err(|failure| failure.during("going back to the beginning"))?;
    Ok(Outcome::Passed)
}
