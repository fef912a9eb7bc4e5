//! The settings of a source that invocations feed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datalake_core::store::ObjectStore;
use datalake_core::{Dataset, Error, Format, Result, SourceInfo};
use serde_json::json;

use super::objects::Objects;
use super::{Feed, InvocationSource, Settings};

/// How long a batch waits for others to share its commit. An invocation commits when all of it was read.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);

/// Builds an [`InvocationSource`]: [`Feed::source`].
#[derive(Debug)]
#[must_use]
pub struct InvocationSourceBuilder {
    feed: Feed,
    dataset: Dataset,
    format: Format,
    objects: Objects,
    settings: Settings,
}

impl InvocationSourceBuilder {
    pub(super) fn new(feed: Feed, dataset: Dataset) -> Self {
        let (objects, settings) = (Objects::default(), Settings::default());
        Self { feed, dataset, format: Format::Json, objects, settings }
    }

    /// Says what a record of a stream or a message of a queue contains. By default one JSON value.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Gives the store in which new objects of a bucket are found, or those below a prefix of it: `landing`, or
    /// `landing/incoming` for a store whose keys begin after that.
    pub fn objects(mut self, location: impl Into<String>, store: Arc<dyn ObjectStore>) -> Self {
        self.objects.add(location.into(), store);
        self
    }

    /// Says what an object contains. By default it is told by the extension of its key, as for files: `ndjson`,
    /// `jsonl`, `json`, `csv`, `tsv`, `txt`, `log`; the object is one record for any other.
    pub fn object_format(mut self, format: Format) -> Self {
        self.objects.format = Some(Arc::new(format));
        self
    }

    /// Sets the most bytes of an object, which is held in memory. A larger one fails its event. By default 64 MiB.
    pub fn max_object(mut self, bytes: u64) -> Self {
        self.objects.largest = bytes;
        self
    }

    /// Takes only what comes from a stream, queue or bucket of this ARN; may be called for several. By default
    /// everything.
    pub fn only_from(mut self, arn: impl Into<String>) -> Self {
        self.settings.only_from.push(arn.into());
        self
    }

    /// Answers an event of which not all was committed with an error, so that all of it comes again, instead of with
    /// the list of what was not. For event source mappings without `ReportBatchItemFailures`, which take such a list
    /// for success.
    pub fn whole_batches(mut self) -> Self {
        self.settings.whole_batches = true;
        self
    }

    /// Makes the source.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if the feed has a source already.
    pub fn build(self) -> Result<InvocationSource> {
        if self.feed.0.taken.swap(true, Ordering::Relaxed) {
            return Err(Error::config("the feed has a source already"));
        }
        let locator = match self.settings.only_from.as_slice() {
            [] => "lambda:".to_owned(),
            only => only.join(" "),
        };
        let config = json!({ "format": self.format, "object_format": self.objects.format.as_deref() });
        let info = SourceInfo::new("lambda.invocation", self.dataset, locator)
            .without_seek()
            .with_commit(COMMIT_WITHIN)
            .with_config(config);
        // Taken above by this source alone.
        self.feed.0.settings.set(self.settings).ok();
        Ok(InvocationSource { info, feed: self.feed, format: Arc::new(self.format), objects: self.objects })
    }
}
