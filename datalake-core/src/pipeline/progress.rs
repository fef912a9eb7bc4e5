//! How a run gets on.

use chrono::{DateTime, TimeDelta, Utc};

use crate::records::Counts;
use crate::source::Remaining;

/// How a run gets on, as of the last batch read or committed. A replay or rebuild counts the documents of the batches
/// that it has been through as read and committed, and those of the batches before it as remaining.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the run began.
    pub started: DateTime<Utc>,
    /// When this was written.
    pub updated: DateTime<Utc>,
    /// Records committed in this run, by where they went.
    pub counts: Counts,
    /// Bytes of documents read in this run.
    pub bytes_read: u64,
    /// Bytes of documents committed in this run.
    pub bytes_committed: u64,
    /// Commits made in this run.
    pub commits: u64,
    /// What is still to read, as far as the source can tell.
    pub remaining: Remaining,
    /// When the oldest batch under way was read: how far the lake is behind.
    pub oldest_uncommitted: Option<DateTime<Utc>>,
}

impl Progress {
    /// Bytes of documents committed a second, on average over the run.
    #[must_use]
    pub fn bytes_per_second(&self) -> f64 {
        per_second(self.bytes_committed, self.updated - self.started)
    }

    /// Records a second, on average over the run.
    #[must_use]
    pub fn records_per_second(&self) -> f64 {
        per_second(self.counts.read, self.updated - self.started)
    }

    /// How long ago the oldest batch under way was read.
    #[must_use]
    pub fn lag(&self) -> TimeDelta {
        self.oldest_uncommitted.map_or(TimeDelta::zero(), |oldest| self.updated - oldest)
    }

    /// How much of the bytes is committed, from 0 to 1, where the source knows how many there are.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        let all = self.bytes_read + self.remaining.bytes?;
        Some(if all == 0 { 1.0 } else { self.bytes_committed as f64 / all as f64 })
    }

    /// How much longer the run takes at the pace so far, where the source knows how much there is.
    #[must_use]
    pub fn time_left(&self) -> Option<TimeDelta> {
        let left = self.bytes_read + self.remaining.bytes? - self.bytes_committed;
        let pace = self.bytes_per_second();
        (pace > 0.0).then(|| TimeDelta::milliseconds((left as f64 / pace * 1000.0) as i64))
    }
}

fn per_second(n: u64, time: TimeDelta) -> f64 {
    let seconds = time.as_seconds_f64();
    if seconds > 0.0 { n as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_pace() {
        let started = DateTime::UNIX_EPOCH;
        let progress = Progress {
            started,
            updated: started + TimeDelta::seconds(10),
            bytes_read: 60,
            bytes_committed: 50,
            remaining: Remaining { bytes: Some(40), ..Remaining::default() },
            ..Progress::default()
        };
        assert_eq!(progress.bytes_per_second(), 5.0);
        assert_eq!(progress.fraction(), Some(0.5));
        assert_eq!(progress.time_left(), Some(TimeDelta::seconds(10)));
    }
}
