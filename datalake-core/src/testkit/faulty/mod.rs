//! A store with faults.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};

use crate::digest::Sha256;
use crate::store::{Created, Listed, ObjectInfo, ObjectStore, Payload, PutOptions};
use crate::{Error, Result};

mod fault;
mod late;
mod plan;

pub use fault::{Event, Fault, Op};

use late::{InFlight, Late, Write};
use plan::Plan;

/// A store whose operations go wrong as a test wants them to: by a script, or by chance from a seed.
///
/// Clones share everything, so a test keeps one and gives the other away. With one seed, one script and the same
/// operations in the same order, the faults are the same: [`trace`](Self::trace) tells two runs apart.
///
/// ```
/// # use datalake_core::testkit::{Fault, FaultyStore, Op};
/// # use datalake_core::store::{Created, MemoryStore, ObjectStore};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// let store = FaultyStore::new(MemoryStore::new(), 7);
/// store.script([(Op::PutIfAbsent, Fault::Lost)]);
/// let create = || store.put_if_absent("log/1", "mine".into(), Default::default());
/// assert!(create().await.is_err_and(|error| error.is_retryable()));
/// assert_eq!(create().await?, Created::Exists); // our own
///
/// store.rate(Op::Get, Fault::Before, 0.2);
/// // …
/// store.calm();
/// assert_eq!(store.get("log/1").await?, "mine");
/// # Ok::<(), datalake_core::Error>(())
/// # }).unwrap();
/// ```
pub struct FaultyStore<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    inner: S,
    plan: Mutex<Plan>,
    late: Mutex<Late>,
    log: Mutex<Vec<Event>>,
    operations: AtomicU64,
    down: AtomicBool,
}

impl<S: ObjectStore> FaultyStore<S> {
    /// A store that has no faults yet, over another.
    pub fn new(inner: S, seed: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                inner,
                plan: Mutex::new(Plan::new(seed)),
                late: Mutex::default(),
                log: Mutex::default(),
                operations: AtomicU64::new(0),
                down: AtomicBool::new(false),
            }),
        }
    }

    /// Makes a fault happen to one in so many operations of a kind: 0.1 for one in ten. Rates of one kind add up; a
    /// fault that cannot happen to the kind never does.
    pub fn rate(&self, op: Op, fault: Fault, probability: f64) {
        self.rate_at(op, "", fault, probability);
    }

    /// The same, for keys that contain a text.
    pub fn rate_at(&self, op: Op, part: &str, fault: Fault, probability: f64) {
        self.plan().rate(op, part, fault, probability);
    }

    /// Adds to the script: the next operation of the first kind has the first fault, then the next of the second kind
    /// the second, and so on. Operations of other kinds in between go by chance. [`Fault::None`] lets one pass.
    pub fn script(&self, faults: impl IntoIterator<Item = (Op, Fault)>) {
        self.plan().script.extend(faults);
    }

    /// No more faults: forgets rates and script, and the store is up. What is in flight still arrives.
    pub fn calm(&self) {
        self.plan().calm();
        self.down(false);
    }

    /// Makes every operation fail as unavailable, before it happens, until it is called with `false`.
    pub fn down(&self, down: bool) {
        self.shared.down.store(down, Ordering::Relaxed);
    }

    /// Lets every write arrive that is still in flight, in the order they were sent.
    pub async fn flush_late(&self) {
        self.arrive(u64::MAX).await;
    }

    /// The number of writes that are still in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.late().len()
    }

    /// Every operation so far, and every write that arrived late.
    #[must_use]
    pub fn log(&self) -> Vec<Event> {
        self.lock_log().clone()
    }

    /// The digest of the log: the same for two runs in which the same happened.
    #[must_use]
    pub fn trace(&self) -> Sha256 {
        Sha256::of_parts(self.lock_log().iter().map(|event| format!("{event}\n")))
    }

    /// The store beneath, as it is, without faults.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.shared.inner
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self) -> MutexGuard<'_, Late> {
        self.shared.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_log(&self) -> MutexGuard<'_, Vec<Event>> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation, chooses its fault and writes both down.
    fn begin(&self, op: Op, key: &str) -> (u64, Fault) {
        let n = self.shared.operations.fetch_add(1, Ordering::Relaxed);
        let down = self.shared.down.load(Ordering::Relaxed);
        let fault = if down { Fault::Before } else { self.plan().choose(op, key) };
        self.lock_log().push(Event { n, op, key: key.to_owned(), fault, late: false });
        (n, fault)
    }

    /// Applies the writes that are due by now.
    async fn arrive(&self, now: u64) {
        loop {
            let Some(sent) = self.late().due(now) else { return };
            self.lock_log().push(Event {
                n: sent.n,
                op: sent.write.op(),
                key: sent.key.clone(),
                fault: sent.fault,
                late: true,
            });
            // The caller has long been told; what the store says now, nobody hears.
            sent.write.apply(&self.shared.inner, &sent.key).await.ok();
        }
    }

    /// A write with its fault.
    async fn write(&self, key: &str, write: Write) -> Result<Option<Created>> {
        let (n, fault) = self.begin(write.op(), key);
        self.arrive(n).await;
        let inner = &self.shared.inner;
        match fault {
            Fault::Lost => {
                write.apply(inner, key).await?;
                Err(fault::error(fault, key))
            }
            Fault::Late { after } => {
                self.late().send(key, write, n, after, fault);
                Err(fault::error(fault, key))
            }
            Fault::OwnAnswer => match write.apply(inner, key).await? {
                Some(_) => Ok(Some(Created::Exists)),
                None => Ok(None),
            },
            Fault::Slow(delay) => {
                let in_flight = InFlight::new(&self.shared.late, key, write, n, fault);
                tokio::time::sleep(delay).await;
                in_flight.land().apply(inner, key).await
            }
            fault if fault.is_error() => Err(fault::error(fault, key)),
            _ => write.apply(inner, key).await,
        }
    }

    /// What every read does before it reads.
    async fn before_read(&self, op: Op, key: &str) -> Result<Fault> {
        let (n, fault) = self.begin(op, key);
        self.arrive(n).await;
        match fault {
            Fault::Slow(delay) => tokio::time::sleep(delay).await,
            Fault::Truncated if op == Op::List => {}
            fault if fault.is_error() => return Err(fault::error(fault, key)),
            _ => {}
        }
        Ok(fault)
    }

    fn damaged(&self, fault: Fault, bytes: Bytes) -> Bytes {
        if bytes.is_empty() {
            return bytes;
        }
        let rng = &mut self.plan().rng;
        match fault {
            Fault::Short => bytes.slice(..rng.below(bytes.len())),
            Fault::Flipped => {
                let bit = rng.below(bytes.len() * 8);
                let mut damaged = BytesMut::from(&*bytes);
                damaged[bit / 8] ^= 1 << (bit % 8);
                damaged.freeze()
            }
            _ => bytes,
        }
    }
}

impl<S: ObjectStore> FaultyStore<S> {
    /// What the store lists, as far as it gets.
    fn listed<'a, T: Send + 'a>(
        &'a self,
        prefix: &str,
        list: impl FnOnce(&'a S, &str) -> BoxStream<'a, Result<T>> + Send + 'a,
    ) -> BoxStream<'a, Result<T>> {
        let prefix = prefix.to_owned();
        let begin: BoxFuture<'a, _> = Box::pin(async move {
            let fault = match self.before_read(Op::List, &prefix).await {
                Ok(fault) => fault,
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
            let whole = list(&self.shared.inner, &prefix);
            if fault != Fault::Truncated {
                return whole;
            }
            let found: Vec<_> = whole.collect().await;
            let keep = self.plan().rng.below(found.len() + 1);
            let cut = stream::iter([Err(fault::error(fault, &prefix))]);
            stream::iter(found).take(keep).chain(cut).boxed()
        });
        stream::once(begin).flatten().boxed()
    }
}

#[async_trait]
impl<S: ObjectStore> ObjectStore for FaultyStore<S> {
    fn uri(&self) -> &str {
        self.shared.inner.uri()
    }

    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        self.write(key, Write::Put(payload, options)).await.map(drop)
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created> {
        let created = self.write(key, Write::PutIfAbsent(payload, options)).await?;
        created.ok_or_else(|| Error::unexpected("a conditional put gave no answer"))
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        let fault = self.before_read(Op::Get, key).await?;
        Ok(self.damaged(fault, self.shared.inner.get(key).await?))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let fault = self.before_read(Op::GetRange, key).await?;
        Ok(self.damaged(fault, self.shared.inner.get_range(key, range).await?))
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.before_read(Op::Head, key).await?;
        self.shared.inner.head(key).await
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let after = after.map(str::to_owned);
        self.listed(prefix, move |inner, prefix| inner.list(prefix, after.as_deref()))
    }

    fn list_all(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        self.listed(prefix, |inner, prefix| inner.list_all(prefix))
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.write(key, Write::Delete).await.map(drop)
    }
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: ObjectStore> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("inner", &self.shared.inner).finish_non_exhaustive()
    }
}
