//! Commits: what was not committed comes again.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::reading::{Reading, SOON, baseline, feed_all};
use super::resume::goes_back;
use super::unit::{Unit, same, units};
use super::{Fed, SourceHarness};
use crate::source::Next;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure};

/// What was read and not committed is given again by a new source, whatever was committed before it.
///
/// # Errors
/// The source fails the case.
pub async fn uncommitted_is_delivered_again(harness: &dyn SourceHarness) -> CaseResult {
    if harness.is_live() {
        return Ok(Outcome::Skipped("the sender sends again, not the silo"));
    }
    if !goes_back(harness).await? {
        return queued(harness).await;
    }
    let (batches, all) = baseline(harness).await?;
    let from_start = units(&harness.decoders(), &Reading::start(harness, None).await?.drain().await?);
    same(&from_start, &all).map_err(|failure| failure.during("reading again after no commit"))?;
    // Commits only ever move on, so each round goes on with the silo as the round before has left it.
    let (mut committed, mut before) = (None, 0);
    for _ in 0..=batches.len() {
        let mut reading = Reading::start(harness, committed.as_ref()).await?;
        let Some(batch) = reading.batch().await? else { break };
        reading.batch().await?;
        reading.commit(&batch.position).await?;
        reading.batch().await?;
        drop(reading);
        before += units(&harness.decoders(), std::slice::from_ref(&batch)).len();
        let position = committed.insert(batch.position);
        let rest = units(&harness.decoders(), &Reading::start(harness, Some(position)).await?.drain().await?);
        same(&rest, &all[before.min(all.len())..])
            .map_err(|failure| failure.during(format_args!("reading on after the commit of {position}")))?;
    }
    Ok(Outcome::Passed)
}

/// For a silo that keeps what is not acknowledged: all of it comes again, in any order.
async fn queued(harness: &dyn SourceHarness) -> CaseResult {
    let sorted = |units: Vec<Unit>| {
        let mut bodies: Vec<Bytes> = units.into_iter().map(|unit| unit.body).collect();
        bodies.sort();
        bodies
    };
    let mut expected = harness.expected();
    expected.sort();
    let mut first = Reading::start(harness, None).await?;
    first.batch().await?;
    drop(first);
    let again = Reading::start(harness, None).await?.take(expected.len()).await?;
    let again = sorted(units(&harness.decoders(), &again));
    ensure!(again == expected, "{} records came again, not the {} of the silo", again.len(), expected.len());
    Ok(Outcome::Passed)
}

/// Committing a position again, or an older one after a newer, changes nothing.
///
/// # Errors
/// The source fails the case.
pub async fn commit_can_be_repeated(harness: &dyn SourceHarness) -> CaseResult {
    let mut reading = Reading::start(harness, None).await?;
    if harness.is_live() {
        let fed = feed_all(harness, reading.source.info().window).await?;
        let batches = reading.take(fed.iter().map(|fed| fed.bodies.len()).sum()).await?;
        for batch in &batches {
            twice(&mut reading, &batch.position).await?;
        }
        return Ok(Outcome::Passed);
    }
    let (mut batches, mut positions) = (Vec::new(), Vec::new());
    while let Some(batch) = reading.batch().await? {
        twice(&mut reading, &batch.position).await?;
        positions.push(batch.position.clone());
        batches.push(batch);
    }
    if let Some(position) = positions.last() {
        twice(&mut reading, position).await?;
    }
    super::unit::bodies(&units(&harness.decoders(), &batches), &harness.expected())
        .map_err(|failure| failure.during("reading with every commit repeated"))?;
    let again = Reading::start(harness, positions.last()).await?.drain().await?;
    same(&units(&harness.decoders(), &again), &[])
        .map_err(|failure| failure.during("reading on after everything was committed"))?;
    Ok(Outcome::Passed)
}

async fn twice(reading: &mut Reading, position: &crate::Position) -> Result<(), Failure> {
    reading.commit(position).await?;
    reading
        .commit(position)
        .await
        .map_err(|failure| failure.during(format_args!("committing {position} a second time")))
}

/// A source with a window gives no more documents than that before a commit, and goes on after it.
///
/// # Errors
/// The source fails the case.
pub async fn window_opens_with_a_commit(harness: &dyn SourceHarness) -> CaseResult {
    let mut source = harness.open().await?;
    let Some(window) = source.info().window else {
        return Ok(Outcome::Skipped("the source has no window"));
    };
    source.seek(None).await?;
    let (mut fed, mut found) = (Vec::new(), Vec::new());
    let (mut open, mut last) = (0, None);
    let mut until = Instant::now() + SOON;
    loop {
        while harness.is_live()
            && units(&harness.decoders(), &found).len() == bodies_of(&fed).len()
            && open < window
        {
            match harness.feed().await {
                Some(more) => fed.push(more),
                None => break,
            }
        }
        let expected = if harness.is_live() { bodies_of(&fed) } else { harness.expected() };
        if let Next::Batch(batch) = source.next_batch().await? {
            open += batch.documents.len();
            ensure!(open <= window, "{open} documents are under way, but the window is {window}");
            last = Some(batch.position.clone());
            found.push(batch);
            until = Instant::now() + SOON;
        } else if open >= window {
            if let Some(position) = last.take() {
                source.commit(&position).await?;
                open = 0;
            }
        } else if units(&harness.decoders(), &found).len() < expected.len()
            && Instant::now() < until
            && harness.is_live()
        {
            sleep(Duration::from_millis(5)).await;
        } else {
            super::unit::bodies(&units(&harness.decoders(), &found), &expected)
                .map_err(|failure| failure.during("reading with a commit whenever the window is full"))?;
            return Ok(Outcome::Passed);
        }
    }
}

fn bodies_of(fed: &[Fed]) -> Vec<Bytes> {
    fed.iter().flat_map(|fed| fed.bodies.clone()).collect()
}
