//! What is read of an entity set.

use std::time::Duration;

/// What is read of an entity set, and how it goes on.
///
/// | mode | the service needs | deletes | costs |
/// | --- | --- | --- | --- |
/// | [`full`](Self::full) | nothing | by comparing loads | everything, each time |
/// | [`keyset`](Self::keyset) | a property that changes with every write, filterable and sortable | not seen | a request for each page of what is new |
/// | [`delta`](Self::delta) | change tracking: a queue (ODP), `__delta`, or `track-changes` of version 4 | seen, but for `__delta` without a queue | what has changed |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode(pub(super) How);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// All rows. With properties, page by page in their order; without, by the links of the server.
    Full { by: Vec<String>, every: Duration },
    /// The rows after the last one in the order of some properties. No keys means the key of the entity type.
    Keyset { field: String, keys: Vec<String>, settle: Duration },
    /// What has changed.
    Delta,
}

impl Mode {
    /// All rows, by the pages of the server. When a day has passed since the end of a load, the next begins.
    #[must_use]
    pub fn full() -> Self {
        Self(How::Full { by: Vec::new(), every: Duration::from_secs(24 * 60 * 60) })
    }

    /// All rows, in the order of properties that tell every row from any other: its key. For services that make no
    /// pages themselves. Unlike `$skip` it passes over nothing while rows come and go.
    pub fn full_by<S: Into<String>>(key: impl IntoIterator<Item = S>) -> Self {
        let by = key.into_iter().map(Into::into).collect();
        Self(How::Full { by, every: Duration::from_secs(24 * 60 * 60) })
    }

    /// The rows that are new since the last one read, in the order of a property that changes with every write, and of
    /// the key of the entity among rows with the same value of it.
    ///
    /// Rows whose value is younger than a minute are left for the next time, by the clock of the server: a write that
    /// began earlier may still be under way. That works for a moment with a zone, or in UTC: an `Edm.DateTime` of local
    /// time is ahead of the clock, or behind it, by the offset of its zone, and the wait means nothing.
    ///
    /// A property that holds a day or a time of day is `ConfigInvalid`: rows of the same day would come after it was
    /// read. Rows without a value are not seen. Nor are deletes.
    pub fn keyset(field: impl Into<String>) -> Self {
        Self(How::Keyset { field: field.into(), keys: Vec::new(), settle: Duration::from_secs(60) })
    }

    /// A load of all rows, then what has changed since: inserts, updates and deletes.
    #[must_use]
    pub fn delta() -> Self {
        Self(How::Delta)
    }

    /// For [`keyset`](Self::keyset): the properties that tell rows of the same value from each other, in the place of
    /// the key of the entity.
    #[must_use]
    pub fn then_by<S: Into<String>>(mut self, key: impl IntoIterator<Item = S>) -> Self {
        if let How::Keyset { keys, .. } = &mut self.0 {
            *keys = key.into_iter().map(Into::into).collect();
        }
        self
    }

    /// For [`keyset`](Self::keyset) on a time: how long a write may take from its stamp to its end. A minute by default.
    #[must_use]
    pub fn settle(mut self, time: Duration) -> Self {
        if let How::Keyset { settle, .. } = &mut self.0 {
            *settle = time;
        }
        self
    }

    /// For [`full`](Self::full): how long after the end of a load the next begins. A day by default.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Self {
        if let How::Full { every, .. } = &mut self.0 {
            *every = time;
        }
        self
    }
}

/// What to do when a delta cannot be gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Renew {
    /// Stop with an error, so that a person decides. The default.
    #[default]
    Stop,
    /// Load everything again, and go on with deltas from there.
    Reinitialise,
}
