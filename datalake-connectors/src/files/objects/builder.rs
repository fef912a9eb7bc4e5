//! Settings.

use std::sync::Arc;
use std::time::Duration;

use datalake_core::codec::Expansion;
use datalake_core::store::ObjectStore;
use datalake_core::{Dataset, Error, Result, SourceInfo};
use serde_json::json;

use super::listing::Keys;
use super::opening::locator;
use super::worker::Settings;
use super::{KIND, ObjectsSource};
#[cfg(any(feature = "files-parquet", feature = "files-sheets"))]
use crate::files::format::Decoded;
use crate::files::how::How;
use crate::files::{FileFormat, Finished};

/// The settings of an [`ObjectsSource`].
#[derive(Debug, Clone)]
pub struct ObjectsSourceBuilder {
    dataset: Dataset,
    store: Arc<dyn ObjectStore>,
    keys: String,
    remember: usize,
    late: Duration,
    how: How,
}

impl ObjectsSourceBuilder {
    pub(super) fn new(dataset: Dataset, store: Arc<dyn ObjectStore>, keys: &str) -> Self {
        Self {
            dataset,
            store,
            keys: keys.to_owned(),
            remember: 50_000,
            late: Duration::from_secs(7 * 24 * 3600),
            how: How::new(Duration::from_secs(60)),
        }
    }

    /// Reads workbooks too, as [`FilesSourceBuilder::sheets`](crate::files::FilesSourceBuilder::sheets).
    #[cfg(feature = "files-sheets")]
    #[must_use]
    pub fn sheets(mut self, sheets: crate::files::Sheets) -> Self {
        self.how.decoded.push(Decoded::sheets(sheets));
        self
    }

    /// Reads Parquet too, as [`FilesSourceBuilder::parquet`](crate::files::FilesSourceBuilder::parquet).
    #[cfg(feature = "files-parquet")]
    #[must_use]
    pub fn parquet(mut self, parquet: crate::files::Parquet) -> Self {
        self.how.decoded.push(Decoded::parquet(parquet));
        self
    }

    /// What the objects contain. By the extension of their keys, by default.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.how.format = format;
        self
    }

    /// Waits for a [marker](Finished::Marker) beside an object, or in its folder, before it is read. Objects are whole, so
    /// nothing is waited for by default.
    #[must_use]
    pub fn finished(mut self, finished: Finished) -> Self {
        self.how.finished = finished;
        self
    }

    /// Whether gzip and zstd objects are read as their content. They are, by default.
    #[must_use]
    pub fn decompress(mut self, decompress: bool) -> Self {
        self.how.decompress = decompress;
        self
    }

    /// The size of a batch and of a range that is asked for, in bytes: 4 MiB by default. A longer object is cut into
    /// documents of at most this size, at record boundaries.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.how.batch_bytes = bytes;
        self
    }

    /// The longest record, and the longest object that is one record, in bytes: 256 MiB by default, less than 4 GiB.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.how.max_document_bytes = bytes;
        self
    }

    /// How far a compressed object may expand.
    #[must_use]
    pub fn expansion(mut self, expansion: Expansion) -> Self {
        self.how.expansion = expansion;
        self
    }

    /// How long to wait before listing again: a minute by default. A list costs one request for a thousand keys.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.how.poll = interval;
        self
    }

    /// How many objects are remembered one by one: 50,000 by default, about eleven bytes of each position for one. See the
    /// [module](crate::files::objects).
    #[must_use]
    pub fn remember(mut self, objects: usize) -> Self {
        self.remember = objects;
        self
    }

    /// How long an object may take to be seen, counted from the time that the store says it was written: seven days by
    /// default. Counts only when there are more objects than are [remembered](Self::remember).
    #[must_use]
    pub fn late(mut self, time: Duration) -> Self {
        self.late = time;
        self
    }

    /// Makes the source. Does not look at the store yet.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a glob that cannot be read, a size of zero, a
    /// dialect that cannot be, or waiting for an object to be left alone.
    pub fn build(self) -> Result<ObjectsSource> {
        if self.remember == 0 {
            return Err(Error::config("at least one object is remembered"));
        }
        if self.how.finished.quiet().is_some() {
            return Err(Error::config("an object is whole: there is nothing to wait for but a marker"));
        }
        self.how.check()?;
        let keys = Keys::new(&self.keys)?;
        let late = chrono::Duration::from_std(self.late)
            .map_err(|cause| Error::config("objects cannot be as late as that").caused_by(cause))?;
        let mut config = json!({ "keys": self.keys, "late_secs": self.late.as_secs() });
        self.how.tell(&mut config);
        let locator = locator(self.store.uri(), &self.keys);
        let info = SourceInfo::new(KIND, self.dataset, locator).with_config(config);
        let limits = self.how.limits(false);
        let How { format, finished, poll, decoded, .. } = self.how;
        let Self { store, remember, .. } = self;
        let settings = Settings { store, keys, format, finished, limits, poll, remember, late, decoded };
        Ok(ObjectsSource::new(info, settings))
    }
}
