//! A store on S3, so that a lake at `s3://bucket/prefix` works as one in a directory does.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use datalake_core::lake::Lake;
//! use datalake_sinks::s3::S3Store;
//!
//! # async fn example() -> datalake_core::Result<()> {
//! let store = S3Store::builder("acme-lake")
//!     .prefix("sales")
//!     .kms_key("arn:aws:kms:eu-central-1:111122223333:key/1234abcd")
//!     .encryption_context("pipeline", "sales")
//!     .tag("team", "sales")
//!     .build()
//!     .await?;
//! let lake = Lake::new(Arc::new(store));
//! # let _ = lake;
//! # Ok(())
//! # }
//! ```
//!
//! **Writes.** An object of up to [`MULTIPART`] bytes is one request with the SHA-256 that the ledger will name, so S3
//! itself checks that it has what was meant. A larger one goes up in parts, each with a CRC32, and ends with that of
//! the whole; if it fails the upload is aborted. A write if absent has `If-None-Match: *`. Success without an entity
//! tag is no success: a proxy on the way can answer 200.
//!
//! **What an answer means.** A failed precondition says that the object exists, whichever status it came with; whose
//! it is, the ledger reads from it. A conflict (409), a time-out, a reset and 5xx are temporary: the write may or may
//! not have happened, and the same bytes may be sent again. Nothing is ever deleted because an answer was unclear.
//!
//! **Reads** are checked against the checksum that S3 has kept. A list ends where S3 says that it ends, is refused when
//! it is out of order, and leaves out keys that no store of ours would write.
//!
//! The SDK retries nothing: the engine does, and for commands that look into a lake the
//! [`Lake`](datalake_core::lake::Lake). Every request has a time limit, see [`timeout`](S3StoreBuilder::timeout).
//!
//! # What a worker must be allowed
//!
//! | action | on | for |
//! |---|---|---|
//! | `s3:ListBucket` | the bucket, with the prefix | reading the ledger; without it a missing object looks like a forbidden one |
//! | `s3:GetObject` | `prefix/*` | reading the ledger, replay, rebuild, `trace`, `verify` |
//! | `s3:PutObject`, `s3:AbortMultipartUpload` | `prefix/*` | writing |
//! | `s3:PutObjectTagging` | `prefix/*` | tags, if any are set |
//! | `s3:DeleteObject` | `prefix/*` | `clean`, and nothing else: a worker does without |
//! | `kms:GenerateDataKey`, `kms:Decrypt` | the key | writing and reading under a key |
//!
//! Directory buckets list in no order, and cannot hold a lake.

mod bucket;
mod builder;
mod error;
mod reading;
mod upload;
mod writing;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;
use datalake_core::store::{Created, Listed, ObjectInfo, ObjectStore, Payload, PutOptions, check_key};
use datalake_core::{Error, Result};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

pub use builder::S3StoreBuilder;

use builder::Encryption;

/// Larger objects go up in parts unless set, bytes.
pub const MULTIPART: usize = 16 << 20;

/// A store in a bucket, below a prefix. Cloning is cheap.
#[derive(Clone)]
pub struct S3Store {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
    uri: String,
    encryption: Option<Encryption>,
    /// As the header has them.
    tags: Option<String>,
    /// Larger objects go up in parts of this size, bytes.
    multipart: usize,
    part: usize,
    timeout: Duration,
}

impl S3Store {
    /// Begins with a bucket, and with region, credentials and endpoint from where the SDK looks for them.
    pub fn builder(bucket: impl Into<String>) -> S3StoreBuilder {
        S3StoreBuilder::new(bucket.into())
    }

    /// The same from a URL such as `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if it is no such URL.
    pub fn at(url: &str) -> Result<S3StoreBuilder> {
        let place =
            url.strip_prefix("s3://").ok_or_else(|| Error::config("the URL does not begin with s3://"))?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        Ok(Self::builder(bucket).prefix(prefix))
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.inner.bucket
    }
}

impl Inner {
    /// The key in the bucket of a key in the store.
    fn full(&self, key: &str) -> Result<String> {
        check_key(key)?;
        let full = format!("{}{key}", self.prefix);
        check_key(&full)?;
        Ok(full)
    }
}

impl fmt::Display for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.uri)
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("uri", &self.inner.uri)
            .field("encryption", &self.inner.encryption)
            .field("tags", &self.inner.tags)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn uri(&self) -> &str {
        &self.inner.uri
    }

    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        self.inner.write(key, payload, &options, false).await.map(drop)
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created> {
        self.inner.write(key, payload, &options, true).await
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.inner.get_range(key, range, None).await
    }

    async fn get_range_of(&self, seen: &ObjectInfo, range: Range<u64>) -> Result<Bytes> {
        self.inner.get_range(&seen.key, range, seen.etag.as_deref()).await
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.inner.head(key).await
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let found = self.inner.list(prefix, after);
        found.try_filter_map(|found| std::future::ready(Ok(found.into_object()))).boxed()
    }

    fn list_all(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        self.inner.list(prefix, None)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.inner.delete(key).await
    }
}
