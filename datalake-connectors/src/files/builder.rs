//! Settings.

use std::path::PathBuf;
use std::time::Duration;

use datalake_core::codec::Expansion;
use datalake_core::{Dataset, Error, Result, SourceInfo};
use serde_json::json;

use super::format::Decoded;
use super::listing::Pattern;
use super::opening::Limits;
use super::worker::Settings;
use super::{FileFormat, FilesSource, Finished};

/// The settings of a [`FilesSource`].
#[derive(Debug, Clone)]
pub struct FilesSourceBuilder {
    dataset: Dataset,
    pattern: PathBuf,
    format: FileFormat,
    recursive: bool,
    follow: bool,
    decompress: bool,
    batch_bytes: usize,
    max_document_bytes: usize,
    expansion: Expansion,
    poll: Duration,
    finished: Finished,
    decoded: Vec<Decoded>,
}

impl FilesSourceBuilder {
    pub(super) fn new(dataset: Dataset, pattern: PathBuf) -> Self {
        Self {
            dataset,
            pattern,
            format: FileFormat::Auto,
            recursive: false,
            follow: false,
            decompress: true,
            batch_bytes: 4 << 20,
            max_document_bytes: 256 << 20,
            expansion: Expansion::default(),
            poll: Duration::from_secs(1),
            finished: Finished::default(),
            decoded: Vec::new(),
        }
    }

    /// Reads workbooks too: files called `xlsx`, `xlsm`, `xltx`, `xltm`, `xlsb`, `xls` or `ods`, where the format is
    /// [`Auto`](FileFormat::Auto). Each is one document; its rows are the records, see [`sheets`](super::sheets). Without
    /// this they are files of any content.
    #[cfg(feature = "files-sheets")]
    #[must_use]
    pub fn sheets(mut self, sheets: super::Sheets) -> Self {
        self.decoded.push(Decoded::sheets(sheets));
        self
    }

    /// Reads Parquet files too: files called `parquet`, `parq` or `pq`, where the format is [`Auto`](FileFormat::Auto).
    /// Each is one document; its rows are the records, see [`parquet`](super::parquet). Without this they are files of any
    /// content.
    #[cfg(feature = "files-parquet")]
    #[must_use]
    pub fn parquet(mut self, parquet: super::Parquet) -> Self {
        self.decoded.push(Decoded::parquet(parquet));
        self
    }

    /// What the files contain. By their extension, by default.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.format = format;
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
        self.decompress = decompress;
        self
    }

    /// The size of a batch, in bytes: 4 MiB by default. A longer file is cut into documents of at most this size, at
    /// record boundaries; only a longer record makes a longer document.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// The longest record, and the longest file that is one record, in bytes: 256 MiB by default, less than 4 GiB. A
    /// file with a longer one fails there.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// How far a compressed file may expand.
    #[must_use]
    pub fn expansion(mut self, expansion: Expansion) -> Self {
        self.expansion = expansion;
        self
    }

    /// How long to wait before looking for new content: a second by default. In follow mode a file that cannot be cut at
    /// record boundaries is taken when nobody has touched it for as long.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// How a file is known to be finished. Files are taken as they stand, by default.
    #[must_use]
    pub fn finished(mut self, finished: Finished) -> Self {
        self.finished = finished;
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
        if self.batch_bytes == 0 || self.poll.is_zero() {
            return Err(Error::config("a batch has at least one byte, and the poll interval some length"));
        }
        if self.max_document_bytes < self.batch_bytes || self.max_document_bytes >= u32::MAX as usize {
            return Err(Error::config("a document is at least as large as a batch, and less than 4 GiB"));
        }
        self.finished.check()?;
        self.format.check()?;
        if !self.decoded.is_empty() && self.format != FileFormat::Auto {
            return Err(Error::config(
                "workbooks and tables are known by their extension: leave the format to it",
            ));
        }
        let pattern = Pattern::new(self.pattern.clone(), self.recursive)?;
        let mut config = json!({
            "pattern": self.pattern.display().to_string(),
            "format": self.format.name(),
            "recursive": self.recursive,
            "follow": self.follow,
            "decompress": self.decompress,
            "max_document_bytes": self.max_document_bytes,
        });
        if !self.decoded.is_empty() {
            config["decoded"] = self.decoded.iter().map(|decoded| json!(decoded.format)).collect();
        }
        if let Some(finished) = self.finished.config() {
            config["finished"] = finished;
        }
        let info = SourceInfo::new("files.local", self.dataset, self.pattern.display().to_string())
            .with_config(config);
        let limits = Limits {
            batch: self.batch_bytes,
            document: self.max_document_bytes,
            expansion: self.expansion,
            decompress: self.decompress,
            follow: self.follow,
        };
        Ok(FilesSource::new(
            info,
            Settings {
                pattern,
                format: self.format,
                limits,
                poll: self.poll,
                finished: self.finished,
                decoded: self.decoded,
            },
        ))
    }
}
