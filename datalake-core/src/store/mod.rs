//! Objects under keys: what the lake and the ledger are kept in.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use crate::digest::Sha256;
use crate::{Error, Result};

mod local;
mod memory;
mod patient;

pub use local::LocalStore;
pub use memory::MemoryStore;
pub(crate) use patient::PatientStore;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key.
    pub key: String,
    /// The length in bytes.
    pub bytes: u64,
    /// When it was written, by the clock of the store.
    pub modified: DateTime<Utc>,
    /// What the store calls these bytes under this key, if it has such a name: another when the object is written anew
    /// with others.
    pub etag: Option<String>,
}

impl ObjectInfo {
    /// Whether this is the object that was seen before, and not another under its key: by the entity tags, where both
    /// have one, and otherwise by length and time.
    #[must_use]
    pub fn is_same(&self, seen: &Self) -> bool {
        self.key == seen.key
            && match (&self.etag, &seen.etag) {
                (Some(tag), Some(other)) => tag == other,
                _ => (self.bytes, self.modified) == (seen.bytes, seen.modified),
            }
    }
}

/// Something that is in a store.
#[expect(clippy::exhaustive_enums, reason = "a caller must think of each")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// An object.
    Object(ObjectInfo),
    /// Something that was put there by other means, under a key that breaks the rules, so that it cannot be read.
    Refused {
        /// The key, with what is no UTF-8 in it replaced.
        key: String,
        /// The length in bytes.
        bytes: u64,
    },
}

impl Listed {
    /// The object, if it is one.
    #[must_use]
    pub fn into_object(self) -> Option<ObjectInfo> {
        match self {
            Self::Object(info) => Some(info),
            Self::Refused { .. } => None,
        }
    }
}

/// What goes with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// The digest of the bytes, for a store that checks it on arrival.
    pub sha256: Option<Sha256>,
    /// The media type, for a store that keeps it.
    pub content_type: Option<&'static str>,
    /// Facts that point to the commit, for a store that keeps them. ASCII, at most 1 KiB in all, never a secret.
    pub metadata: BTreeMap<&'static str, String>,
}

/// What became of a conditional put.
#[expect(clippy::exhaustive_enums, reason = "a caller must think of each")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is new and holds the bytes given.
    New,
    /// The key was taken. Perhaps by an earlier try of ours whose answer was lost: read it to know.
    Exists,
}

/// The bytes of an object to be, in parts, so that nothing need be copied to join them.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    parts: Vec<Bytes>,
    len: usize,
}

impl Payload {
    /// No bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, part: impl Into<Bytes>) {
        let part = part.into();
        self.len += part.len();
        if !part.is_empty() {
            self.parts.push(part);
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The parts, in order, none empty.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// The digest of the bytes.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        Sha256::of_parts(&self.parts)
    }

    /// The bytes in one piece. Copies, unless there is one part.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.parts.len() == 1 {
            return self.parts.remove(0);
        }
        let mut joined = BytesMut::with_capacity(self.len);
        self.parts.iter().for_each(|part| joined.extend_from_slice(part));
        joined.freeze()
    }
}

impl<T: Into<Bytes>> From<T> for Payload {
    fn from(bytes: T) -> Self {
        let mut payload = Self::new();
        payload.push(bytes);
        payload
    }
}

/// Objects under keys. `store_suite!` of the testkit checks everything said here.
///
/// * **Keys** are relative paths: non-empty segments separated by `/`, none of them `.` or `..`, without control
///   characters and backslashes, at most 1,024 bytes.
/// * **Whole or not at all.** A reader sees an object with all its bytes or does not see it, whatever happens to the
///   writer.
/// * **Durable.** `Ok` of a write means that the object survives the end of this process and of this machine, as far
///   as the store promises.
/// * **Consistent.** After `Ok`, every reader sees the write, in [`list`](Self::list) too.
/// * **Concurrency.** All methods may be in flight at once. Of several [`put_if_absent`](Self::put_if_absent) of one
///   key, one gets [`Created::New`].
/// * **Cancellation.** A dropped write may or may not happen, now or later.
/// * **Errors** are classified and never retried by the store itself: a retryable error says that the write may or
///   may not have happened.
#[async_trait]
pub trait ObjectStore: fmt::Debug + Send + Sync + 'static {
    /// Where the store is, as a URI without credentials: `file:///var/lake`, `s3://bucket/prefix`.
    fn uri(&self) -> &str;

    /// Writes an object, over an older one of the same key.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a bad key; else as the store fails.
    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()>;

    /// Writes an object if there is none of that key.
    ///
    /// # Errors
    /// As [`put`](Self::put). After a retryable error, try again with the same bytes: the answer may then be
    /// [`Created::Exists`] for our own object.
    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created>;

    /// The bytes of an object.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is none.
    async fn get(&self, key: &str) -> Result<Bytes>;

    /// Some of the bytes of an object; fewer where the object ends before the range.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is none.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes>;

    /// Some of the bytes of an object as it was seen, and not of one that has been written over it since.
    ///
    /// # Errors
    /// As [`get_range`](Self::get_range), and [`Conflict`](crate::ErrorKind::Conflict) if the object is another now.
    async fn get_range_of(&self, seen: &ObjectInfo, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.get_range(&seen.key, range).await?;
        // Whatever was written over it before the bytes were read is there to be seen after.
        if self.head(&seen.key).await?.is_same(seen) { Ok(bytes) } else { Err(changed(&seen.key)) }
    }

    /// What is known of an object.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is none.
    async fn head(&self, key: &str) -> Result<ObjectInfo>;

    /// The objects whose keys begin with a prefix and come after a key, in the order of the bytes of their keys. What has
    /// a key that breaks the rules is left out.
    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>>;

    /// The objects whose keys begin with a prefix, as [`list`](Self::list) gives them, and among them what has a key that
    /// breaks the rules. The default is for a store in which nothing can have one.
    fn list_all(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        self.list(prefix, None).map_ok(Listed::Object).boxed()
    }

    /// Removes an object. `Ok` too if there was none.
    ///
    /// # Errors
    /// As the store fails.
    async fn delete(&self, key: &str) -> Result<()>;
}

/// Checks a key against the rules of [`ObjectStore`].
///
/// # Errors
/// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if it breaks one.
pub fn check_key(key: &str) -> Result<()> {
    let segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let character = |c: char| !c.is_control() && c != '\\';
    if key.len() > 1024 || !key.split('/').all(segment) || !key.chars().all(character) {
        return Err(Error::config("not a key of an object store").with("key", format_args!("{key:?}")));
    }
    Ok(())
}

/// The error of [`ObjectStore::get_range_of`] for an object that has been written over.
#[must_use]
pub fn changed(key: &str) -> Error {
    Error::new(crate::ErrorKind::Conflict, "the object has been written over").with("key", key)
}

pub(crate) fn not_found(key: &str) -> Error {
    Error::new(crate::ErrorKind::NotFound, "there is no such object").with("key", key)
}

/// The part of `bytes` that a range names, shortened to what there is.
pub(crate) fn clip(len: u64, range: &Range<u64>) -> Range<usize> {
    let end = range.end.min(len);
    let start = range.start.min(end);
    start as usize..end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_leave_the_store() {
        for key in
            ["", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\0b", "a\nb", &"a".repeat(1025)]
        {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        assert!(check_key("curated/orders/dt=2026-11-22/ä ö.ndjson").is_ok());
    }

    #[tokio::test]
    async fn ranges_of_an_object_that_was_seen_are_not_of_one_written_over_it() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let stores: [Box<dyn ObjectStore>; 2] =
            [Box::new(MemoryStore::new()), Box::new(LocalStore::open_without_sync(folder.path())?)];
        for store in stores {
            store.put("a/1", "0123456789".into(), PutOptions::default()).await?;
            let seen = store.head("a/1").await?;
            let listed = store.list("a/", None).next().await.unwrap()?;
            assert!(listed.is_same(&seen), "{listed:?} {seen:?}");
            for (range, expected) in [(2..5, "234"), (8..20, "89"), (0..10, "0123456789")] {
                assert_eq!(store.get_range_of(&seen, range).await?, expected);
            }
            store.put("a/1", "abcdefghij".into(), PutOptions::default()).await?;
            let error = store.get_range_of(&seen, 2..5).await.unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Conflict, "{store:?}");
            let now = store.head("a/1").await?;
            assert!(!now.is_same(&seen));
            assert_eq!(store.get_range_of(&now, 2..5).await?, "cde");
        }
        Ok(())
    }

    #[test]
    fn a_payload_joins_its_parts() {
        let mut payload = Payload::from("ab");
        payload.push("");
        payload.push("c");
        assert_eq!((payload.len(), payload.parts().len()), (3, 2));
        assert_eq!(payload.sha256(), Sha256::of(b"abc"));
        assert_eq!(payload.into_bytes(), "abc");
    }
}
