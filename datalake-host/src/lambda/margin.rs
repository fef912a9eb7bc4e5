//! How long before the deadline reading stops, learned from how long commits took.

use std::collections::VecDeque;
use std::time::Duration;

use datalake_core::PipelineId;
use datalake_core::ledger::{CommitKind, Ledger};
use futures::future::join_all;

/// How many commits are remembered.
const REMEMBERED: usize = 32;
/// How many commits of the ledger a new environment looks at.
const LOOKED_AT: u64 = 8;
/// How much longer than the longest commit so far the next may take.
const FACTOR: u32 = 3;
/// The most that is kept beside that.
const BASE: Duration = Duration::from_secs(2);
/// The most that is kept for the answer itself.
const ANSWER: Duration = Duration::from_millis(500);

/// How long the last commits took, from the last document read until they were made.
#[derive(Debug, Default)]
pub(super) struct Margin {
    seen: VecDeque<Duration>,
}

/// When to stop, in an invocation that has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// How long to read. What was read is then committed.
    pub(super) read: Duration,
    /// When to give up what is still not committed, and to answer.
    pub(super) give_up: Duration,
}

impl Margin {
    pub(super) fn observe(&mut self, took: Duration) {
        self.seen.push_back(took);
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
    }

    /// Looks at the last commits in the ledger, by whatever worker they were made. What cannot be read teaches
    /// nothing.
    pub(super) async fn learn(&mut self, ledger: &dyn Ledger, pipeline: &PipelineId) {
        let Ok(Some(head)) = ledger.head(pipeline).await else { return };
        let last = head.commit.seq;
        let earlier = last.saturating_sub(LOOKED_AT - 1).max(1)..last;
        let earlier = join_all(earlier.map(|seq| ledger.entry(pipeline, seq))).await;
        for entry in earlier.into_iter().flatten().chain([head]) {
            let commit = entry.commit;
            let took = (commit.committed_at - commit.envelope.acquired.end).to_std();
            if let (CommitKind::Data, Ok(took)) = (commit.kind, took) {
                self.observe(took);
            }
        }
    }

    /// At least half of the time is for reading, however long commits take.
    pub(super) fn plan(&self, left: Duration) -> Plan {
        let longest = self.seen.iter().max().copied().unwrap_or_default();
        let margin = longest.saturating_mul(FACTOR).saturating_add(BASE.min(left / 8));
        Plan { read: left - margin.min(left / 2), give_up: left - ANSWER.min(left / 10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_margin_follows_the_longest_commit_and_leaves_half_of_the_time() {
        let mut margin = Margin::default();
        assert_eq!(margin.plan(millis(80_000)), Plan { read: millis(78_000), give_up: millis(79_500) });
        margin.observe(millis(4_000));
        margin.observe(millis(10));
        assert_eq!(margin.plan(millis(80_000)).read, millis(66_000));
        assert_eq!(margin.plan(millis(10_000)), Plan { read: millis(5_000), give_up: millis(9_500) });
        assert_eq!(margin.plan(Duration::ZERO), Plan { read: Duration::ZERO, give_up: Duration::ZERO });
    }

    #[test]
    fn a_slow_commit_is_forgotten_after_many_quick_ones() {
        let mut margin = Margin::default();
        margin.observe(millis(4_000));
        (0..REMEMBERED).for_each(|_| margin.observe(millis(10)));
        assert_eq!(margin.plan(millis(80_000)).read, millis(77_970));
    }
}
