//! Peers that fail.

use super::SinkHarness;
use super::reading::{of, written};
use crate::testkit::case::{CaseResult, Failure, Outcome, classified, ensure, hides};

/// A peer that fails is an error of the kind the harness names; what is temporary is retryable, what is not is not. The
/// same sink writes the same batch once the peer works again.
///
/// # Errors
/// The sink fails the case.
pub async fn failures_are_classified(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let mut any = false;
    while let Some(expected) = harness.fail().await {
        any = true;
        let batch = of(harness, 1, 10).build()?;
        let Err(error) = sink.write(&batch).await else {
            return Err(Failure::new(format!("a peer that fails as {expected} has written a batch")));
        };
        harness.mend().await;
        classified(&error, expected)?;
        let receipt = written(harness, &*sink, &batch)
            .await
            .map_err(|failure| failure.during(format_args!("writing again after {expected}")))?;
        let refused = receipt.refused.len();
        ensure!(refused == 0, "{refused} records are refused after {expected}");
    }
    Ok(if any { Outcome::Passed } else { Outcome::Skipped("the peer cannot be made to fail") })
}

/// No secret is seen in what the sink says of itself, its receipts and its errors.
///
/// # Errors
/// The sink fails the case.
pub async fn secrets_are_hidden(harness: &dyn SinkHarness) -> CaseResult {
    let secrets = harness.secrets();
    if secrets.is_empty() {
        return Ok(Outcome::Skipped("the sink was given no secret"));
    }
    let sink = harness.open().await?;
    let mut shown = harness.shown();
    shown.push(format!("{:?}", sink.info()));
    let batch = of(harness, 1, 10).build()?;
    shown.push(format!("{:?}", sink.write(&batch).await?));
    while harness.fail().await.is_some() {
        let answer = sink.write(&batch).await;
        harness.mend().await;
        shown.extend(answer.err().map(|error| format!("{error} {error:?}")));
    }
    hides(&secrets, &shown)?;
    Ok(Outcome::Passed)
}
