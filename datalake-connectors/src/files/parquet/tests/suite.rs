use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datalake_core::split::Decoders;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait};
use tempfile::TempDir;

use super::*;
use crate::files::FilesSource;

/// A folder of Parquet files.
struct Folder {
    folder: TempDir,
    fed: AtomicUsize,
    away: AtomicUsize,
}

fn table(n: usize) -> Vec<u8> {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![n as i64, n as i64 + 1]));
    file(vec![("n", column)], plain())
}

fn rows(n: usize) -> [String; 2] {
    [n, n + 1].map(|n| format!("{{\"n\":{n}}}"))
}

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        for n in 10..16 {
            std::fs::write(folder.path().join(format!("in/{n}.snappy.parquet")), table(n)).unwrap();
        }
        Self { folder, fed: AtomicUsize::new(16), away: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl SourceHarness for Folder {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let builder = FilesSource::builder("sales".parse()?, self.folder.path().join("in"));
        let source =
            builder.parquet(Parquet::new()).batch_bytes(600).poll(Duration::from_millis(2)).build()?;
        Ok(Box::new(source))
    }

    fn decoders(&self) -> Decoders {
        Decoders::default().with(Arc::new(ParquetDecoder))
    }

    fn expected(&self) -> Vec<Bytes> {
        (10..16).flat_map(rows).map(Bytes::from).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        let n = self.fed.fetch_add(1, Ordering::Relaxed);
        let (new, here) = (self.folder.path().join("new"), self.folder.path().join(format!("in/{n}.pq")));
        std::fs::write(&new, table(n)).unwrap();
        std::fs::rename(new, here).unwrap();
        Some(Fed::new(rows(n)))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.away.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return None;
        }
        std::fs::rename(self.folder.path().join("in"), self.folder.path().join("away")).unwrap();
        Some(ErrorKind::NotFound)
    }

    async fn mend(&self) {
        std::fs::rename(self.folder.path().join("away"), self.folder.path().join("in")).unwrap();
    }
}

datalake_core::source_suite!(parquet, Folder::new());
