//! Cancellation: a read may be dropped wherever it waits.

use bytes::Bytes;

use super::SourceHarness;
use super::reading::{EMPTY, Reading, feed_all};
use super::unit::{bodies, units};
use crate::testkit::case::{CaseResult, Outcome, dropped_after, ensure};

/// Each call for the next batch is dropped at its first await, then at its second, and so on until it comes through.
/// Everything is still read once.
///
/// # Errors
/// The source fails the case.
pub async fn can_be_cancelled_at_every_await(harness: &dyn SourceHarness) -> CaseResult {
    let mut reading = Reading::start(harness, None).await?;
    let (mut expected, mut told) = (harness.expected(), Vec::new());
    if harness.is_live() {
        told = feed_all(harness, reading.source.info().window).await?;
        expected = told.iter().flat_map(|fed| fed.bodies.clone()).collect::<Vec<Bytes>>();
    }
    let (mut batches, mut empty) = (Vec::new(), 0);
    loop {
        let mut waits = 0;
        let next = loop {
            match dropped_after(waits, reading.source.next_batch()).await {
                Some(next) => break next?,
                None => waits = if waits < 16 { waits + 1 } else { waits * 2 },
            }
        };
        match reading.took(next).await? {
            Some(batch) => {
                empty = if batch.documents.is_empty() { empty + 1 } else { 0 };
                batches.push(batch);
            }
            None if harness.is_live() && units(&harness.decoders(), &batches).len() < expected.len() => {
                empty += 1
            }
            None => break,
        }
        ensure!(empty < EMPTY, "nothing came {EMPTY} times");
    }
    drop(told);
    bodies(&units(&harness.decoders(), &batches), &expected)
        .map_err(|failure| failure.during("reading with every call dropped at every await"))?;
    Ok(Outcome::Passed)
}
