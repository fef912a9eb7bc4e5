//! Sinks that a test looks into.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::batch::Batch;
use crate::digest::Sha256;
use crate::id::RecordId;
use crate::record::Record;
use crate::sink::{Output, Receipt, Refused, Sink, SinkInfo};
use crate::{Error, ErrorKind, RecordError, Result};

type Refuse = dyn Fn(&Record) -> Option<RecordError> + Send + Sync;
type Objects = BTreeMap<String, Vec<(RecordId, Bytes)>>;

/// A sink that keeps records in memory, one object a write, and can refuse, fail and stall. Clones share it, so a
/// test keeps one and gives the other away.
///
/// ```
/// # use datalake_core::{ErrorKind, Sink};
/// # use datalake_core::testkit::{MemorySink, batch};
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let sink = MemorySink::new("memory");
/// sink.fail(1, ErrorKind::Unavailable);
/// let batch = batch(["a", "b"]).build()?;
/// assert!(sink.write(&batch).await.is_err());
/// let receipt = sink.write(&batch).await?;
/// assert_eq!(sink.read(&receipt.outputs).len(), 2);
/// # Ok::<(), datalake_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemorySink {
    info: SinkInfo,
    refuse: Arc<Refuse>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    gate: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
    under_way: watch::Sender<usize>,
    kept: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    objects: Objects,
    fails: (usize, Option<ErrorKind>),
    most: usize,
}

impl MemorySink {
    /// An empty sink with a name.
    pub fn new(name: impl Into<String>) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            gate: watch::Sender::new(true),
            arrived: watch::Sender::new(0),
            under_way: watch::Sender::new(0),
            kept: watch::Sender::new(0),
        };
        Self { info: SinkInfo::new(name), refuse: Arc::new(|_| None), shared: Arc::new(shared) }
    }

    /// Says how much the sink likes to get at once.
    #[must_use]
    pub fn target(mut self, bytes: usize, records: usize) -> Self {
        self.info = self.info.with_target(bytes, records);
        self
    }

    /// Refuses the records for which there is an error.
    #[must_use]
    pub fn refusing(
        mut self,
        refuse: impl Fn(&Record) -> Option<RecordError> + Send + Sync + 'static,
    ) -> Self {
        self.refuse = Arc::new(refuse);
        self
    }

    /// Makes the next writes fail, before anything is kept.
    pub fn fail(&self, times: usize, kind: ErrorKind) {
        self.state().fails = (times, Some(kind));
    }

    /// Makes writes wait from now on.
    pub fn stall(&self) {
        self.shared.gate.send_replace(false);
    }

    /// Lets all waiting writes go on, and later ones too.
    pub fn release(&self) {
        self.shared.gate.send_replace(true);
    }

    /// Waits until so many writes have begun in all, waiting or done.
    pub async fn arrived(&self, writes: usize) {
        // The sender is in `self`, so waiting for it cannot fail.
        self.shared.arrived.subscribe().wait_for(|arrived| *arrived >= writes).await.ok();
    }

    /// The number of writes that have begun in all.
    #[must_use]
    pub fn writes(&self) -> usize {
        *self.shared.arrived.borrow()
    }

    /// The most writes that were under way at once.
    #[must_use]
    pub fn most_under_way(&self) -> usize {
        self.state().most
    }

    /// Waits until so many records are kept, of all tries.
    pub async fn keeps(&self, records: usize) {
        self.shared.kept.subscribe().wait_for(|kept| *kept >= records).await.ok();
    }

    /// Everything kept, of every try, in the order of its objects' names.
    #[must_use]
    pub fn everything(&self) -> Vec<(RecordId, Bytes)> {
        self.state().objects.values().flatten().cloned().collect()
    }

    /// The records in some outputs of this sink, in order. Outputs of other sinks are passed over.
    #[must_use]
    pub fn read(&self, outputs: &[Output]) -> Vec<(RecordId, Bytes)> {
        let state = self.state();
        let mine = outputs.iter().filter(|output| output.sink == self.info.name);
        mine.filter_map(|output| state.objects.get(&output.location)).flatten().cloned().collect()
    }

    /// The bytes of an output as stored: the bodies, one after the other.
    #[must_use]
    pub fn stored(&self, output: &Output) -> Option<Bytes> {
        let state = self.state();
        let bodies: Vec<&[u8]> =
            state.objects.get(&output.location)?.iter().map(|(_, body)| &**body).collect();
        Some(bodies.concat().into())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a write as under way as long as it lives.
struct UnderWay<'a>(&'a MemorySink);

impl<'a> UnderWay<'a> {
    fn new(sink: &'a MemorySink) -> Self {
        sink.shared.under_way.send_modify(|n| *n += 1);
        sink.shared.arrived.send_modify(|n| *n += 1);
        let now = *sink.shared.under_way.borrow();
        let mut state = sink.state();
        state.most = state.most.max(now);
        drop(state);
        Self(sink)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.shared.under_way.send_modify(|n| *n -= 1);
    }
}

#[async_trait]
impl Sink for MemorySink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        let _under_way = UnderWay::new(self);
        self.shared.gate.subscribe().wait_for(|open| *open).await.ok();
        let mut receipt = Receipt::default();
        let mut kept = Vec::new();
        for (index, record) in batch.records.iter().enumerate() {
            match (self.refuse)(record) {
                Some(error) => receipt.refused.push(Refused { index, error }),
                None => kept.push((record.origin().id(&batch.id), record.body().clone())),
            }
        }
        let mut state = self.state();
        if let (times @ 1.., Some(kind)) = state.fails {
            state.fails.0 = times - 1;
            return Err(Error::new(kind, "the write was made to fail").component("testkit.memory"));
        }
        if !kept.is_empty() {
            let location = format!("memory:///{}/{}/{}", self.info.name, batch.id, batch.attempt);
            receipt.outputs.push(Output {
                sink: self.info.name.clone(),
                location: location.clone(),
                bytes: kept.iter().map(|(_, body)| body.len() as u64).sum(),
                records: kept.len() as u64,
                sha256: Some(Sha256::of_parts(kept.iter().map(|(_, body)| body))),
                format: None,
                compression: crate::codec::Compression::None,
                partition: None,
            });
            let records = kept.len();
            state.objects.insert(location, kept);
            drop(state);
            self.shared.kept.send_modify(|n| *n += records);
        }
        Ok(receipt)
    }
}

impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A sink that fails every write.
#[derive(Debug)]
pub struct FailingSink {
    info: SinkInfo,
    kind: ErrorKind,
    writes: AtomicU64,
}

impl FailingSink {
    /// A sink that fails with this kind of error.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self { info: SinkInfo::new("failing"), kind, writes: AtomicU64::new(0) }
    }

    /// How often it was asked to write.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Sink for FailingSink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(self.kind, "this sink always fails")
            .component("testkit.failing")
            .with("batch", &batch.id))
    }
}
