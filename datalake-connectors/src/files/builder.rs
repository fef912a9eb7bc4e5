//! Settings.

use std::path::PathBuf;
use std::time::Duration;

use datalake_core::codec::Expansion;
use datalake_core::{Dataset, Error, Result, SourceInfo};
use serde_json::json;

#[cfg(any(feature = "files-parquet", feature = "files-sheets"))]
use super::format::Decoded;
use super::how::How;
use super::listing::Pattern;
use super::worker::Settings;
use super::{FileFormat, FilesSource, Finished, KIND};

/// The settings of a [`FilesSource`].
#[derive(Debug, Clone)]
pub struct FilesSourceBuilder {
    dataset: Dataset,
    pattern: PathBuf,
    recursive: bool,
    follow: bool,
    how: How,
}

impl FilesSourceBuilder {
    pub(super) fn new(dataset: Dataset, pattern: PathBuf) -> Self {
        Self { dataset, pattern, recursive: false, follow: false, how: How::new(Duration::from_secs(1)) }
    }

    /// Reads workbooks too: files called `xlsx`, `xlsm`, `xltx`, `xltm`, `xlsb`, `xls` or `ods`, where the format is
    /// [`Auto`](FileFormat::Auto). Each is one document; its rows are the records, see [`sheets`](super::sheets). Without
    /// this they are files of any content.
    #[cfg(feature = "files-sheets")]
    #[must_use]
    pub fn sheets(mut self, sheets: super::Sheets) -> Self {
        self.how.decoded.push(Decoded::sheets(sheets));
        self
    }

    /// Reads Parquet files too: files called `parquet`, `parq` or `pq`, where the format is [`Auto`](FileFormat::Auto).
    /// Each is one document; its rows are the records, see [`parquet`](super::parquet). Without this they are files of any
    /// content.
    #[cfg(feature = "files-parquet")]
    #[must_use]
    pub fn parquet(mut self, parquet: super::Parquet) -> Self {
        self.how.decoded.push(Decoded::parquet(parquet));
        self
    }

    /// What the files contain. By their extension, by default.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.how.format = format;
        self
    }

    /// Whether directories in the directory are read too. Not, by default. A glob has `**` for that.
    #[must_use]
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.recursive = recursive;
        self
    }

    /// Whether files may still be written to, so that what is not finished waits. Not, by default.
    #[must_use]
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Whether gzip and zstd files are read as their content. They are, by default; otherwise their bytes are read as
    /// they lie, which goes with [`FileFormat::Whole`].
    #[must_use]
    pub fn decompress(mut self, decompress: bool) -> Self {
        self.how.decompress = decompress;
        self
    }

    /// The size of a batch, in bytes: 4 MiB by default. A longer file is cut into documents of at most this size, at
    /// record boundaries; only a longer record makes a longer document.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.how.batch_bytes = bytes;
        self
    }

    /// The longest record, and the longest file that is one record, in bytes: 256 MiB by default, less than 4 GiB. A
    /// file with a longer one fails there.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.how.max_document_bytes = bytes;
        self
    }

    /// How far a compressed file may expand.
    #[must_use]
    pub fn expansion(mut self, expansion: Expansion) -> Self {
        self.how.expansion = expansion;
        self
    }

    /// How long to wait before looking for new content: a second by default. In follow mode a file that cannot be cut at
    /// record boundaries is taken when nobody has touched it for as long.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.how.poll = interval;
        self
    }

    /// How a file is known to be finished. Files are taken as they stand, by default.
    #[must_use]
    pub fn finished(mut self, finished: Finished) -> Self {
        self.how.finished = finished;
        self
    }

    /// Makes the source. Does not look at the files yet.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a glob that cannot be read, a size of zero, or
    /// a dialect that cannot be.
    pub fn build(self) -> Result<FilesSource> {
        if self.pattern.as_os_str().is_empty() {
            return Err(Error::config("the path of the files is empty"));
        }
        self.how.check()?;
        let pattern = Pattern::new(self.pattern.clone(), self.recursive)?;
        let mut config = json!({
            "pattern": self.pattern.display().to_string(),
            "recursive": self.recursive,
            "follow": self.follow,
        });
        self.how.tell(&mut config);
        let info =
            SourceInfo::new(KIND, self.dataset, self.pattern.display().to_string()).with_config(config);
        let limits = self.how.limits(self.follow);
        let How { format, finished, poll, decoded, .. } = self.how;
        Ok(FilesSource::new(info, Settings { pattern, format, limits, poll, finished, decoded }))
    }
}
