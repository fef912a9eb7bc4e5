//! The ledger over an object store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::{Appended, Commit, Entry, Ledger, Manifest, ManifestAt, check, seal};
use crate::ambient::Ambient;
use crate::codec::{Compression, Expansion};
use crate::digest::Sha256;
use crate::id::PipelineId;
use crate::lake::layout;
use crate::retry::Retry;
use crate::store::{Created, ObjectStore, PatientStore, Payload, PutOptions};
use crate::{Error, ErrorKind, Result};

/// A longer manifest goes to an object of its own, bytes.
const LONGEST_MANIFEST: usize = 48 << 10;
/// How many commits there are between two hints.
const HINT_EVERY: u64 = 64;

/// The ledger over an object store: one object a commit, its key made of the sequence number, created only if it is
/// not there. Entries are never changed and never deleted.
///
/// A hint that is written now and then says from where to list, so that finding the head costs three requests however
/// long the ledger is. The hint is never trusted beyond that.
#[derive(Debug, Clone)]
pub struct StoreLedger {
    store: PatientStore,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    seq: u64,
}

impl StoreLedger {
    /// The ledger in a store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self::over(PatientStore::new(store))
    }

    pub(crate) fn over(store: PatientStore) -> Self {
        Self { store }
    }

    /// Sets how often a request is tried again.
    #[must_use]
    pub fn with_retry(self, retry: Retry, ambient: Ambient) -> Self {
        Self::over(self.store.with_retry(retry, ambient))
    }

    async fn hint(&self, pipeline: &PipelineId) -> u64 {
        let hint = self.store.get(&layout::hint(pipeline)).await.ok();
        hint.and_then(|bytes| serde_json::from_slice::<Hint>(&bytes).ok()).map_or(0, |hint| hint.seq)
    }

    async fn write_hint(&self, commit: &Commit) {
        let Ok(hint) = serde_json::to_vec(&Hint { seq: commit.seq }) else { return };
        let key = layout::hint(&commit.pipeline);
        if let Err(error) = self.store.store().put(&key, hint.into(), PutOptions::default()).await {
            tracing::debug!(%error, "the hint of the ledger was not written");
        }
    }

    async fn last_key(&self, pipeline: &PipelineId, after: u64) -> Result<Option<String>> {
        let after = layout::commit(pipeline, after);
        let prefix = layout::commits(pipeline);
        let objects = self.store.list(&prefix, Some(&after));
        objects.try_fold(None, |_, object| std::future::ready(Ok(Some(object.key)))).await
    }

    async fn read(&self, key: &str) -> Result<Entry> {
        let bytes = self.store.get(key).await?;
        let corrupt = |message: &'static str| {
            Error::new(ErrorKind::Corrupt, message).component("ledger").with("key", key)
        };
        let body = seal::open(&bytes).ok_or_else(|| corrupt("a ledger entry is not what was written"))?;
        let commit: Commit = serde_json::from_slice(&body)
            .map_err(|cause| corrupt("a ledger entry cannot be read").caused_by(cause))?;
        if commit.schema != Commit::SCHEMA || layout::commit(&commit.pipeline, commit.seq) != key {
            return Err(corrupt("a ledger entry does not belong in its slot").with("found", commit.name()));
        }
        Ok(Entry { commit, sha256: Sha256::of(&bytes) })
    }

    /// Moves a long manifest to an object of its own, whose key holds the attempt and so is never taken.
    async fn spill(&self, commit: &Commit) -> Result<Option<Commit>> {
        let ManifestAt::Here(manifest) = &commit.manifest else { return Ok(None) };
        let parts: usize = manifest.parts.values().map(Vec::len).sum();
        let rows = manifest.documents.len() + manifest.outputs.len() + manifest.retired.len() + parts;
        if rows < 64 && manifest.raw.as_ref().is_none_or(|raw| raw.frames.len() < 512) {
            return Ok(None);
        }
        let json = to_json(manifest)?;
        if json.len() <= LONGEST_MANIFEST {
            return Ok(None);
        }
        let bytes = Compression::Zstd.frame(3, &[json])?;
        let sha256 = Sha256::of(&bytes);
        let location = layout::manifest(&commit.pipeline, commit.seq, &commit.attempt);
        let options = PutOptions { sha256: Some(sha256), ..PutOptions::default() };
        self.store.put(&location, bytes.into(), options).await?;
        Ok(Some(Commit { manifest: ManifestAt::There { location, sha256 }, ..commit.clone() }))
    }

    /// One try to fill the slot. What `Exists` means is read from the slot itself: our own attempt is in it if an
    /// earlier try succeeded and its answer was lost.
    async fn try_slot(&self, key: &str, commit: &Commit, bytes: &Bytes, sha256: Sha256) -> Result<Appended> {
        let options = PutOptions {
            sha256: Some(sha256),
            content_type: Some("application/json"),
            metadata: [("lake-attempt", commit.attempt.to_string())].into(),
        };
        match self.store.store().put_if_absent(key, Payload::from(bytes.clone()), options).await? {
            Created::New => Ok(Appended::Mine(sha256)),
            Created::Exists => match self.read(key).await {
                Ok(entry) if entry.commit.attempt == commit.attempt => Ok(Appended::Mine(entry.sha256)),
                Ok(_) => Ok(Appended::Lost),
                Err(error) if error.kind() == ErrorKind::NotFound => Err(error.retryable()),
                Err(error) => Err(error),
            },
        }
    }
}

fn to_json(value: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|cause| Error::unexpected("a ledger entry cannot be written as JSON").caused_by(cause))
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn head(&self, pipeline: &PipelineId) -> Result<Option<Entry>> {
        let hint = self.hint(pipeline).await;
        let mut last = self.last_key(pipeline, hint.saturating_sub(1)).await?;
        if last.is_none() && hint > 0 {
            last = self.last_key(pipeline, 0).await?;
        }
        match last {
            Some(key) => self.read(&key).await.map(Some),
            None => Ok(None),
        }
    }

    async fn append(&self, commit: &Commit) -> Result<Appended> {
        check(commit)?;
        let spilled = self.spill(commit).await?;
        let commit = spilled.as_ref().unwrap_or(commit);
        let bytes = seal::close(&to_json(commit)?);
        let sha256 = Sha256::of(&bytes);
        let key = layout::commit(&commit.pipeline, commit.seq);
        let appended = self.store.run(|| self.try_slot(&key, commit, &bytes, sha256)).await?;
        if matches!(appended, Appended::Mine(_)) && commit.seq % HINT_EVERY == 0 {
            self.write_hint(commit).await;
        }
        Ok(appended)
    }

    fn entries(&self, pipeline: &PipelineId, after: u64) -> BoxStream<'_, Result<Entry>> {
        let prefix = layout::commits(pipeline);
        let start = layout::commit(pipeline, after);
        let keys = self.store.list(&prefix, Some(&start)).map_ok(|object| object.key);
        keys.map_ok(move |key| async move { self.read(&key).await }).try_buffered(8).boxed()
    }

    async fn entry(&self, pipeline: &PipelineId, seq: u64) -> Result<Entry> {
        self.read(&layout::commit(pipeline, seq)).await
    }

    async fn manifest(&self, commit: &Commit) -> Result<Manifest> {
        let (location, sha256) = match &commit.manifest {
            ManifestAt::Here(manifest) => return Ok(manifest.clone()),
            ManifestAt::There { location, sha256 } => (location, sha256),
        };
        let corrupt = |message: &'static str| {
            Error::new(ErrorKind::Corrupt, message).component("ledger").with("key", location)
        };
        let bytes = self.store.get(location).await?;
        if Sha256::of(&bytes) != *sha256 {
            return Err(corrupt("a manifest is not what was written"));
        }
        let json = Compression::Zstd.decompress(&bytes, Expansion { ratio: u64::MAX, total: 4 << 30 })?;
        serde_json::from_slice(&json).map_err(|cause| corrupt("a manifest cannot be read").caused_by(cause))
    }
}
