//! Senders that wait: they are told after the commit, and never before.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::timeout;

use super::SourceHarness;
use super::reading::{Reading, SOON, feed_all};
use super::unit::units;
use crate::position::Position;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure};

/// How long a sender is watched for an answer that must not come.
const A_WHILE: Duration = Duration::from_millis(100);

const NOBODY_WAITS: Outcome = Outcome::Skipped("no sender waits for the commit");

/// Senders that wait, and the position after what they sent.
struct Waiting {
    reading: Reading,
    told: Vec<BoxFuture<'static, bool>>,
    position: Position,
}

/// Feeds and reads. `None` if nobody waits for the commit.
async fn waiting(harness: &dyn SourceHarness) -> Result<Option<Waiting>, Failure> {
    let mut reading = Reading::start(harness, None).await?;
    if !harness.is_live() || !reading.source.info().wants_commit {
        return Ok(None);
    }
    // A full window would be committed while reading.
    let most = reading.source.info().window.map_or(usize::MAX, |window| window.saturating_sub(1).max(1));
    let fed = feed_all(harness, Some(most)).await?;
    let bodies: Vec<Bytes> = fed.iter().flat_map(|fed| fed.bodies.clone()).collect();
    let batches = reading.take(bodies.len()).await?;
    let mut found: Vec<Bytes> =
        units(&harness.decoders(), &batches).into_iter().map(|unit| unit.body).collect();
    let mut expected = bodies;
    found.sort();
    expected.sort();
    ensure!(found == expected, "what was read is not what was sent");
    let told: Vec<_> = fed.into_iter().filter_map(|fed| fed.told).collect();
    ensure!(!told.is_empty(), "the source wants commits, but no sender of the harness waits");
    match batches.into_iter().next_back() {
        Some(last) => Ok(Some(Waiting { reading, told, position: last.position })),
        None => Err(Failure::new("nothing was read")),
    }
}

/// After the commit of a position, the senders of everything before it are told that it is accepted.
///
/// # Errors
/// The source fails the case.
pub async fn commit_tells_the_sender(harness: &dyn SourceHarness) -> CaseResult {
    let Some(Waiting { mut reading, told, position }) = waiting(harness).await? else {
        return Ok(NOBODY_WAITS);
    };
    reading.commit(&position).await?;
    for (n, told) in told.into_iter().enumerate() {
        match timeout(SOON, told).await {
            Ok(true) => {}
            Ok(false) => return Err(Failure::new(format!("sender {n} was refused after the commit"))),
            Err(_) => return Err(Failure::new(format!("sender {n} still waits {SOON:?} after the commit"))),
        }
    }
    Ok(Outcome::Passed)
}

/// Nobody is told anything while what was read is not committed.
///
/// # Errors
/// The source fails the case.
pub async fn nothing_is_told_before_the_commit(harness: &dyn SourceHarness) -> CaseResult {
    let Some(Waiting { mut reading, told, .. }) = waiting(harness).await? else {
        return Ok(NOBODY_WAITS);
    };
    let mut any = futures::future::select_all(told);
    tokio::select! {
        (accepted, n, _) = &mut any => {
            return Err(Failure::new(format!("sender {n} was told {accepted} before the commit")));
        }
        next = reading.source.next_batch() => {
            next?;
        }
    }
    if let Ok((accepted, n, _)) = timeout(A_WHILE, any).await {
        return Err(Failure::new(format!("sender {n} was told {accepted} before the commit")));
    }
    Ok(Outcome::Passed)
}

/// When a source goes without a commit, no sender is told that it is accepted.
///
/// # Errors
/// The source fails the case.
pub async fn nothing_is_told_without_a_commit(harness: &dyn SourceHarness) -> CaseResult {
    let Some(Waiting { mut reading, told, .. }) = waiting(harness).await? else {
        return Ok(NOBODY_WAITS);
    };
    reading.source.close().await?;
    drop(reading);
    for (n, told) in told.into_iter().enumerate() {
        if timeout(A_WHILE, told).await == Ok(true) {
            return Err(Failure::new(format!(
                "sender {n} was told that its event is accepted, but it is lost"
            )));
        }
    }
    Ok(Outcome::Passed)
}
