//! What the engine, the envelope and the ledger cost per record, on one core, at batches of 1,000 records: everything
//! but cutting and parsing records and what sinks do.
//!
//! `cargo bench -p datalake-benches --bench overhead`

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::sync::Arc;

use datalake_benches::{Sample, median};
use datalake_core::ledger::StoreLedger;
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::VecSource;
use datalake_core::{
    Ambient, Batch, Cpu, Document, Format, Pipeline, Receipt, Result, Sink, SinkInfo, SystemClock,
    SystemEntropy, async_trait,
};

const BATCHES: usize = 2_000;
const RECORDS: usize = 1_000;

/// A sink that takes everything, a commit for every 1,000 records.
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

fn run(runtime: &tokio::runtime::Runtime, documents: &[Document]) -> Sample {
    let ambient = Ambient::new(SystemClock, SystemEntropy, Cpu::inline());
    let ledger = StoreLedger::new(Arc::new(MemoryStore::new()));
    let mut pipeline = Pipeline::builder("overhead")
        .source(VecSource::new(documents.to_vec()))
        .sink(Nowhere(SinkInfo::new("nowhere").with_target(usize::MAX, RECORDS)))
        .ledger(ledger)
        .ambient(ambient)
        .build()
        .expect("a pipeline");
    let (sample, report) =
        Sample::of(|| runtime.block_on(pipeline.drain(Budget::unlimited())).expect("a run"));
    assert_eq!(report.counts.written, (BATCHES * RECORDS) as u64);
    assert_eq!(report.commits, BATCHES as u64);
    sample
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Lines of one byte: what is left is the cost of a record as such.
    let body = "x\n".repeat(RECORDS);
    let format = Arc::new(Format::Lines);
    let documents: Vec<_> = (0..BATCHES)
        .map(|n| Document::new(body.clone(), format!("memory:///{n}"), Arc::clone(&format)))
        .collect();
    let samples: Vec<_> = (0..7).map(|_| run(&runtime, &documents)).collect();
    let nanos = median(&samples).cpu.as_nanos() as f64 / (BATCHES * RECORDS) as f64;
    println!("engine, envelope and ledger: {nanos:.0} ns a record on one core (bound: 100 ns)");
}
