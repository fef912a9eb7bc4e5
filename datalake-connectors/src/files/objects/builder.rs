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
use crate::files::format::Decoded;
use crate::files::opening::Limits;
use crate::files::{FileFormat, Finished};

/// The settings of an [`ObjectsSource`].
#[derive(Debug, Clone)]
pub struct ObjectsSourceBuilder {
    dataset: Dataset,
    store: Arc<dyn ObjectStore>,
    keys: String,
    format: FileFormat,
    finished: Finished,
    decompress: bool,
    batch_bytes: usize,
    max_document_bytes: usize,
    expansion: Expansion,
    poll: Duration,
    remember: usize,
    late: Duration,
    decoded: Vec<Decoded>,
}

impl ObjectsSourceBuilder {
    pub(super) fn new(dataset: Dataset, store: Arc<dyn ObjectStore>, keys: &str) -> Self {
        Self {
            dataset,
            store,
            keys: keys.to_owned(),
            format: FileFormat::Auto,
            finished: Finished::default(),
            decompress: true,
            batch_bytes: 4 << 20,
            max_document_bytes: 256 << 20,
            expansion: Expansion::default(),
            poll: Duration::from_secs(60),
            remember: 50_000,
            late: Duration::from_secs(7 * 24 * 3600),
            decoded: Vec::new(),
        }
    }

    /// Reads workbooks too, as [`FilesSourceBuilder::sheets`](crate::files::FilesSourceBuilder::sheets).
    #[cfg(feature = "files-sheets")]
    #[must_use]
    pub fn sheets(mut self, sheets: crate::files::Sheets) -> Self {
        self.decoded.push(Decoded::sheets(sheets));
        self
    }

    /// Reads Parquet too, as [`FilesSourceBuilder::parquet`](crate::files::FilesSourceBuilder::parquet).
    #[cfg(feature = "files-parquet")]
    #[must_use]
    pub fn parquet(mut self, parquet: crate::files::Parquet) -> Self {
        self.decoded.push(Decoded::parquet(parquet));
        self
    }

    /// What the objects contain. By the extension of their keys, by default.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.format = format;
        self
    }

    /// Waits for a [marker](Finished::Marker) beside an object, or in its folder, before it is read. Objects are whole, so
    /// nothing is waited for by default.
    #[must_use]
    pub fn finished(mut self, finished: Finished) -> Self {
        self.finished = finished;
        self
    }

    /// Whether gzip and zstd objects are read as their content. They are, by default.
    #[must_use]
    pub fn decompress(mut self, decompress: bool) -> Self {
        self.decompress = decompress;
        self
    }

    /// The size of a batch and of a range that is asked for, in bytes: 4 MiB by default. A longer object is cut into
    /// documents of at most this size, at record boundaries.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// The longest record, and the longest object that is one record, in bytes: 256 MiB by default, less than 4 GiB.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// How far a compressed object may expand.
    #[must_use]
    pub fn expansion(mut self, expansion: Expansion) -> Self {
        self.expansion = expansion;
        self
    }

    /// How long to wait before listing again: a minute by default. A list costs one request for a thousand keys.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval;
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
        if self.batch_bytes == 0 || self.poll.is_zero() || self.remember == 0 {
            let message =
                "a batch has at least one byte, a memory one object, and the poll interval some length";
            return Err(Error::config(message));
        }
        if self.max_document_bytes < self.batch_bytes || self.max_document_bytes >= u32::MAX as usize {
            return Err(Error::config("a document is at least as large as a batch, and less than 4 GiB"));
        }
        if self.finished.quiet().is_some() {
            return Err(Error::config("an object is whole: there is nothing to wait for but a marker"));
        }
        self.finished.check()?;
        self.format.check()?;
        if !self.decoded.is_empty() && self.format != FileFormat::Auto {
            return Err(Error::config(
                "workbooks and tables are known by their extension: leave the format to it",
            ));
        }
        let keys = Keys::new(&self.keys)?;
        let late = chrono::Duration::from_std(self.late)
            .map_err(|cause| Error::config("objects cannot be as late as that").caused_by(cause))?;
        let mut config = json!({
            "keys": self.keys,
            "format": self.format.name(),
            "decompress": self.decompress,
            "max_document_bytes": self.max_document_bytes,
            "late_secs": self.late.as_secs(),
        });
        if !self.decoded.is_empty() {
            config["decoded"] = self.decoded.iter().map(|decoded| json!(decoded.format)).collect();
        }
        if let Some(finished) = self.finished.config() {
            config["finished"] = finished;
        }
        let locator = locator(self.store.uri(), &self.keys);
        let info = SourceInfo::new(KIND, self.dataset, locator).with_config(config);
        let limits = Limits {
            batch: self.batch_bytes,
            document: self.max_document_bytes,
            expansion: self.expansion,
            decompress: self.decompress,
            follow: false,
        };
        Ok(ObjectsSource::new(
            info,
            Settings {
                store: self.store,
                keys,
                format: self.format,
                finished: self.finished,
                limits,
                poll: self.poll,
                remember: self.remember,
                late,
                decoded: self.decoded,
            },
        ))
    }
}
