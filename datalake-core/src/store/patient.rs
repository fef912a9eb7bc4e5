//! A store whose failures are waited out.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::{ObjectInfo, ObjectStore, Payload, PutOptions};
use crate::Result;
use crate::ambient::Ambient;
use crate::retry::Retry;

/// A store, and how often what fails there for a while is tried again: for the ledger, and for commands that read a lake,
/// which no engine tries again.
#[derive(Debug, Clone)]
pub(crate) struct PatientStore {
    store: Arc<dyn ObjectStore>,
    retry: Retry,
    ambient: Ambient,
}

impl PatientStore {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, retry: Retry::default(), ambient: Ambient::system() }
    }

    pub(crate) fn with_retry(self, retry: Retry, ambient: Ambient) -> Self {
        Self { retry, ambient, ..self }
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Calls until it succeeds, fails for good, or the tries are used up.
    pub(crate) async fn run<T, F, Fut>(&self, call: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        self.retry.run(&self.ambient, call).await
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Bytes> {
        self.run(|| self.store.get(key)).await
    }

    pub(crate) async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.run(|| self.store.get_range(key, range.clone())).await
    }

    /// Only for a key that nobody else writes.
    pub(crate) async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        self.run(|| self.store.put(key, payload.clone(), options.clone())).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        self.run(|| self.store.delete(key)).await
    }

    /// As [`ObjectStore::list`]. A listing that fails on the way goes on after the last key it gave.
    pub(crate) fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let start = (None, after, 0);
        stream::try_unfold(start, move |(mut listing, mut after, mut failed)| {
            let prefix = prefix.clone();
            async move {
                loop {
                    let asked = listing.is_none();
                    let answers = listing.get_or_insert_with(|| self.store.list(&prefix, after.as_deref()));
                    let error = match answers.try_next().await {
                        Ok(object) => {
                            if asked {
                                self.retry.refund();
                            }
                            let Some(object) = object else { return Ok(None) };
                            after = Some(object.key.clone());
                            return Ok(Some((object, (listing, after, 0))));
                        }
                        Err(error) => error,
                    };
                    failed += 1;
                    self.retry.wait(failed, error, &self.ambient).await?;
                    listing = None;
                }
            }
        })
        .boxed()
    }
}
