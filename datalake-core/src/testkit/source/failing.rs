//! Silos that fail: errors say what can be done, lose nothing and give no secret away.

use super::SourceHarness;
use super::reading::{Reading, read_all};
use super::unit::{bodies, units};
use crate::Error;
use crate::source::{Next, Source};
use crate::testkit::case::{CaseResult, Failure, Outcome, classified, hides};

const NEVER_FAILS: Outcome = Outcome::Skipped("the silo cannot be made to fail");

/// A silo that fails is an error of the kind the harness names, never an end and never idleness. What is temporary is
/// retryable, what is not is not.
///
/// # Errors
/// The source fails the case.
pub async fn failures_are_classified(harness: &dyn SourceHarness) -> CaseResult {
    let mut any = false;
    while let Some(expected) = harness.fail().await {
        any = true;
        let error = first_error(&mut harness.open().await?).await?;
        harness.mend().await;
        classified(&error, expected)?;
    }
    Ok(if any { Outcome::Passed } else { NEVER_FAILS })
}

async fn first_error(source: &mut Box<dyn Source>) -> Result<Error, Failure> {
    if let Err(error) = source.seek(None).await {
        return Ok(error);
    }
    match source.next_batch().await {
        Err(error) => Ok(error),
        Ok(Next::Batch(batch)) => {
            Err(Failure::new(format!("a failing silo gave {} documents", batch.documents.len())))
        }
        Ok(next) => Err(Failure::new(format!("a failing silo looks drained: {next:?}"))),
    }
}

/// A source goes on after an error where it was: the same value reads everything once, wherever the silo failed.
///
/// # Errors
/// The source fails the case.
pub async fn failures_lose_nothing(harness: &dyn SourceHarness) -> CaseResult {
    if harness.is_live() {
        return Ok(Outcome::Skipped("the silo is live"));
    }
    let (batches, expected) = read_all(harness).await?;
    if !goes_on_with_errors(harness, 0, &expected).await? {
        return Ok(NEVER_FAILS);
    }
    for n in 1..batches.len() {
        goes_on_with_errors(harness, n, &expected)
            .await
            .map_err(|failure| failure.during(format_args!("failing after {n} batches")))?;
    }
    Ok(Outcome::Passed)
}

/// Whether the harness could make the silo fail after some batches.
async fn goes_on_with_errors(
    harness: &dyn SourceHarness,
    after: usize,
    expected: &[bytes::Bytes],
) -> Result<bool, Failure> {
    let mut reading = Reading::start(harness, None).await?;
    if !reading.source.info().can_seek && after > 0 {
        return Ok(true);
    }
    let mut batches = Vec::new();
    while batches.len() < after {
        batches.extend(reading.batch().await?);
    }
    let mut failed = false;
    while harness.fail().await.is_some() {
        failed = true;
        // What lay ready in the source may still come.
        while let Ok(next) = reading.source.next_batch().await {
            match reading.took(next).await? {
                Some(batch) => batches.push(batch),
                None => break,
            }
        }
        harness.mend().await;
    }
    batches.extend(reading.drain().await?);
    bodies(&units(&harness.decoders(), &batches), expected)
        .map_err(|failure| failure.during("reading on after an error"))?;
    Ok(failed)
}

/// No secret is seen in what the source says of itself, its positions, locators, requests and errors.
///
/// # Errors
/// The source fails the case.
pub async fn secrets_are_hidden(harness: &dyn SourceHarness) -> CaseResult {
    let secrets = harness.secrets();
    if secrets.is_empty() {
        return Ok(Outcome::Skipped("the source was given no secret"));
    }
    let mut shown = harness.shown();
    let source = harness.open().await?;
    shown.push(format!("{source:?} {:?}", source.info()));
    drop(source);
    for batch in read_all(harness).await?.0 {
        shown.push(format!("{} {:?}", batch.position, batch.position));
        shown.push(format!("{:?} {:?}", batch.requests, batch.derived_from));
        shown.extend(
            batch.documents.iter().map(|document| {
                format!("{} {:?} {:?}", document.locator(), document.id(), document.format())
            }),
        );
    }
    while harness.fail().await.is_some() {
        let error = first_error(&mut harness.open().await?).await;
        harness.mend().await;
        let error = error?;
        shown.push(format!("{error} {error:?}"));
    }
    hides(&secrets, &shown)?;
    Ok(Outcome::Passed)
}
