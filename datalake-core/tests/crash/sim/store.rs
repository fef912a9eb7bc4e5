//! A store that takes its turns.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use datalake_core::store::{Created, MemoryStore, ObjectInfo, ObjectStore, Payload, PutOptions};
use datalake_core::testkit::{FaultyStore, Rng};
use datalake_core::{Result, async_trait};
use futures::stream::{self, BoxStream, StreamExt};

use super::Bug;

/// Lets others go first, once.
pub(crate) fn turn() -> impl Future<Output = ()> + Send {
    struct Turn(bool);
    impl Future for Turn {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    Turn(false)
}

/// A store with faults that lets others go first before and after each operation, so that a crash can come there.
#[derive(Debug, Clone)]
pub(crate) struct SimStore {
    inner: Arc<FaultyStore<MemoryStore>>,
    rng: Arc<Mutex<Rng>>,
    bug: Bug,
}

impl SimStore {
    pub(crate) fn new(inner: FaultyStore<MemoryStore>, rng: Rng, bug: Bug) -> Self {
        Self { inner: Arc::new(inner), rng: Arc::new(Mutex::new(rng)), bug }
    }

    /// The way to the store, or back.
    async fn way(&self) {
        let time = self.rng.lock().unwrap().below(6);
        match time {
            0..3 => turn().await,
            _ => tokio::time::sleep(Duration::from_millis(time as u64)).await,
        }
    }

    async fn in_turn<T>(&self, work: impl Future<Output = T>) -> T {
        self.way().await;
        let done = work.await;
        self.way().await;
        done
    }
}

#[async_trait]
impl ObjectStore for SimStore {
    fn uri(&self) -> &str {
        self.inner.uri()
    }

    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        self.in_turn(self.inner.put(key, payload, options)).await
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created> {
        match self.bug {
            Bug::Overwrite => self.put(key, payload, options).await.map(|()| Created::New),
            Bug::NotAtomic => {
                if self.head(key).await.is_ok() {
                    return Ok(Created::Exists);
                }
                self.put(key, payload, options).await.map(|()| Created::New)
            }
            Bug::ExistsIsSuccess => {
                self.in_turn(self.inner.put_if_absent(key, payload, options)).await.map(|_| Created::New)
            }
            _ => self.in_turn(self.inner.put_if_absent(key, payload, options)).await,
        }
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        self.in_turn(self.inner.get(key)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.in_turn(self.inner.get_range(key, range)).await
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.in_turn(self.inner.head(key)).await
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        stream::once(async move {
            self.way().await;
            self.inner.list(&prefix, after.as_deref())
        })
        .flatten()
        .boxed()
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.in_turn(self.inner.delete(key)).await
    }
}
