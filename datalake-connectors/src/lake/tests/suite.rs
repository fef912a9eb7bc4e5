use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, async_trait};
use tokio::sync::OnceCell;

use super::*;

/// A lake that two pipelines have filled, commit by commit in turns.
struct Silo {
    filled: Filled,
    zone: Zone,
    lanes: [Lane; 2],
    ready: OnceCell<()>,
    fed: AtomicUsize,
    failed: AtomicUsize,
}

const COMMITS: usize = 4;
const RECORDS: usize = 5;

impl Silo {
    fn new(zone: Zone) -> Self {
        let filled = Filled::new();
        let lanes = [filled.lane("a"), filled.lane("b")];
        let (ready, fed, failed) = (OnceCell::new(), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { filled, zone, lanes, ready, fed, failed }
    }

    fn body(lane: &str, commit: usize, n: usize) -> String {
        format!("{{\"by\":\"{lane}\",\"n\":\"{commit}.{n}\"}}")
    }

    fn record(&self, lane: &str, commit: usize, n: usize) -> String {
        let body = Self::body(lane, commit, n);
        match self.zone {
            Zone::Raw => body,
            _ => {
                format!("{},\"_lake\":{{\"b\":\"{lane}/{commit}\",\"i\":{n}}}}}", body.trim_end_matches('}'))
            }
        }
    }

    async fn fill(&self) {
        let fill = async {
            for commit in 1..=COMMITS {
                Self::commit(&self.lanes[0], commit).await;
                Self::commit(&self.lanes[1], commit).await;
            }
        };
        self.ready.get_or_init(|| fill).await;
    }

    async fn commit(lane: &Lane, commit: usize) {
        let bodies: Vec<_> = (0..RECORDS).map(|n| Self::body(lane.name, commit, n)).collect();
        lane.commits(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        self.fill().await;
        let builder = self.filled.source(self.zone).batch_bytes(60).poll_every(Duration::from_millis(2));
        Ok(Box::new(builder.build()?))
    }

    fn expected(&self) -> Vec<Bytes> {
        let all = (1..=COMMITS).flat_map(|commit| ["a", "b"].map(|lane| (lane, commit)));
        let all = all.flat_map(|(lane, commit)| (0..RECORDS).map(move |n| (lane, commit, n)));
        all.map(|(lane, commit, n)| self.record(lane, commit, n).into()).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        let commit = COMMITS + 1 + self.fed.fetch_add(1, Ordering::Relaxed);
        Self::commit(&self.lanes[0], commit).await;
        Some(Fed::new((0..RECORDS).map(|n| self.record("a", commit, n))))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.failed.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return None;
        }
        self.fill().await;
        self.filled.store.down(true);
        Some(ErrorKind::Unavailable)
    }

    async fn mend(&self) {
        self.filled.store.down(false);
    }
}

datalake_core::source_suite!(raw, Silo::new(Zone::Raw));
datalake_core::source_suite!(curated, Silo::new(Zone::Curated));
