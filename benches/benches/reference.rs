//! The reference workload: parse, drop malformed, filter one in ten, drop a field, rename a field, mask an e-mail, add
//! lineage, write NDJSON in zstd objects of 8 MiB; against a loop by hand over `serde_json::Value` with the same
//! compressor and level.
//!
//! `cargo bench -p datalake-benches --bench reference`
//!
//! `DATALAKE_BENCH_DIR` chooses the disk, `DATALAKE_BENCH_RECORDS` the number of records.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use datalake_benches::{Sample, compare, directory, drain, records, reference_file};
use datalake_core::codec::Compression;
use datalake_core::transform::json::{drop_fields, mask, rename};
use datalake_core::transform::{Pointer, filter};
use serde_json::{Value, json};

const ROUNDS: usize = 5;
const OBJECT: usize = 8 << 20;

fn engine(input: &Path, lake: &Path, level: i32, sync: bool) -> (Sample, u64) {
    let state = Pointer::parse("/state").expect("a pointer");
    let not_cancelled =
        filter("not-cancelled", "1", move |draft| Ok(draft.field(&state)? != Some("\"cancelled\"")));
    let (sample, report) = drain(
        input,
        lake,
        sync,
        |landing| landing.without_raw().compression(Compression::Zstd, level).target_bytes(OBJECT),
        |pipeline| {
            pipeline
                .transform(not_cancelled)
                .transform(drop_fields("no-notes", ["/internal_note"]).expect("a step"))
                .transform(rename("old-code", "/legacy_code", "code").expect("a step"))
                .transform(mask("mask-email", "/customer/email").expect("a step"))
        },
    );
    (sample, report.counts.written)
}

/// What one writes in an afternoon.
fn by_hand(input: &Path, output: &Path, level: i32, sync: bool) -> (Sample, u64) {
    fs::create_dir_all(output).expect("a directory");
    let (sample, written) = Sample::of(|| {
        let reader = BufReader::with_capacity(1 << 20, File::open(input).expect("the input"));
        let (mut object, mut objects, mut written) = (Vec::with_capacity(OBJECT + 4096), 0, 0);
        let mut flush = |object: &mut Vec<u8>| {
            let compressed = zstd::encode_all(&object[..], level).expect("memory");
            let mut file = File::create(output.join(format!("{objects}.ndjson.zst"))).expect("a file");
            file.write_all(&compressed).expect("a disk");
            if sync {
                file.sync_all().expect("a disk");
            }
            objects += 1;
            object.clear();
        };
        for (ordinal, line) in reader.lines().enumerate() {
            let Ok(Value::Object(mut record)) = serde_json::from_str(&line.expect("text")) else { continue };
            if record.get("state").and_then(Value::as_str) == Some("cancelled") {
                continue;
            }
            record.remove("internal_note");
            if let Some(code) = record.remove("legacy_code") {
                record.insert("code".into(), code);
            }
            if let Some(email) = record.get_mut("customer").and_then(|customer| customer.get_mut("email")) {
                *email = Value::String("***".into());
            }
            record.insert("_lake".into(), json!({ "b": "orders/1", "i": ordinal }));
            serde_json::to_writer(&mut object, &record).expect("memory");
            object.push(b'\n');
            written += 1;
            if object.len() >= OBJECT {
                flush(&mut object);
            }
        }
        flush(&mut object);
        written
    });
    fs::remove_dir_all(output).expect("a directory");
    (sample, written)
}

fn main() {
    let directory = directory();
    let (input, lake, output) =
        (directory.path().join("in.ndjson"), directory.path().join("lake"), directory.path().join("hand"));
    let count = records(1_000_000);
    let bytes = reference_file(&input, count).expect("an input");
    println!("input: {count} records of {} bytes", bytes / count);
    for (level, sync) in [(1, false), (3, false), (3, true)] {
        let mut written = (0, 0);
        let (baseline, ours) = compare(
            ROUNDS,
            || {
                let (sample, n) = by_hand(&input, &output, level, sync);
                written.0 = n;
                sample
            },
            || {
                let (sample, n) = engine(&input, &lake, level, sync);
                written.1 = n;
                sample
            },
        );
        assert_eq!(written.0, written.1);
        let million = count as f64 / 1e6;
        println!(
            "zstd {level}, sync {sync}: by hand {:.0} records/s at {:.2} CPU-s/M; engine {:.0} records/s at {:.2} CPU-s/M: \
             {:.2} times the speed (bound: 3), {:.2} of the CPU (bound: 0.5)",
            count as f64 / baseline.wall.as_secs_f64(),
            baseline.cpu.as_secs_f64() / million,
            count as f64 / ours.wall.as_secs_f64(),
            ours.cpu.as_secs_f64() / million,
            baseline.wall.as_secs_f64() / ours.wall.as_secs_f64(),
            ours.cpu.as_secs_f64() / baseline.cpu.as_secs_f64(),
        );
    }
}
