//! A table of PostgreSQL, read whole, against `psql` that writes `COPY … TO STDOUT` to a file: through the source alone,
//! into the raw zone of a lake on a disk, and into its raw and curated zones. All in turns, with the server on the same
//! machine.
//!
//! `cargo bench -p datalake-benches --features postgres --bench postgres`
//!
//! `DATALAKE_POSTGRES` names the folder of the server's programs. `DATALAKE_BENCH_RECORDS` is the number of rows.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use datalake_benches::{Sample, directory, median, peak_mebibytes, records};
use datalake_connectors::sql::postgres::PostgresSource;
use datalake_core::lake::Lake;
use datalake_core::pipeline::Budget;
use datalake_core::store::LocalStore;
use datalake_core::{Dataset, Next, Pipeline, Source as _};
use datalake_simulators::postgres::Cluster;
use datalake_sinks::lake::{LakeSink, LakeSinkBuilder};
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;

fn main() {
    let Some(cluster) = Cluster::builder("the bench of PostgreSQL") else { return };
    let cluster = cluster.setting("shared_buffers", "1GB").setting("max_wal_size", "4GB").start();
    let rows = records(5_000_000);
    let database = cluster.database();
    database.sql(&format!(
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer int, placed timestamptz, amount numeric(12,2),
                              status text, note text);
         INSERT INTO orders SELECT i, i % 100000, '2026-01-01'::timestamptz + i * interval '7 seconds',
             (i % 100000) / 100.0, (array['new', 'paid', 'shipped'])[1 + i % 3], 'note for order ' || md5(i::text)
             FROM generate_series(1, {rows}) i"
    ));
    database.sql("ANALYZE orders");
    database.sql("CHECKPOINT");

    let url = database.url();
    let runtime = Runtime::new().expect("a runtime");
    let folder = directory();
    let lake = folder.path().join("lake");
    let (mut psql, mut source, mut raw, mut both) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let file = folder.path().join("rows");
        psql.push(Sample::of(|| copy(&url, &file)).0);
        bytes = fs::metadata(&file).expect("a file").len();
        source.push(Sample::of(|| runtime.block_on(read(&url, bytes))).0);
        raw.push(drain(&runtime, &url, &lake, rows, LakeSinkBuilder::raw_only));
        both.push(drain(&runtime, &url, &lake, rows, |builder| builder));
    }
    println!("{rows} rows, {:.0} MB as COPY writes them, the median of {ROUNDS}:", bytes as f64 / 1e6);
    let base = median(&psql).wall.as_secs_f64();
    println!("psql, COPY to a file        {base:>6.1} s");
    let ours = [("the source alone", source), ("a lake, raw", raw), ("a lake, raw and curated", both)];
    for (name, samples) in ours {
        let Sample { wall, cpu } = median(&samples);
        let (wall, cpu) = (wall.as_secs_f64(), cpu.as_secs_f64());
        println!("{name:<27} {wall:>6.1} s, {cpu:>4.1} s of the processor, speed {:.2}", base / wall);
    }
    println!("at most {:.0} MiB", peak_mebibytes());
}

/// Lets `psql` write the rows to a file.
fn copy(url: &str, to: &Path) {
    let file = fs::File::create(to).expect("a file");
    let mut command = Command::new("psql");
    command.args(["-X", "-c", "COPY orders TO STDOUT", url]).stdin(Stdio::null()).stdout(file);
    assert!(command.status().expect("psql").success(), "psql failed");
}

fn table(url: &str) -> PostgresSource {
    let dataset = Dataset::new("orders").expect("a name");
    PostgresSource::table(dataset, url, "orders").build().expect("a source")
}

/// Reads everything and keeps nothing.
async fn read(url: &str, expected: u64) {
    let mut source = table(url);
    source.seek(None).await.expect("a session");
    let mut bytes = 0;
    while let Next::Batch(batch) = source.next_batch().await.expect("rows") {
        bytes += batch.documents.iter().map(|document| document.bytes().len() as u64).sum::<u64>();
    }
    assert_eq!(bytes, expected, "not every row was read");
}

fn drain(
    runtime: &Runtime,
    url: &str,
    folder: &Path,
    rows: u64,
    landing: impl FnOnce(LakeSinkBuilder) -> LakeSinkBuilder,
) -> Sample {
    let store = LocalStore::open(folder).expect("a store");
    let landing = landing(LakeSink::builder(&Lake::new(Arc::new(store)))).build();
    let (sample, report) = Sample::of(|| {
        runtime.block_on(async {
            let mut pipeline =
                Pipeline::builder("orders").source(table(url)).lake(&landing).build().expect("a pipeline");
            pipeline.drain(Budget::unlimited()).await.expect("a run")
        })
    });
    assert_eq!(report.counts.read, rows, "not every row is in the lake");
    fs::remove_dir_all(folder).expect("a directory");
    sample
}
