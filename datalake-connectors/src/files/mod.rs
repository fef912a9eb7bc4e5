//! Files on a disk: one file, a directory or a glob. Those of an object store are read by [`objects`].
//!
//! ```
//! use datalake_connectors::files::{FileFormat, FilesSource};
//!
//! let reports = FilesSource::builder("reports".parse()?, "/var/reports/*.csv").build()?;
//! let log = FilesSource::builder("access-log".parse()?, "/var/log/shop/access.log")
//!     .format(FileFormat::Lines)
//!     .follow(true)
//!     .build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! **Bytes.** The documents of a file, one after the other, are the bytes of the file, whatever they are. A file longer
//! than a [batch](FilesSourceBuilder::batch_bytes) is cut at record boundaries. A gzip or zstd file, known by its
//! first bytes, is read as its content: that is what is archived, under the name of the compressed file.
//!
//! **Growth.** A file that has grown is read on where it was left. Otherwise every file is taken as it stands, also a
//! last line without a line end; if that line was not finished, what is added to it later is a record of its
//! own. With [`follow`](FilesSourceBuilder::follow) the last line waits until it is finished, or until its file
//! has been renamed and left alone, emptied or removed; a file that cannot be cut at line or row ends (one record, a
//! JSON array, a compressed file) is taken when it has been left alone for the
//! [poll interval](FilesSourceBuilder::poll). A file that is one record and has grown is read again as a whole.
//!
//! **Half-written files.** A writer that does not append, but writes a report over minutes, gives no record boundary to wait
//! for. [`finished`](FilesSourceBuilder::finished) says how its file is known to be whole: by a marker, or by having been
//! left alone.
//!
//! **Rotation.** A file is known by its inode and the time it was made, and by what it contains before the position:
//! the first and the last kibibyte. A renamed file is read on, before its successor, also under a name outside the
//! pattern if it stays in its directory. A file that is another under an old name, or was emptied, or written anew,
//! is read from its beginning. A copy of a file, also a compressed one, is a file of its own: keep copies out of
//! the pattern.
//!
//! **Changes in place.** A file that was read to its end and has been touched since, but has not grown, is compared
//! as a whole by a checksum. If it is the same, nothing happens; if not, a warning is logged and it is read again
//! from its beginning. A file that has both grown and changed in the middle is only read on: its first kibibyte and
//! the last one before the position are looked at, and no more.
//!
//! **Failures.** A file that cannot be read costs no other file anything. Its records before the damage are given, a
//! warning is logged, it is among the [`failures`](FilesSource::failures), and it is not tried again before it
//! changes.
//!
//! **Order.** By path; renamed files that have something left come first, the oldest first.

use std::path::PathBuf;
use std::sync::Arc;

use datalake_core::split::Decoder;
use datalake_core::{Dataset, Next, Position, Remaining, Result, Source, SourceInfo, async_trait};

mod access;
mod builder;
#[cfg(any(feature = "files-parquet", feature = "files-sheets"))]
mod civil;
mod dialect;
mod error;
mod failures;
mod finished;
mod format;
mod hand;
mod how;
mod identity;
mod listing;
pub mod objects;
mod opening;
#[cfg(any(feature = "files-parquet", feature = "files-sheets"))]
mod out;
#[cfg(feature = "files-parquet")]
pub mod parquet;
mod plan;
mod position;
mod reading;
#[cfg(feature = "files-sheets")]
pub mod sheets;
#[cfg(test)]
mod tests;
mod worker;

pub use access::{AccessLog, AccessLogs};
pub use builder::FilesSourceBuilder;
pub use dialect::CsvDialect;
pub use failures::{FailedFile, Failures};
pub use finished::Finished;
pub use format::FileFormat;
use hand::{Hand, Step};
pub use objects::{ObjectsSource, ObjectsSourceBuilder};
#[cfg(feature = "files-parquet")]
pub use parquet::{Parquet, ParquetDecoder};
use position::{SCHEMA, State};
#[cfg(feature = "files-sheets")]
pub use sheets::{SheetHeader, Sheets, SheetsDecoder};
use worker::{Settings, Worker};

/// The kind of the source.
const KIND: &str = "files.local";

/// Reads files. See the [module](self).
///
/// One batch is read ahead.
#[derive(Debug)]
pub struct FilesSource {
    info: SourceInfo,
    settings: Arc<Settings>,
    failures: Failures,
    hand: Hand<Worker>,
    left: Option<u64>,
}

impl FilesSource {
    /// A source for the files of a path: a file, a directory, or a glob with `*`, `?`, `[…]` and `**`. A path that
    /// exists is no glob.
    pub fn builder(dataset: Dataset, path: impl Into<PathBuf>) -> FilesSourceBuilder {
        FilesSourceBuilder::new(dataset, path.into())
    }

    fn new(info: SourceInfo, settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let failures = Failures::default();
        let worker = Worker::new(Arc::clone(&settings), State::default(), failures.clone());
        Self { info, settings, failures, hand: Hand::new(worker), left: None }
    }

    /// The files that could not be read, for as long as the source lives.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures.clone()
    }
}

#[async_trait]
impl Source for FilesSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        loop {
            let (step, ahead) = self.hand.step().await;
            let Step { next, left } = step.map_err(|error| error.component(KIND))?;
            self.left = Some(left);
            match next {
                // It was idle before it was asked: there may be something by now.
                Next::Idle(_) if ahead => {}
                Next::Batch(_) => {
                    self.hand.go_ahead();
                    return Ok(next);
                }
                next => return Ok(next),
            }
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let state = match position {
            Some(position) => position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?,
            None => State::default(),
        };
        let worker = Worker::new(Arc::clone(&self.settings), state, self.failures.clone());
        self.hand = Hand::new(worker);
        self.left = None;
        Ok(())
    }

    fn decoders(&self) -> Vec<Arc<dyn Decoder>> {
        let others = self.settings.decoded.iter().map(|decoded| Arc::clone(&decoded.decoder));
        [Arc::new(AccessLogs) as Arc<dyn Decoder>].into_iter().chain(others).collect()
    }

    fn remaining(&self) -> Remaining {
        Remaining { bytes: self.left, ..Remaining::default() }
    }

    async fn close(&mut self) -> Result<()> {
        self.hand = Hand::Nobody;
        Ok(())
    }
}
