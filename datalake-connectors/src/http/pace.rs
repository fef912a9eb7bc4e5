//! No more than so many requests in so much time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A limit over any window of time, wherever the window begins. Holds one instant for each request of a window.
#[derive(Debug)]
pub(crate) struct Pace {
    requests: usize,
    per: Duration,
    sent: VecDeque<Instant>,
}

impl Pace {
    /// At most `requests`, one or more, in any window of length `per`.
    pub(crate) fn new(requests: usize, per: Duration) -> Self {
        Self { requests, per, sent: VecDeque::new() }
    }

    /// When the next request may be sent.
    pub(crate) fn ready(&self) -> Option<Instant> {
        (self.sent.len() >= self.requests).then(|| self.sent[0] + self.per)
    }

    /// Counts a request that is sent now.
    pub(crate) fn take(&mut self) {
        if self.sent.len() >= self.requests {
            self.sent.pop_front();
        }
        self.sent.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_sees_more_than_the_limit() {
        let mut pace = Pace::new(3, Duration::from_secs(10));
        let start = Instant::now();
        let mut sent = Vec::new();
        for _ in 0..10 {
            if let Some(ready) = pace.ready() {
                tokio::time::sleep_until(ready).await;
            }
            pace.take();
            sent.push(start.elapsed().as_secs());
        }
        assert_eq!(sent, [0, 0, 0, 10, 10, 10, 20, 20, 20, 30]);
    }
}
