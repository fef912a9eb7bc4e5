//! The settings of a lake source.

use std::time::Duration;

use datalake_core::lake::{Lake, Zone};
use datalake_core::{Ambient, Dataset, Error, PipelineId, Result, Retry, SourceInfo};
use serde_json::json;

use super::reading::{LakeSource, Settings};
use super::{SYSTEM, cut, plan};

/// A batch can take thousands of requests, so that each is tried a few times before the engine tries them all again.
fn tries() -> Retry {
    Retry::new(3, Duration::from_millis(100), Duration::from_secs(1))
}

/// Makes a [`LakeSource`].
///
/// It tries each request three times, whatever the [policy](Lake::with_retry) of the lake, and the engine does the rest.
#[derive(Debug, Clone)]
#[must_use]
pub struct LakeSourceBuilder {
    lake: Lake,
    zone: Zone,
    from: Dataset,
    dataset: Option<Dataset>,
    pipelines: Vec<PipelineId>,
    poll_every: Duration,
    batch_bytes: usize,
}

impl LakeSourceBuilder {
    pub(super) fn new(lake: Lake, zone: Zone, from: Dataset) -> Self {
        Self {
            lake,
            zone,
            from,
            dataset: None,
            pipelines: Vec::new(),
            poll_every: Duration::from_secs(10),
            batch_bytes: cut::BATCH,
        }
    }

    /// The dataset that the records go to. By default it is called as the one they come from.
    pub fn dataset(mut self, dataset: Dataset) -> Self {
        self.dataset = Some(dataset);
        self
    }

    /// Follows only this pipeline; call it again for more. By default all that commit to the dataset.
    pub fn pipeline(mut self, pipeline: PipelineId) -> Self {
        self.pipelines.push(pipeline);
        self
    }

    /// How long to wait at the heads of all ledgers before looking again, ten seconds by default.
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// How many bytes of documents a batch holds, unless one document has more. 4 MiB by default, at most 8.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// Checks the settings. Reads nothing.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong;
    /// [`Unsupported`](datalake_core::ErrorKind::Unsupported) for the quarantine, which `replay` is for.
    pub fn build(self) -> Result<LakeSource> {
        if !matches!(self.zone, Zone::Raw | Zone::Curated) {
            return Err(Error::new(
                datalake_core::ErrorKind::Unsupported,
                "only the raw and the curated zone can be read as a source",
            )
            .component(SYSTEM)
            .with("zone", self.zone));
        }
        if self.batch_bytes == 0 || self.batch_bytes > cut::MOST {
            return Err(Error::config("a batch holds 1 byte to 8 MiB")
                .component(SYSTEM)
                .with("batch_bytes", self.batch_bytes));
        }
        let locator = plan::uri(&self.lake, &format!("{}/{}", self.zone, self.from));
        let dataset = self.dataset.unwrap_or_else(|| self.from.clone());
        let info = SourceInfo::new(SYSTEM, dataset, locator).with_config(json!({
            "zone": self.zone,
            "from": self.from,
            "pipelines": self.pipelines,
        }));
        let settings = Settings {
            zone: self.zone,
            from: self.from,
            pipelines: self.pipelines,
            poll_every: self.poll_every,
            batch_bytes: self.batch_bytes,
        };
        let lake = self.lake.with_retry(tries(), Ambient::system());
        Ok(LakeSource::new(lake, info, settings))
    }
}
