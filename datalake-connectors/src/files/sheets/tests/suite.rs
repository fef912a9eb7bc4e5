use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datalake_core::split::Decoders;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait};
use tempfile::TempDir;

use super::*;
use crate::files::FilesSource;

/// A folder of workbooks.
struct Folder {
    folder: TempDir,
    fed: AtomicUsize,
    away: AtomicUsize,
}

fn report(n: usize) -> Vec<u8> {
    texts(&[&["report", "line"], &[&n.to_string(), "1"], &[&n.to_string(), "2"]])
}

fn lines(n: usize) -> [String; 2] {
    [1, 2].map(|line| format!(r#"{{"report":"{n}","line":"{line}","_sheet":"S","_row":{}}}"#, line + 1))
}

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        for n in 0..6 {
            std::fs::write(folder.path().join(format!("in/{n:02}.xlsx")), report(n)).unwrap();
        }
        Self { folder, fed: AtomicUsize::new(6), away: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl SourceHarness for Folder {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let builder = FilesSource::builder("reports".parse()?, self.folder.path().join("in"));
        let source =
            builder.sheets(Sheets::new()).batch_bytes(6000).poll(Duration::from_millis(2)).build()?;
        Ok(Box::new(source))
    }

    fn decoders(&self) -> Decoders {
        Decoders::default().with(Arc::new(SheetsDecoder))
    }

    fn expected(&self) -> Vec<Bytes> {
        (0..6).flat_map(lines).map(Bytes::from).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        let n = self.fed.fetch_add(1, Ordering::Relaxed);
        let (new, here) =
            (self.folder.path().join("new"), self.folder.path().join(format!("in/{n:02}.xlsx")));
        std::fs::write(&new, report(n)).unwrap();
        std::fs::rename(new, here).unwrap();
        Some(Fed::new(lines(n)))
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

datalake_core::source_suite!(workbooks, Folder::new());

#[tokio::test]
async fn a_workbook_is_one_document_known_by_its_name_and_left_alone_without_the_setting() {
    let (folder, bytes) = (TempDir::new().unwrap(), report(1));
    for name in ["a.XLSX", "b.2026-11.xlsm", "c.csv", "d.bin", "~$a.xlsx"] {
        std::fs::write(folder.path().join(name), &bytes).unwrap();
    }
    let builder = || FilesSource::builder("reports".parse().unwrap(), folder.path());
    for (source, expected) in [(builder().sheets(Sheets::new()), 2), (builder(), 0)] {
        let mut source = source.build().unwrap();
        let datalake_core::Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("idle") };
        let decoded = batch.documents.iter().filter(|d| matches!(**d.format(), Format::Decoded { .. }));
        assert_eq!(decoded.clone().count(), expected);
        assert!(decoded.into_iter().all(|document| *document.bytes() == bytes));
    }
    let refused = builder().sheets(Sheets::new()).format(crate::files::FileFormat::Lines).build();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConfigInvalid);
}
