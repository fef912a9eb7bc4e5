//! Reading a lake through its ledger: what is in it, where it came from, and whether it is whole.
//!
//! An object counts if and only if a commit names it, so nothing here lists folders to find data.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::Result;
use crate::ambient::Ambient;
use crate::codec::Expansion;
use crate::digest::Sha256;
use crate::id::{Dataset, PipelineId, RecordId};
use crate::ledger::{Entry, Ledger, StoreLedger};
use crate::retry::Retry;
use crate::split::Decoders;
use crate::store::{LocalStore, ObjectStore, PatientStore};
use crate::{Error, ErrorKind};

mod clean;
mod compact;
mod format;
pub mod layout;
mod line;
pub mod ndjson;
mod partition;
mod raw;
pub mod stamp;
mod trace;
mod verify;
mod view;

pub use clean::{Cleaned, clean};
pub use compact::{Compacted, Compaction};
pub use format::{ObjectFormat, Piece};
pub use layout::Zone;
pub use line::QuarantineLine;
pub use partition::Partition;
pub use trace::{CuratedAt, Remade, Trace, Tracer};
pub use verify::{Checking, Problem, Verified};
pub use view::{Object, Summary, View};

/// A lake: zones and a ledger in an object store, for reading.
///
/// What fails in the store for a while is [tried again](Self::with_retry), by default as [`Retry::default`] says. An error
/// of the store that comes all the same and is temporary is [exhausted](crate::Error::exhausted), unless there was to be
/// one try only.
///
/// Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Lake {
    store: PatientStore,
    ledger: StoreLedger,
    formats: Arc<[Arc<dyn ObjectFormat>]>,
    decoders: Decoders,
}

impl Lake {
    /// The lake in a store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        let ndjson: Arc<dyn ObjectFormat> = Arc::new(format::Ndjson);
        let store = PatientStore::new(store);
        Self {
            ledger: StoreLedger::over(store.clone()),
            store,
            formats: [ndjson].into(),
            decoders: Decoders::default(),
        }
    }

    /// The lake in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made, or is named by a URL.
    pub fn local(root: impl Into<std::path::PathBuf>) -> Result<Self> {
        Ok(Self::new(Arc::new(LocalStore::open(root)?)))
    }

    /// The same lake, of which a request that fails for a while is tried again by this policy and not by the default one.
    /// The delays are drawn from the randomness given.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry, ambient: Ambient) -> Self {
        self.store = self.store.with_retry(retry, ambient);
        self.ledger = StoreLedger::over(self.store.clone());
        self
    }

    /// The same lake, in which objects of one more format can be read and joined.
    #[must_use]
    pub fn with_format(mut self, format: impl ObjectFormat) -> Self {
        let format: Arc<dyn ObjectFormat> = Arc::new(format);
        let others = self.formats.iter().filter(|other| other.name() != format.name()).cloned();
        self.formats = others.chain([Arc::clone(&format)]).collect();
        self
    }

    /// The same lake, in which [`Tracer`] finds the records of documents that need these decoders. A pipeline gives its
    /// own to its [lake](crate::Pipeline::lake).
    #[must_use]
    pub fn with_decoders(mut self, decoders: &Decoders) -> Self {
        self.decoders = decoders.clone();
        self
    }

    /// The decoders that it was given.
    #[must_use]
    pub fn decoders(&self) -> &Decoders {
        &self.decoders
    }

    /// The format of an object outside of the raw zone.
    pub(crate) fn format(&self, object: &Object) -> Result<&Arc<dyn ObjectFormat>> {
        let name = object.format.as_deref().unwrap_or("ndjson");
        self.formats.iter().find(|format| format.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this worker cannot read objects of this format")
                .with("format", name)
                .with("key", &object.location)
        })
    }

    /// The store, which tries nothing again by itself.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        self.store.store()
    }

    /// The store, by whose policy a request is tried again.
    pub(crate) fn patient(&self) -> &PatientStore {
        &self.store
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &StoreLedger {
        &self.ledger
    }

    /// The pipelines that have ever committed, in order.
    ///
    /// # Errors
    /// The store cannot be listed.
    pub async fn pipelines(&self) -> Result<Vec<PipelineId>> {
        let prefix = format!("{}/", layout::LEDGER);
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let next = self.store.list(&prefix, after.as_deref()).try_next().await?;
            let Some(object) = next else { return Ok(found) };
            let name = object.key[prefix.len()..].split('/').next().unwrap_or_default().to_owned();
            if let Ok(pipeline) = PipelineId::new(&name)
                && self.ledger.head(&pipeline).await?.is_some()
            {
                found.push(pipeline);
            }
            after = Some(format!("{prefix}{name}/\u{10ffff}"));
        }
    }

    /// What a pipeline's commits leave standing.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn view(&self, pipeline: &PipelineId) -> Result<View> {
        View::read(&self.ledger, pipeline, u64::MAX).await
    }

    /// What a pipeline's commits up to a sequence number left standing.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn view_at(&self, pipeline: &PipelineId, seq: u64) -> Result<View> {
        View::read(&self.ledger, pipeline, seq).await
    }

    /// What all pipelines' commits leave standing, in the order of the pipelines' names.
    ///
    /// # Errors
    /// A ledger cannot be read.
    pub async fn views(&self) -> Result<Vec<View>> {
        let mut views = Vec::new();
        for pipeline in self.pipelines().await? {
            views.push(self.view(&pipeline).await?);
        }
        Ok(views)
    }

    /// The commits of a pipeline after a sequence number, in order.
    pub fn entries(&self, pipeline: &PipelineId, after: u64) -> BoxStream<'_, Result<Entry>> {
        self.ledger.entries(pipeline, after)
    }

    /// The objects of a dataset in a zone, in the order of the ledger.
    ///
    /// # Errors
    /// A ledger cannot be read.
    pub async fn objects(&self, dataset: &Dataset, zone: Zone) -> Result<Vec<Object>> {
        let views = self.views().await?;
        let all = views.into_iter().flat_map(View::into_objects);
        Ok(all.filter(|object| object.zone == zone && object.dataset == *dataset).collect())
    }

    /// The content of a dataset in a zone, object by object in the order of the ledger: for the raw zone the documents
    /// one after the other, byte-exact; for the others lines of JSON.
    ///
    /// # Errors
    /// A ledger cannot be read. In the stream: an object is missing or is not what was written.
    pub async fn read(&self, dataset: &Dataset, zone: Zone) -> Result<BoxStream<'_, Result<Bytes>>> {
        let objects = self.objects(dataset, zone).await?;
        Ok(stream::iter(objects).then(move |object| async move { self.content(&object).await }).boxed())
    }

    /// The content of an object, checked against its digest and decompressed: of the raw zone byte-exact, of the others
    /// as lines of JSON, whatever the format.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if it is missing, [`Corrupt`](ErrorKind::Corrupt) if it is not what was
    /// written, [`Unsupported`](ErrorKind::Unsupported) if it is of a format that the lake was not
    /// [given](Self::with_format).
    pub async fn content(&self, object: &Object) -> Result<Bytes> {
        let bytes = self.stored(object).await?;
        if object.zone == Zone::Raw {
            return Ok(bytes);
        }
        let lines =
            self.format(object)?.lines(&bytes).map_err(|error| error.with("key", &object.location))?;
        Ok(if object.remade.is_empty() { lines } else { format::kept(&lines, &object.rows()) })
    }

    /// The object, checked against its digest and decompressed.
    pub(crate) async fn stored(&self, object: &Object) -> Result<Bytes> {
        let bytes = self.store.get(&object.location).await?;
        if object.sha256.is_some_and(|sha256| sha256 != Sha256::of(&bytes)) {
            return Err(Error::new(ErrorKind::Corrupt, "an object is not what was written")
                .with("key", &object.location));
        }
        object.compression.decompress(&bytes, TRUSTED).map_err(|error| error.with("key", &object.location))
    }

    /// Where a record came from, what was made of it, and where it is now.
    ///
    /// To trace many records of one pipeline, use a [`Tracer`].
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such record.
    pub async fn trace(&self, record: &RecordId) -> Result<Trace> {
        self.tracer(&record.batch.pipeline).await?.trace(record).await
    }

    /// Traces records of a pipeline, remembering what it has read.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn tracer(&self, pipeline: &PipelineId) -> Result<Tracer> {
        Tracer::new(self.clone(), pipeline).await
    }

    /// Checks that the ledger of a pipeline is whole and that every object it names is there and is what was written.
    /// Problems are found, not errors.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn verify(&self, pipeline: &PipelineId) -> Result<Verified> {
        verify::verify(self, pipeline, |_| {}).await
    }

    /// As [`verify`](Self::verify), and tells how far it has come: before each object and at the end.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn verify_watched(
        &self,
        pipeline: &PipelineId,
        watch: impl FnMut(Checking) + Send,
    ) -> Result<Verified> {
        verify::verify(self, pipeline, watch).await
    }
}

/// What the lake wrote itself expands as far as it does.
pub(crate) const TRUSTED: Expansion = Expansion { ratio: u64::MAX, total: u64::MAX };
