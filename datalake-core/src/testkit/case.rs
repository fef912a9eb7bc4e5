//! What a case of a suite gives, and how a test runs one.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::{Error, ErrorKind};

/// No case takes longer than this.
const LIMIT: Duration = Duration::from_secs(120);

/// What a case has to say of a component that did not fail it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The component does what the case asks.
    Passed,
    /// The case does not concern this component, and why.
    Skipped(&'static str),
}

/// How a component failed a case.
pub struct Failure(String);

/// What a case gives.
pub type CaseResult = Result<Outcome, Failure>;

impl Failure {
    /// A failure, with what was expected and what was found.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Says what was being done.
    #[must_use]
    pub fn during(self, doing: impl fmt::Display) -> Self {
        Self(format!("{doing}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("an error where none was expected: {error}"))
    }
}

/// Fails the case unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::testkit::Failure::new(format!($($message)+)));
        }
    };
}

pub(crate) use ensure;

/// Fails the case unless an error is of a kind and says rightly whether to try again.
pub(crate) fn classified(error: &Error, expected: ErrorKind) -> Result<(), Failure> {
    use ErrorKind::{
        ConfigInvalid, PermissionDenied, PositionInvalid, RateLimited, Unauthenticated, Unavailable,
        Unexpected, Unsupported,
    };
    let kind = error.kind();
    ensure!(kind == expected, "the error is {kind} where {expected} was expected: {error}");
    ensure!(kind != Unexpected, "the error says nothing about what to do: {error}");
    let passes = matches!(kind, Unavailable | RateLimited);
    ensure!(!passes || error.is_retryable(), "{kind} is not retryable: {error}");
    let stays =
        [ConfigInvalid, Unauthenticated, PermissionDenied, PositionInvalid, Unsupported].contains(&kind);
    ensure!(!stays || !error.is_retryable(), "{kind} is retryable: {error}");
    Ok(())
}

/// Fails the case if a secret is seen in a text.
pub(crate) fn hides(secrets: &[String], shown: &[String]) -> Result<(), Failure> {
    for secret in secrets {
        for text in shown {
            ensure!(!text.contains(secret), "a secret is shown: {}", text.replace(secret, "<the secret>"));
        }
    }
    Ok(())
}

/// Runs a case to its end on a runtime of its own and panics if it fails.
///
/// # Panics
/// The case failed, or took longer than two minutes.
#[doc(hidden)]
#[expect(clippy::print_stderr, reason = "a test says why it had nothing to do")]
pub fn run(name: &str, case: impl Future<Output = CaseResult>) {
    match block_on(case) {
        Ok(Outcome::Passed) => {}
        Ok(Outcome::Skipped(why)) => eprintln!("{name} does not apply: {why}"),
        Err(failure) => panic!("{name}: {failure}"),
    }
}

fn block_on(case: impl Future<Output = CaseResult>) -> CaseResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::new(format!("no runtime: {cause}")))?;
    let outcome = runtime.block_on(async {
        let late = || Failure::new(format!("not done after {} seconds", LIMIT.as_secs()));
        tokio::time::timeout(LIMIT, case).await.map_err(|_| late())?
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// The output of a future, unless it waits more often than that: then it is dropped where it waits.
pub(crate) async fn dropped_after<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut waited = 0;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}
