//! The one retry policy.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::ambient::Ambient;
use crate::{Error, Result};

/// How often and how long a pipeline tries again: full jitter with a floor, `Retry-After` honoured, and a budget
/// shared by all calls of the pipeline, so that a peer in trouble is not given more load than before.
///
/// Components do not retry by themselves; the engine, the ledger and the reader of a lake do, with this. A temporary error
/// that they give up is [exhausted](Error::exhausted), so that retries do not multiply.
#[derive(Clone)]
pub struct Retry {
    tries: u32,
    first: Duration,
    longest: Duration,
    budget: Arc<Mutex<f64>>,
}

/// Retries that may be used up at once.
const BUDGET: f64 = 100.0;
/// What a success gives back.
const REFUND: f64 = 0.5;

impl Retry {
    /// A policy: so many tries in all, a first delay of up to `first`, doubling up to `longest`.
    #[must_use]
    pub fn new(tries: u32, first: Duration, longest: Duration) -> Self {
        Self { tries: tries.max(1), first, longest: longest.max(first), budget: Arc::new(Mutex::new(BUDGET)) }
    }

    /// One try. Its error comes out of [`run`](Self::run) as it is, so that whoever called may try again.
    #[must_use]
    pub fn never() -> Self {
        Self::new(1, Duration::ZERO, Duration::ZERO)
    }

    /// How long to wait after the n-th failed try (from 1), or `None` to give up. Between a quarter of the doubled
    /// delay and all of it, and at least as long as the peer asked.
    #[must_use]
    pub fn delay(&self, failed: u32, error: &Error, ambient: &Ambient) -> Option<Duration> {
        if !error.is_retryable() || failed >= self.tries || !self.spend() {
            return None;
        }
        let doubled = self.first.saturating_mul(1 << (failed - 1).min(20)).min(self.longest);
        let floor = doubled / 4;
        let share = (ambient.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        let delay = floor + (doubled - floor).mul_f64(share);
        Some(delay.max(error.retry_after().unwrap_or_default()))
    }

    /// Calls until it succeeds, fails for good, or the tries are used up.
    ///
    /// # Errors
    /// The last error: exhausted if it is temporary, unless the policy is of [one try](Self::never).
    pub async fn run<T, F, Fut>(&self, ambient: &Ambient, mut call: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let mut failed = 0;
        loop {
            let error = match call().await {
                Ok(done) => {
                    self.refund();
                    return Ok(done);
                }
                Err(error) => error,
            };
            failed += 1;
            self.wait(failed, error, ambient).await?;
        }
    }

    /// Waits for the time of the next try. From the third on somebody may wonder, and is told.
    ///
    /// # Errors
    /// The error, if there is no other try.
    pub(crate) async fn wait(&self, failed: u32, error: Error, ambient: &Ambient) -> Result<()> {
        let Some(delay) = self.delay(failed, &error, ambient) else {
            return Err(if self.tries == 1 { error } else { error.exhausted() });
        };
        if failed < 2 {
            tracing::debug!(%error, failed, ?delay, "trying again");
        } else {
            tracing::warn!(%error, failed, ?delay, "trying again");
        }
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn spend(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = *budget >= 1.0;
        if enough {
            *budget -= 1.0;
        }
        enough
    }

    /// Gives back to the budget what a success gives. For a component that must carry on a call which succeeded in part;
    /// [`run`](Self::run) does it by itself.
    pub fn refund(&self) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        *budget = (*budget + REFUND).min(BUDGET);
    }
}

impl Default for Retry {
    /// Eight tries, the first again within 200 ms, the last within 20 s.
    fn default() -> Self {
        Self::new(8, Duration::from_millis(200), Duration::from_secs(20))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("tries", &self.tries)
            .field("first", &self.first)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::ErrorKind;

    fn down() -> Error {
        Error::new(ErrorKind::Unavailable, "down")
    }

    async fn tries(retry: &Retry, error: impl Fn() -> Error) -> (u32, Error) {
        let made = AtomicU32::new(0);
        let result = retry
            .run(&Ambient::system(), || async {
                made.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(error())
            })
            .await;
        (made.into_inner(), result.unwrap_err())
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_error_is_tried_to_the_end_and_then_exhausted() {
        let (made, error) = tries(&Retry::default(), down).await;
        assert_eq!(made, 8);
        assert!(error.is_temporary() && !error.is_retryable());
    }

    #[tokio::test]
    async fn a_permanent_error_is_not_tried_again() {
        assert_eq!(tries(&Retry::default(), || Error::config("no")).await.0, 1);
    }

    #[tokio::test]
    async fn one_try_leaves_trying_again_to_the_caller() {
        let (made, error) = tries(&Retry::never(), down).await;
        assert_eq!(made, 1);
        assert!(error.is_retryable());
    }

    #[tokio::test]
    async fn an_exhausted_error_is_not_tried_again_further_out() {
        assert_eq!(tries(&Retry::default(), || down().exhausted()).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_peers_delay_is_honoured() {
        let before = tokio::time::Instant::now();
        let retry = Retry::new(2, Duration::from_millis(1), Duration::from_millis(1));
        tries(&retry, || down().after(Duration::from_secs(30))).await;
        assert!(before.elapsed() >= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_ends_a_storm_of_retries() {
        let retry = Retry::new(1000, Duration::from_millis(1), Duration::from_millis(1));
        assert_eq!(tries(&retry, down).await.0, 101);
        assert_eq!(tries(&retry, down).await.0, 1);
    }
}
