//! A store in a directory.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::{Created, Listed, ObjectInfo, ObjectStore, Payload, PutOptions, check_key, clip, not_found};
use crate::{Error, ErrorKind, Result};

/// Where objects are written before they get their name. On the same file system, so that naming is atomic.
const STAGING: &str = ".tmp";
/// How old a file being written must be for its writer to be gone.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// How many bytes are written at once. A file system may give a write of 2 MiB a huge page of the page cache, which in a
/// virtual machine may be one that its host took back and must find and empty again; smaller pages are those used last.
const PIECE: usize = 1 << 20;

/// A store in a directory: one file an object, named by its key.
///
/// An object is written to a file without a name in the store, synchronised, and then linked to its name, so that it
/// is whole or not there. The file and its directory are both synchronised before a write is `Ok`.
#[derive(Debug, Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    uri: String,
    sync: bool,
    staged: AtomicU64,
    token: u64,
    /// The directories whose own names are known to last.
    lasting: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    /// A store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made, or is named by a URL.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        Self::with_sync(root.into(), true)
    }

    /// The same, without synchronising files: an object survives the end of the process, but not that of the machine.
    /// For tests and for data that can be had again.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open_without_sync(root: impl Into<PathBuf>) -> Result<Self> {
        Self::with_sync(root.into(), false)
    }

    fn with_sync(root: PathBuf, sync: bool) -> Result<Self> {
        if root.to_string_lossy().contains("://") {
            return Err(Error::config("a directory is named by its path and not by a URL")
                .with("path", root.display()));
        }
        let failed =
            |cause| Error::io("cannot make the directory of the store", cause).with("path", root.display());
        fs::create_dir_all(root.join(STAGING)).map_err(failed)?;
        let absolute = fs::canonicalize(&root).map_err(failed)?;
        let uri = format!("file://{}", absolute.display());
        let token = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        let (staged, lasting) = (AtomicU64::new(0), Mutex::default());
        let inner = Inner { root: absolute, uri, sync, staged, token, lasting };
        inner.sync_dir(inner.root.parent().unwrap_or(&inner.root)).map_err(failed)?;
        inner.sweep();
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// What there is, in the order of the keys.
    fn walk(&self, prefix: &str, after: Option<&str>) -> BoxStream<'static, Result<Listed>> {
        let (inner, prefix, after) = (Arc::clone(&self.inner), prefix.to_owned(), after.map(str::to_owned));
        let walk = async move {
            let task = tokio::task::spawn_blocking(move || {
                let mut found = Vec::new();
                walk(&inner.root, "", &prefix, after.as_deref(), &mut found)
                    .map(|()| found)
                    .map_err(|cause| inner.failed("cannot list objects", &prefix, cause))
            });
            let found = match task.await {
                Ok(found) => found,
                Err(cause) => Err(Error::unexpected("a file operation panicked").caused_by(cause)),
            };
            match found {
                Ok(found) => stream::iter(found).map(Ok).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        stream::once(walk).flatten().boxed()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Inner, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        check_key(key)?;
        if key.split('/').next() == Some(STAGING) {
            return Err(Error::config("the key is reserved for objects being written").with("key", key));
        }
        let (inner, key) = (Arc::clone(&self.inner), key.to_owned());
        let task = tokio::task::spawn_blocking(move || work(&inner, &key));
        task.await.map_err(|cause| Error::unexpected("a file operation panicked").caused_by(cause))?
    }
}

impl Inner {
    /// Removes what was being written when a process was killed, once nobody can still be writing it.
    fn sweep(&self) {
        let Ok(staged) = fs::read_dir(self.root.join(STAGING)) else { return };
        for entry in staged.flatten() {
            let age =
                entry.metadata().and_then(|found| found.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Writes the bytes to a file outside the store's name space, gives it a name with `name`, and makes both last.
    fn write(
        &self,
        key: &str,
        payload: &Payload,
        name: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let n = self.staged.fetch_add(1, Ordering::Relaxed);
        let staged = self.root.join(STAGING).join(format!("{:016x}-{n}", self.token));
        let path = self.path(key);
        let written = (|| {
            let mut file = File::create_new(&staged)?;
            make_room(&file, payload.len() as u64);
            let mut pieces = payload.parts().iter().flat_map(|part| part.chunks(PIECE));
            pieces.try_for_each(|piece| file.write_all(piece))?;
            if self.sync {
                file.sync_all()?;
            }
            match name(&staged, &path) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                    self.make_parents(&path)?;
                    name(&staged, &path)
                }
                named => named,
            }
        })();
        // Gone already after a rename; one left behind by a crash is swept up when the store is opened.
        drop(fs::remove_file(&staged));
        match written {
            // Whoever was first may not have come as far as making the name last.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                self.make_last(&path)?;
                Err(cause)
            }
            Err(cause) => Err(cause),
            Ok(()) => self.make_last(&path),
        }
    }

    fn make_parents(&self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        parent.ancestors().take_while(|dir| *dir != self.root).for_each(|dir| {
            lasting.remove(dir);
        });
        drop(lasting);
        fs::create_dir_all(parent)
    }

    /// Synchronises the directory of a file and, once for each, the directories above it: another process may have
    /// made them and ended before they were synchronised.
    fn make_last(&self, path: &Path) -> io::Result<()> {
        if !self.sync {
            return Ok(());
        }
        let mut entry = path;
        while let Some(dir) = entry.parent() {
            self.sync_dir(dir)?;
            let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
            if entry != path {
                lasting.insert(entry.to_owned());
            }
            if dir == self.root || lasting.contains(dir) {
                break;
            }
            entry = dir;
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.sync { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn failed(&self, doing: &'static str, key: &str, cause: io::Error) -> Error {
        Error::io(doing, cause).component("store.local").with("store", &self.uri).with("key", key)
    }

    /// The error of looking for an object. A directory is none, and below a file there is none.
    fn not_read(&self, doing: &'static str, key: &str, cause: io::Error) -> Error {
        use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
        match cause.kind() {
            NotFound | IsADirectory | NotADirectory => not_found(key),
            _ => self.failed(doing, key, cause),
        }
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    fn uri(&self) -> &str {
        &self.inner.uri
    }

    async fn put(&self, key: &str, payload: Payload, _options: PutOptions) -> Result<()> {
        self.blocking(key, move |inner, key| {
            inner
                .write(key, &payload, |staged, path| fs::rename(staged, path))
                .map_err(|cause| inner.failed("cannot write an object", key, cause))
        })
        .await
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, _options: PutOptions) -> Result<Created> {
        self.blocking(key, move |inner, key| {
            match inner.write(key, &payload, |staged, path| fs::hard_link(staged, path)) {
                Ok(()) => Ok(Created::New),
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && !inner.path(key).is_dir() => {
                    Ok(Created::Exists)
                }
                Err(cause) => Err(inner.failed("cannot create an object", key, cause)),
            }
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        self.blocking(key, |inner, key| match fs::read(inner.path(key)) {
            Ok(bytes) => Ok(bytes.into()),
            Err(cause) => Err(inner.not_read("cannot read an object", key, cause)),
        })
        .await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.blocking(key, move |inner, key| {
            let read = || {
                let mut file = File::open(inner.path(key))?;
                let len = file.metadata()?.len();
                let span = clip(len, &range);
                let mut bytes = vec![0; span.len()];
                file.seek(SeekFrom::Start(span.start as u64))?;
                file.read_exact(&mut bytes)?;
                io::Result::Ok(bytes.into())
            };
            read().map_err(|cause| inner.not_read("cannot read an object", key, cause))
        })
        .await
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.blocking(key, |inner, key| {
            let found = fs::metadata(inner.path(key)).and_then(|found| info(key.to_owned(), &found));
            match found {
                Ok(Some(info)) => Ok(info),
                Ok(None) => Err(not_found(key)),
                Err(cause) => Err(inner.not_read("cannot look at an object", key, cause)),
            }
        })
        .await
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let found = self.walk(prefix, after);
        found.try_filter_map(|found| std::future::ready(Ok(found.into_object()))).boxed()
    }

    fn list_all(&self, prefix: &str) -> BoxStream<'_, Result<Listed>> {
        self.walk(prefix, None)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.blocking(key, |inner, key| match fs::remove_file(inner.path(key)) {
            Ok(()) => Ok(()),
            Err(cause) => match inner.not_read("cannot delete an object", key, cause) {
                error if error.kind() == ErrorKind::NotFound => Ok(()),
                error => Err(error),
            },
        })
        .await
    }
}

/// Asks the file system for the room of a large object at once. It does less work so than for one page after another,
/// and is apt to give room in one piece. Nothing depends on it: where it cannot be had, the writing goes on without,
/// and what is wrong with the disk shows there.
#[cfg(target_os = "linux")]
fn make_room(file: &File, bytes: u64) {
    if bytes >= 1 << 20 {
        rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes).ok();
    }
}

#[cfg(not(target_os = "linux"))]
fn make_room(_: &File, _: u64) {}

fn info(key: String, found: &fs::Metadata) -> io::Result<Option<ObjectInfo>> {
    if !found.is_file() {
        return Ok(None);
    }
    let modified = DateTime::<Utc>::from(found.modified()?);
    let etag = Some(format!(
        "\"{:x}-{:x}-{:x}\"",
        inode(found),
        modified.timestamp_nanos_opt().unwrap_or(0),
        found.len()
    ));
    Ok(Some(ObjectInfo { key, bytes: found.len(), modified, etag }))
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// Adds the objects below a directory in the order of their keys. `base` is the key of the directory with a slash at
/// its end, or empty for the root.
fn walk(
    dir: &Path,
    base: &str,
    prefix: &str,
    after: Option<&str>,
    found: &mut Vec<Listed>,
) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let refused = name.to_str().is_none_or(|name| check_key(name).is_err());
        let name = name.to_string_lossy();
        if base.is_empty() && name == STAGING {
            continue;
        }
        let slash = if !refused && entry.file_type()?.is_dir() { "/" } else { "" };
        entries.push((format!("{base}{name}{slash}"), entry.path(), refused));
    }
    entries.sort();
    for (key, path, refused) in entries {
        if refused {
            if key.starts_with(prefix) {
                let look = fs::metadata(&path).map(|looked| Listed::Refused { key, bytes: looked.len() });
                gone_is_fine(look.map(|refused| found.push(refused)))?;
            }
        } else if key.ends_with('/') {
            let before = after.is_some_and(|after| key.as_str() < after && !after.starts_with(&key));
            if !before && (key.starts_with(prefix) || prefix.starts_with(&key)) {
                gone_is_fine(walk(&path, &key, prefix, after, found))?;
            }
        } else if key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after) {
            let look = fs::metadata(&path).and_then(|looked| info(key, &looked));
            gone_is_fine(look.map(|info| found.extend(info.map(Listed::Object))))?;
        }
    }
    Ok(())
}

/// What another process deletes while we list is simply not listed.
fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_url_is_no_directory() {
        let error = LocalStore::open("s3://bucket/prefix").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::ConfigInvalid);
        assert!(!std::path::Path::new("s3:").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_has_a_name_that_is_no_key_is_listed_as_such_and_nowhere_else() -> Result<()> {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open_without_sync(folder.path())?;
        store.put("in/a", "1".into(), PutOptions::default()).await?;
        for name in [&b"in/\xe9.csv"[..], b"in/b\\c", b"other\n"] {
            fs::write(folder.path().join(OsStr::from_bytes(name)), "22").unwrap();
        }
        let listed: Vec<ObjectInfo> = store.list("", None).try_collect().await?;
        assert_eq!(listed.iter().map(|info| &*info.key).collect::<Vec<_>>(), ["in/a"]);
        let all: Vec<Listed> = store.list_all("in/").try_collect().await?;
        let refused = |key: &str| Listed::Refused { key: key.to_owned(), bytes: 2 };
        assert_eq!(all, [Listed::Object(listed[0].clone()), refused("in/b\\c"), refused("in/\u{fffd}.csv")]);
        Ok(())
    }

    #[test]
    fn what_a_killed_writer_left_is_swept_up_once_it_is_old() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        drop(LocalStore::open(folder.path())?);
        let (young, old) = (folder.path().join(".tmp/young"), folder.path().join(".tmp/old"));
        fs::write(&young, "x").unwrap();
        let past = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        File::create(&old).unwrap().set_modified(past).unwrap();
        drop(LocalStore::open(folder.path())?);
        assert!(young.exists() && !old.exists());
        Ok(())
    }
}
