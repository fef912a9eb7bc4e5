use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use datalake_core::split::split;
use datalake_core::{Document, Next, Position, Source};
use tempfile::TempDir;

use super::*;

mod access;
mod bytes_exact;
mod dialects;
mod failing;
mod finished;
mod follow;
mod formats;
mod growth;
#[cfg(all(feature = "files-parquet", feature = "files-sheets"))]
mod reports;
mod suite;

/// A directory of files, and sources that read it.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Says that a file was last written a minute ago.
    fn age(&self, name: &str) {
        let then = std::time::SystemTime::now() - Duration::from_secs(60);
        fs::File::options().append(true).open(self.path(name)).unwrap().set_modified(then).unwrap();
    }

    fn builder(&self, pattern: &str) -> FilesSourceBuilder {
        builder(&self.path(pattern))
    }

    fn source(&self, pattern: &str) -> FilesSource {
        self.builder(pattern).build().unwrap()
    }
}

fn builder(path: &Path) -> FilesSourceBuilder {
    FilesSource::builder("files".parse().unwrap(), path)
}

/// Everything until the source is idle, and the position after it.
async fn drain(source: &mut FilesSource) -> (Vec<Document>, Option<Position>) {
    let (mut documents, mut position) = (Vec::new(), None);
    while let Next::Batch(batch) = source.next_batch().await.unwrap() {
        documents.extend(batch.documents);
        position = Some(batch.position);
    }
    (documents, position)
}

async fn documents(source: &mut FilesSource) -> Vec<Document> {
    drain(source).await.0
}

/// The records of everything until the source is idle, in order; what is none has an exclamation mark.
async fn records(source: &mut FilesSource) -> Vec<String> {
    told(&documents(source).await)
}

fn told(documents: &[Document]) -> Vec<String> {
    let mut records = Vec::new();
    for document in documents {
        split(document, |piece| {
            let bad = if piece.error.is_some() { "!" } else { "" };
            records.push(format!("{bad}{}", String::from_utf8_lossy(&piece.body)));
        });
    }
    records
}

/// The bytes of all documents of a file, which follow one on the other.
fn joined(documents: &[Document], path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for document in documents.iter().filter(|document| **document.locator() == *path.to_string_lossy()) {
        assert_eq!(document.offset(), bytes.len() as u64);
        bytes.extend_from_slice(document.bytes());
    }
    bytes
}
