use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness, VecSource};
use datalake_core::{Document, ErrorKind, Format, Result, Source, async_trait};

/// A silo of seven documents that can grow and fail.
struct Held {
    source: VecSource,
    grows: bool,
    fails: Mutex<Vec<ErrorKind>>,
}

impl Held {
    fn new(source: VecSource) -> Self {
        let fails = vec![ErrorKind::PermissionDenied, ErrorKind::RateLimited, ErrorKind::Unavailable];
        Self { source, grows: true, fails: Mutex::new(fails) }
    }
}

fn bodies() -> Vec<Bytes> {
    ["a", "b", "c", "d", "e", "f", "g"].map(Bytes::from).to_vec()
}

fn document(body: &str) -> Document {
    Document::new(body.to_owned(), format!("memory:///{body}"), Format::Whole)
}

#[async_trait]
impl SourceHarness for Held {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.source.reopen()))
    }

    fn expected(&self) -> Vec<Bytes> {
        bodies()
    }

    async fn feed(&self) -> Option<Fed> {
        self.grows.then(|| {
            self.source.silo().push(document("more"));
            Fed::new(["more"])
        })
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let kind = self.fails.lock().unwrap().pop();
        if kind.is_none() {
            *self.fails.lock().unwrap() = vec![ErrorKind::Unavailable];
        }
        self.source.silo().fail(kind);
        kind
    }

    async fn mend(&self) {
        self.source.silo().fail(None);
    }

    fn secrets(&self) -> Vec<String> {
        vec!["a canary".into()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source)]
    }
}

/// A silo whose senders wait for the commit.
struct Live {
    source: VecSource,
    left: Mutex<usize>,
}

impl Live {
    fn new(source: VecSource) -> Self {
        let source = source.without_seek().wants_commit(Duration::from_millis(10)).endless();
        Self { source, left: Mutex::new(6) }
    }
}

#[async_trait]
impl SourceHarness for Live {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.source.reopen()))
    }

    fn is_live(&self) -> bool {
        true
    }

    async fn feed(&self) -> Option<Fed> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1)?;
        let body = format!("event {left}");
        Some(Fed::new([body.clone()]).told(self.source.silo().send(document(&body))))
    }
}

datalake_core::source_suite!(that_ends, Held::new(VecSource::lines(bodies())));
datalake_core::source_suite!(in_uneven_batches, Held::new(VecSource::lines(bodies()).cuts([2, 0, 3, 1])));
datalake_core::source_suite!(that_waits, Held::new(VecSource::json(bodies()).endless().awaits(3)));
datalake_core::source_suite!(with_a_window, Held::new(VecSource::lines(bodies()).endless().window(3)));
datalake_core::source_suite!(with_senders, Live::new(VecSource::lines([""; 0]).awaits(2)));
datalake_core::source_suite!(with_senders_and_a_window, Live::new(VecSource::lines([""; 0]).window(2)));
