//! The engine holds no more than it was allowed to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use datalake_core::ledger::StoreLedger;
use datalake_core::store::MemoryStore;
use datalake_core::{
    Batch, Dataset, Document, Format, Next, Pipeline, Position, Receipt, Result, Sink, SinkInfo, Source,
    SourceBatch, SourceInfo, async_trait,
};
use tokio::sync::mpsc;

const MIB: usize = 1 << 20;

/// Gives a mebibyte of fresh lines whenever it is asked.
struct Endless {
    info: SourceInfo,
    given: Arc<AtomicU64>,
}

#[async_trait]
impl Source for Endless {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let n = self.given.fetch_add(1, Ordering::SeqCst);
        let lines = format!("{{\"n\":{n},\"text\":\"{}\"}}\n", "x".repeat(1000)).repeat(MIB / 1024);
        let document = Document::new(Bytes::from(lines), "memory:///endless", Format::Ndjson);
        Ok(Next::Batch(SourceBatch::new(vec![document], Position::new("endless/1", &n)?)))
    }

    async fn seek(&mut self, _position: Option<&Position>) -> Result<()> {
        Ok(())
    }
}

/// Never comes to an end with its first batch.
struct Stalled(SinkInfo);

#[async_trait]
impl Sink for Stalled {
    fn info(&self) -> &SinkInfo {
        &self.0
    }

    async fn write(&self, _batch: &Batch) -> Result<Receipt> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_stalled_sink_stops_the_reading_and_memory_stays_bounded() -> Result<()> {
    let given = Arc::new(AtomicU64::new(0));
    let info = SourceInfo::new("test.endless", Dataset::new("things")?, "memory:///endless");
    let mut pipeline = Pipeline::builder("things")
        .source(Endless { info, given: Arc::clone(&given) })
        .sink(Stalled(SinkInfo::new("stalled")))
        .ledger(StoreLedger::new(Arc::new(MemoryStore::new())))
        .bytes_in_flight(24 * MIB)
        .build()?;
    let mut progress = pipeline.progress();
    let watched = async {
        let full = progress.wait_for(|progress| progress.bytes_read >= 24 * MIB as u64);
        let full = tokio::time::timeout(Duration::from_secs(60), full).await;
        full.expect("it reads as much as it may").expect("the pipeline is there");
        // The source never waits, so an engine that goes on reading reads more at every turn.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = pipeline.run_until(std::future::pending()) => unreachable!("nobody asked it to stop"),
        () = watched => {}
    }
    let read = given.load(Ordering::SeqCst);
    assert!((24..=26).contains(&read), "{read} MiB were read");
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        assert!((1..256 << 10).contains(&peak), "{peak} KiB");
    }
    Ok(())
}

/// Says how many documents it was given, and never comes to an end.
struct Counting(SinkInfo, mpsc::Sender<usize>);

#[async_trait]
impl Sink for Counting {
    fn info(&self) -> &SinkInfo {
        &self.0
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        self.1.send(batch.documents.len()).await.ok();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_commit_holds_as_many_batches_as_come_nearest_to_its_target() -> Result<()> {
    // A batch of the source is a little less than a mebibyte.
    for (target, documents) in
        [(4 * MIB, 4), (4 * MIB + MIB / 4, 4), (3 * MIB + 3 * MIB / 4, 4), (MIB / 2, 1)]
    {
        let info = SourceInfo::new("test.endless", Dataset::new("things")?, "memory:///endless");
        let (told, mut counts) = mpsc::channel(1);
        let mut pipeline = Pipeline::builder("things")
            .source(Endless { info, given: Arc::default() })
            .sink(Counting(SinkInfo::new("counting"), told))
            .ledger(StoreLedger::new(Arc::new(MemoryStore::new())))
            .target_bytes(target)
            .bytes_in_flight(2 * target.max(MIB))
            .build()?;
        tokio::select! {
            _ = pipeline.run_until(std::future::pending()) => unreachable!("nobody asked it to stop"),
            // The second is begun although the first does not end: there is room for both.
            counts = async { [counts.recv().await, counts.recv().await] } => {
                assert_eq!(counts, [Some(documents); 2], "for {target}");
            }
        }
    }
    Ok(())
}
