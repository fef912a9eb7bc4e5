//! A batch is committed when its time has come, whether or not the source has more to say.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use datalake_core::ledger::StoreLedger;
use datalake_core::store::MemoryStore;
use datalake_core::{
    Batch, Dataset, Document, Format, Next, Pipeline, Position, Receipt, Result, Sink, SinkInfo, Source,
    SourceBatch, SourceInfo, async_trait,
};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// Gives some batches, then waits for ever.
struct Quiet {
    info: SourceInfo,
    left: u64,
    told: Option<oneshot::Sender<Instant>>,
}

impl Quiet {
    fn after(batches: u64) -> (Self, oneshot::Receiver<Instant>) {
        let (told, tell) = oneshot::channel();
        let info = SourceInfo::new("test.quiet", Dataset::new("d").unwrap(), "memory:///")
            .with_commit(Duration::from_millis(25));
        (Self { info, left: batches, told: Some(told) }, tell)
    }
}

#[async_trait]
impl Source for Quiet {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        if self.left == 0 {
            std::future::pending::<()>().await;
        }
        self.left -= 1;
        let document = Document::new("{}", "memory:///", Format::Json);
        Ok(Next::Batch(SourceBatch::new(vec![document], Position::new("test.quiet/1", &self.left)?)))
    }

    async fn seek(&mut self, _position: Option<&Position>) -> Result<()> {
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        if position.decode::<u64>("test.quiet/1")? == 0
            && let Some(told) = self.told.take()
        {
            told.send(Instant::now()).unwrap();
        }
        Ok(())
    }
}

struct Nowhere(SinkInfo);

#[async_trait]
impl Sink for Nowhere {
    fn info(&self) -> &SinkInfo {
        &self.0
    }

    async fn write(&self, _batch: &Batch) -> Result<Receipt> {
        Ok(Receipt::default())
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_source_does_not_hold_up_a_commit() {
    for batches in [1, 50] {
        let (source, told) = Quiet::after(batches);
        let mut pipeline = Pipeline::builder("quiet")
            .source(source)
            .sink(Nowhere(SinkInfo::new("nowhere")))
            .ledger(StoreLedger::new(Arc::new(MemoryStore::new())))
            .build()
            .unwrap();
        let start = Instant::now();
        let told = async { timeout(Duration::from_secs(60), told).await };
        let told = tokio::select! {
            told = told => told.expect("the commit does not come").unwrap(),
            _ = pipeline.run_until(std::future::pending()) => panic!("the pipeline stopped"),
        };
        let took = told - start;
        assert!(took < Duration::from_millis(200), "{batches} batches took {took:?}");
    }
}
