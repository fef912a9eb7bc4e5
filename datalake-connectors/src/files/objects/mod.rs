//! Files in an object store: everything below a prefix, or what a glob matches.
//!
//! ```
//! use std::sync::Arc;
//! use datalake_connectors::files::{FileFormat, ObjectsSource};
//! use datalake_core::store::MemoryStore;
//!
//! let bucket = Arc::new(MemoryStore::new());
//! let reports = ObjectsSource::builder("reports".parse()?, bucket, "exports/2026/**/*.csv.gz").build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! The store is the caller's: one on S3 comes from `datalake-sinks`. Formats, dialects, access logs and compression are
//! those of [`FilesSource`](super::FilesSource), and so is the cutting of long files. An object is read by ranges of a
//! [batch](ObjectsSourceBuilder::batch_bytes), and each range is of the version that was listed.
//!
//! **New objects.** A store lists by key and not by time, so a late object can have any key. The whole prefix is listed
//! in every pass, and the position remembers what was read: eight bytes for each object that still exists, made of its key
//! and its entity tag (or length and time, where the store has no tags). Late keys are therefore never passed over,
//! whatever their name.
//!
//! **The bound.** At most [`remember`](ObjectsSourceBuilder::remember) objects are remembered, 50,000 by default, which
//! makes a position of about half a megabyte. When there are more, those written longest ago are replaced by their time:
//! whatever the store says was written up to then counts as read. That is done only to what is older than whatever waits for
//! a marker, and older than [`late`](ObjectsSourceBuilder::late), seven days by default, which is as long as an object may take from the time it
//! carries to the moment it can be seen: S3 dates an upload in parts by its beginning. If even then there is too much to
//! remember, the source fails before it reads anything and loses nothing. Give each day, or each month, a source with a prefix
//! of its own then: that also spares listing the rest.
//!
//! **Changes.** An object that was written over with other bytes is read again from its beginning, also when it changes
//! while it is read; what was given of it stays given. One that is deleted is forgotten, and is new when it comes back. An
//! object is whole or not there, so nothing waits for its end; [`finished`](ObjectsSourceBuilder::finished) waits for a
//! marker beside it.
//!
//! **Failures.** An object that is damaged, or too long, or without the header that is demanded, costs no other anything, as
//! with files. One that may not be read stops the source with an error that names it: it is not taken for read. What was put
//! into the store under a key by which an [`ObjectStore`] does not read (`exports//2026.csv`, a backslash, control
//! characters) is passed over with a warning and is among the failures; write it under another key. Of a thousand failures each
//! is named, and those beyond are counted.
//!
//! **Order.** By the time they were written, then by key.

use std::sync::Arc;

use datalake_core::split::Decoder;
use datalake_core::store::ObjectStore;
use datalake_core::{Dataset, Next, Position, Remaining, Result, Source, SourceInfo, async_trait};

mod builder;
mod listing;
mod opening;
mod position;
mod ranges;
#[cfg(test)]
mod tests;
mod worker;

use super::hand::{Hand, Step};
use super::{AccessLogs, Failures};
pub use builder::ObjectsSourceBuilder;
use position::{SCHEMA, State};
use worker::{Settings, Worker};

/// The kind of the source.
const KIND: &str = "files.objects";

/// Reads the objects of a store. See the [module](self).
#[derive(Debug)]
pub struct ObjectsSource {
    info: SourceInfo,
    settings: Arc<Settings>,
    failures: Failures,
    hand: Hand<Worker>,
    left: Option<u64>,
}

impl ObjectsSource {
    /// A source for the objects of a store whose keys begin with a prefix, or match a glob with `*`, `?`, `[…]` and `**`. The
    /// prefix is a text and no folder: `orders` is also the beginning of `orders-old/1`.
    pub fn builder(dataset: Dataset, store: Arc<dyn ObjectStore>, keys: &str) -> ObjectsSourceBuilder {
        ObjectsSourceBuilder::new(dataset, store, keys)
    }

    fn new(info: SourceInfo, settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let failures = Failures::default();
        let worker = Worker::new(Arc::clone(&settings), State::default(), failures.clone());
        Self { info, settings, failures, hand: Hand::new(worker), left: None }
    }

    /// The objects that could not be read, for as long as the source lives.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures.clone()
    }
}

#[async_trait]
impl Source for ObjectsSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let (step, _) = self.hand.step().await;
        let Step { next, left } = step.map_err(|error| error.component(KIND))?;
        self.left = Some(left);
        Ok(next)
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
