//! Building a pipeline.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::chain::Chain;
use super::{Options, Pipeline, Progress, Reshaper, Shared};
use crate::ambient::Ambient;
use crate::envelope::{Worker, config_digest};
use crate::id::PipelineId;
use crate::lake::Lake;
use crate::ledger::Ledger;
use crate::retry::Retry;
use crate::sink::{Archive, Land, Landing, Quarantine, Sink};
use crate::source::Source;
use crate::split::{Decoder, Decoders};
use crate::transform::Transform;
use crate::{Error, Result};

/// Builds a [`Pipeline`]. A source, a sink or an archive, and a ledger are required.
#[must_use]
pub struct PipelineBuilder {
    name: String,
    source: Option<Box<dyn Source>>,
    archive: Option<Box<dyn Archive>>,
    decoders: Decoders,
    transforms: Vec<Arc<dyn Transform>>,
    sinks: Vec<Box<dyn Sink>>,
    quarantine: Option<Box<dyn Quarantine>>,
    ledger: Option<Box<dyn Ledger>>,
    lake: Option<Lake>,
    worker: Worker,
    options: Options,
    ambient: Ambient,
    failed: Option<Error>,
}

impl PipelineBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            source: None,
            archive: None,
            decoders: Decoders::default(),
            transforms: Vec::new(),
            sinks: Vec::new(),
            quarantine: None,
            ledger: None,
            lake: None,
            worker: Worker::new("datalake", env!("CARGO_PKG_VERSION")),
            options: Options::default(),
            ambient: Ambient::system(),
            failed: None,
        }
    }

    /// Sets where data comes from.
    pub fn source(self, source: impl Source) -> Self {
        self.boxed_source(Box::new(source))
    }

    /// Sets where data comes from, chosen at run time.
    pub fn boxed_source(mut self, source: Box<dyn Source>) -> Self {
        self.source = Some(source);
        self
    }

    /// Adds what makes records of documents that the source did not make itself, for instance of the raw zone of another
    /// lake. The decoders of the source are known without it.
    pub fn decoder(mut self, decoder: impl Decoder) -> Self {
        self.decoders = self.decoders.with(Arc::new(decoder));
        self
    }

    /// Adds what changes the records next.
    pub fn transform(mut self, transform: impl Transform) -> Self {
        self.transforms.push(Arc::new(transform));
        self
    }

    /// Adds where records go. With several sinks every record goes to each, and a batch is committed once all have
    /// it.
    pub fn sink(mut self, sink: impl Sink) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Sets where documents are kept as they came.
    pub fn archive(mut self, archive: impl Archive) -> Self {
        self.archive = Some(Box::new(archive));
        self
    }

    /// Sets where refused records are kept. Without one, a refused record ends the run.
    pub fn quarantine(mut self, quarantine: impl Quarantine) -> Self {
        self.quarantine = Some(Box::new(quarantine));
        self
    }

    /// Sets where commits go.
    pub fn ledger(mut self, ledger: impl Ledger) -> Self {
        self.ledger = Some(Box::new(ledger));
        self
    }

    /// Archives to a lake, adds it as a sink, and keeps quarantine and ledger there.
    pub fn lake(mut self, lake: &impl Land) -> Self {
        self.lake = lake.lake().cloned();
        match lake.landing() {
            Ok(Landing { archive, sink, quarantine, ledger }) => {
                self.archive = archive;
                self.sinks.extend(sink);
                self.quarantine = Some(quarantine);
                self.ledger = Some(ledger);
            }
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
        self
    }

    /// Names the program for lineage.
    pub fn worker(mut self, worker: Worker) -> Self {
        self.worker = worker;
        self
    }

    /// Sets how much is held at once.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the bytes of documents that may be under way.
    pub fn bytes_in_flight(mut self, bytes: usize) -> Self {
        self.options.bytes_in_flight = bytes;
        self
    }

    /// Sets about how many bytes of records one commit should hold: it ends when one more batch like the last would take it
    /// farther from that.
    pub fn target_bytes(mut self, bytes: usize) -> Self {
        self.options.target_bytes = Some(bytes);
        self
    }

    /// Sets the longest a batch waits for others to share its commit.
    pub fn commit_within(mut self, time: Duration) -> Self {
        self.options.commit_within = time;
        self
    }

    /// Sets how often a call is tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = retry;
        self
    }

    /// Replaces time, randomness and processors, for simulations.
    pub fn ambient(mut self, ambient: Ambient) -> Self {
        self.ambient = ambient;
        self
    }

    /// Puts only the transforms together, for records that a platform brings and takes back. Source, sinks and ledger
    /// are not needed, and not looked at.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if the name is bad.
    pub fn reshaper(self) -> Result<Reshaper> {
        let id = PipelineId::new(&self.name)?;
        let chain = Chain::new(self.decoders, self.transforms, false);
        Ok(Reshaper::new(id, &self.worker, chain, self.options.retry, self.ambient))
    }

    /// Checks the parts and puts them together.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if a required part is missing or a name is bad.
    pub fn build(self) -> Result<Pipeline> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let id = PipelineId::new(&self.name)?;
        let missing = |what: &'static str| Error::config(what).with("pipeline", &id);
        let source = self.source.ok_or_else(|| missing("the pipeline has no source"))?;
        let ledger = self.ledger.ok_or_else(|| missing("the pipeline has no ledger"))?;
        if self.sinks.is_empty() && self.archive.is_none() {
            return Err(missing("the pipeline has neither sink nor archive"));
        }
        let info = source.info().clone();
        let decoders = self.decoders.with_all(source.decoders());
        let lake = self.lake.map(|lake| lake.with_decoders(&decoders));
        let chain = Chain::new(decoders, self.transforms, self.sinks.is_empty());
        let sinks: Vec<_> =
            self.sinks.iter().map(|sink| json!([sink.info().name, sink.info().config])).collect();
        let config = json!([info.system, info.locator, info.config, chain.describe(), sinks]);
        let worker = Arc::new(Worker { config: config_digest(&config), ..self.worker });
        let shared = Shared {
            id,
            info,
            archive: self.archive,
            chain,
            sinks: self.sinks,
            quarantine: self.quarantine,
            ledger,
            lake,
            worker: Mutex::new(worker),
            options: self.options,
            ambient: self.ambient,
            progress: watch::Sender::new(Progress::default()),
            begun: Mutex::default(),
        };
        Ok(Pipeline { shared: Arc::new(shared), source, held: Default::default(), untold: None })
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
