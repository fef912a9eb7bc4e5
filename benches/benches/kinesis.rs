//! Records of a file onto a stream of Kinesis, against a program in Python with boto3 that does the same: read lines, put
//! them in calls of 500 and put again what failed. Both to a simulated Kinesis in this process, in turns.
//!
//! `cargo bench -p datalake-benches --features kinesis --bench kinesis`
//!
//! `DATALAKE_PYTHON_AWS` names a Python with boto3; without it only our side is measured. `DATALAKE_BENCH_RECORDS` is
//! the number of records. `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` must be set, to anything.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_benches::{directory, records};
use datalake_connectors::files::FilesSource;
use datalake_core::ledger::StoreLedger;
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::{Dataset, Pipeline};
use datalake_simulators::kinesis::{Kinesis, Limits};
use datalake_sinks::kinesis::{Aggregation, EventFormat, KinesisSink, KinesisSinkBuilder};
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;
const STREAM: &str = "bench";
const PYTHON: &str = include_str!("kinesis.py");

/// What is written, by us and by the program in Python.
struct Row {
    name: &'static str,
    change: fn(KinesisSinkBuilder) -> KinesisSinkBuilder,
    python: Option<&'static str>,
}

const ROWS: [Row; 3] = [
    Row { name: "bare", change: |sink| sink.format(EventFormat::Bare), python: Some("bare") },
    Row { name: "CloudEvents", change: |sink| sink, python: Some("cloudevents") },
    Row {
        name: "CloudEvents, aggregated",
        change: |sink| sink.aggregation(Aggregation::buckets(16)),
        python: None,
    },
];

struct Bench {
    kinesis: Kinesis,
    runtime: Runtime,
    config: SdkConfig,
    records: u64,
}

impl Bench {
    fn new(records: u64) -> Self {
        let kinesis = Kinesis::with(Limits::default().bytes_per_put(5 << 20)).expect("a Kinesis");
        kinesis.create(STREAM, 8);
        kinesis.retain(STREAM, 1000);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let settings = Settings::new().region("eu-central-1").endpoint(kinesis.url());
        let config = runtime.block_on(settings.load());
        Self { kinesis, runtime, config, records }
    }

    fn ours(&self, input: &Path, row: &Row) -> Duration {
        let sink = (row.change)(KinesisSink::builder(&self.config, STREAM)).build().expect("a sink");
        let begun = Instant::now();
        let source = FilesSource::builder(Dataset::new("bench").expect("a name"), input).build();
        let mut pipeline = Pipeline::builder("bench")
            .source(source.expect("a source"))
            .sink(sink)
            .ledger(StoreLedger::new(Arc::new(MemoryStore::new())))
            .build()
            .expect("a pipeline");
        let report = self.runtime.block_on(pipeline.drain(Budget::unlimited())).expect("a run");
        assert_eq!(report.counts.written, self.records);
        begun.elapsed()
    }

    /// By its own clock, without the start of the interpreter.
    fn python(&self, python: &Path, input: &Path, format: &str, threads: usize) -> Duration {
        let output = Command::new(python)
            .args(["-c", PYTHON, STREAM, format, &threads.to_string()])
            .arg(input)
            .env("AWS_ENDPOINT_URL", self.kinesis.url())
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .stderr(Stdio::inherit())
            .output()
            .expect("a Python");
        assert!(output.status.success(), "{}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        Duration::from_secs_f64(text.trim().parse().expect("a time"))
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn lines(path: &Path, records: u64) {
    let mut text = String::new();
    for n in 0..records {
        let line = writeln!(
            text,
            r#"{{"order":{n},"customer":{{"id":"C{:06}","city":"Tampere"}},"state":"shipped","total":"{}.50","at":"2026-11-22T10:{:02}:{:02}Z","note":"a line that is as long as records of events are, about 200 B"}}"#,
            n * 7919 % 1_000_000,
            n % 500,
            n / 60 % 60,
            n % 60
        );
        line.expect("a line");
    }
    std::fs::write(path, text).expect("a file");
}

fn main() {
    let (records, folder) = (records(200_000), directory());
    let input = folder.path().join("records.ndjson");
    lines(&input, records);
    let bench = Bench::new(records);
    let python = std::env::var_os("DATALAKE_PYTHON_AWS");
    if python.is_none() {
        println!("left out: boto3, since DATALAKE_PYTHON_AWS is not set");
    }
    let rate = |time: Duration| records as f64 / time.as_secs_f64();
    for row in &ROWS {
        let calls = bench.kinesis.calls("PutRecords");
        let stored = bench.ours(&input, row);
        let calls = (bench.kinesis.calls("PutRecords") - calls) as f64 * 1e6 / records as f64;
        println!(
            "{}: {calls:.0} calls for a million records (first run: {:.0} records/s)",
            row.name,
            rate(stored)
        );
        let (mut ours, mut one, mut four) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(bench.ours(&input, row));
            if let (Some(python), Some(format)) = (&python, row.python) {
                one.push(bench.python(Path::new(python), &input, format, 1));
                four.push(bench.python(Path::new(python), &input, format, 4));
            }
        }
        let ours = median(ours);
        println!("  ours: {:.0} records/s", rate(ours));
        for (threads, times) in [(1, one), (4, four)].into_iter().filter(|(_, times)| !times.is_empty()) {
            let theirs = median(times);
            let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
            println!(
                "  boto3, threads {threads}: {:.0} records/s; ours is {ratio:.1} times faster",
                rate(theirs)
            );
        }
    }
}
