//! Clocks that a test sets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::ambient::Clock;

/// A moment to begin tests with: 2026-11-22 10:00 UTC.
pub(super) fn epoch() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_341_600, 0).unwrap_or_default()
}

/// A clock that stands until it is moved. Clones are the same clock.
///
/// ```
/// use datalake_core::Clock;
/// use datalake_core::testkit::ManualClock;
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// assert_eq!(clock.now().to_rfc3339(), "2026-11-22T10:00:00+00:00");
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().to_rfc3339(), "2026-11-22T10:01:00+00:00");
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that shows a time.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves the clock to a time, perhaps an earlier one.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new(epoch())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that goes with the time of the runtime, which a test can pause. It can be set wrong, even while it runs.
/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<Mutex<(Instant, DateTime<Utc>)>>);

impl VirtualClock {
    /// A clock that shows a time now.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), now))))
    }

    /// Sets the clock forward, or back.
    pub fn jump(&self, by: TimeDelta) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 += by;
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new(epoch())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        let (start, shown) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown + start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_virtual_clock_goes_with_the_time_of_the_runtime() {
        let clock = VirtualClock::default();
        tokio::time::sleep(Duration::from_secs(90)).await;
        clock.jump(TimeDelta::minutes(-1));
        assert_eq!((clock.now() - epoch()).num_seconds(), 30);
    }
}
