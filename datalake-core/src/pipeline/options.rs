//! How much a pipeline holds at once, and how long a run may take.

use std::time::Duration;

use crate::retry::Retry;

/// How much a pipeline holds at once and how often it commits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The bytes of documents that may be under way, read but not committed. One batch more is let in.
    pub bytes_in_flight: usize,
    /// The batches that may be being written at once.
    pub writes_in_flight: usize,
    /// The bytes of records that one commit should hold; the sinks' wish if `None`.
    pub target_bytes: Option<usize>,
    /// The longest a batch waits for others to share its commit, unless the source asks for less.
    pub commit_within: Duration,
    /// How often a call is tried again.
    pub retry: Retry,
}

impl Default for Options {
    /// 64 MiB under way, three writes at once, a commit within ten seconds.
    fn default() -> Self {
        Self {
            bytes_in_flight: 64 << 20,
            writes_in_flight: 3,
            target_bytes: None,
            commit_within: Duration::from_secs(10),
            retry: Retry::default(),
        }
    }
}

/// How much a drain may read before it stops. What was read is still committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// The longest time to read.
    pub time: Option<Duration>,
    /// The bytes of documents to read, about.
    pub bytes: Option<u64>,
}

impl Budget {
    /// No bound.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// Bounds the time to read.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Bounds the bytes to read. The batch that reaches the bound is the last.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }
}
