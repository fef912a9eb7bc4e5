//! A store in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};

use super::{Created, ObjectInfo, ObjectStore, Payload, PutOptions, check_key, clip, not_found};
use crate::Result;
use crate::ambient::{Clock, SystemClock};

type Objects = BTreeMap<String, Object>;

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    modified: DateTime<Utc>,
    /// The number of the write.
    version: u64,
}

/// A store in memory. Clones share their objects.
#[derive(Clone)]
pub struct MemoryStore {
    objects: Arc<Mutex<Objects>>,
    written: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// An empty store whose objects are dated by a clock.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self { objects: Arc::default(), written: Arc::default(), clock: Arc::new(clock) }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, payload: Payload) -> Object {
        let version = self.written.fetch_add(1, Ordering::Relaxed);
        Object { bytes: payload.into_bytes(), modified: self.clock.now(), version }
    }

    fn look<T>(&self, key: &str, look: impl FnOnce(&Object) -> T) -> Result<T> {
        check_key(key)?;
        self.objects().get(key).map(look).ok_or_else(|| not_found(key))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("objects", &self.objects().len()).finish()
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    fn uri(&self) -> &str {
        "memory:///"
    }

    async fn put(&self, key: &str, payload: Payload, _options: PutOptions) -> Result<()> {
        check_key(key)?;
        self.objects().insert(key.to_owned(), self.object(payload));
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, _options: PutOptions) -> Result<Created> {
        check_key(key)?;
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Ok(Created::Exists);
        }
        objects.insert(key.to_owned(), self.object(payload));
        Ok(Created::New)
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        self.look(key, |object| object.bytes.clone())
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.look(key, |object| object.bytes.slice(clip(object.bytes.len() as u64, &range)))
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.look(key, |object| info(key, object))
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let found: Vec<_> = self
            .objects()
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, object)| Ok(info(key, object)))
            .collect();
        stream::iter(found).boxed()
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.objects().remove(key);
        Ok(())
    }
}

fn info(key: &str, object: &Object) -> ObjectInfo {
    let Object { bytes, modified, version } = object;
    let etag = Some(format!("\"{version}\""));
    ObjectInfo { key: key.to_owned(), bytes: bytes.len() as u64, modified: *modified, etag }
}
