//! The raw archive of a 1 GiB NDJSON file on a disk, against `cp` and a newline count of the same file, and with zstd
//! level 1 against the compressor alone on as many threads.
//!
//! `cargo bench -p datalake-benches --bench archive`, and with `-- zstd` or `-- plain` one of the two parts.
//!
//! `DATALAKE_BENCH_DIR` chooses the disk, `DATALAKE_BENCH_RECORDS` the size. The lake synchronises every file; `cp` does
//! not, so it is measured both as it is and with `sync` of the copy.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use datalake_benches::{Sample, compare, directory, drain, records, reference_file};
use datalake_core::codec::Compression;

const ROUNDS: usize = 7;
const THREADS: usize = 2;

fn archive(input: &Path, lake: &Path, compression: Compression, sync: bool, lines: u64) -> Sample {
    let (sample, report) = drain(
        input,
        lake,
        sync,
        |landing| landing.raw_compression(compression, 1).raw_only(),
        |pipeline| pipeline.target_bytes(16 << 20),
    );
    assert_eq!(report.counts.read, lines);
    sample
}

/// `cp` and a newline count, as two plain programs would do it.
fn copy(input: &Path, output: &Path, sync: bool, lines: u64) -> Sample {
    let (sample, counted) = Sample::of(|| {
        assert!(Command::new("cp").arg(input).arg(output).status().expect("cp").success());
        if sync {
            File::open(output).expect("the copy").sync_all().expect("a disk");
        }
        let (mut file, mut count) =
            (BufReader::with_capacity(1 << 20, File::open(input).expect("the input")), 0);
        loop {
            let block = file.fill_buf().expect("the input");
            let n = block.len();
            if n == 0 {
                return count;
            }
            count += memchr::memchr_iter(b'\n', block).count() as u64;
            file.consume(n);
        }
    });
    assert_eq!(counted, lines);
    fs::remove_file(output).expect("the copy");
    sample
}

/// The compressor alone: frames of 4 MiB of a file in memory on some threads, the result dropped.
fn compress(content: &[u8]) -> Sample {
    let next = AtomicU64::new(0);
    let frames: Vec<&[u8]> = content.chunks(4 << 20).collect();
    Sample::of(|| {
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Some(frame) = frames.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                        let mut encoder =
                            zstd::Encoder::new(Vec::with_capacity(1 << 20), 1).expect("a level");
                        encoder.include_checksum(true).expect("an encoder");
                        encoder.write_all(frame).expect("memory");
                        std::hint::black_box(encoder.finish().expect("memory"));
                    }
                });
            }
        });
    })
    .0
}

fn ratio(left: Sample, right: Sample) -> f64 {
    left.wall.as_secs_f64() / right.wall.as_secs_f64()
}

fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let directory = directory();
    let (input, output, lakes) =
        (directory.path().join("in.ndjson"), directory.path().join("copy"), directory.path().join("lakes"));
    let lines = records(2_040_000);
    let bytes = reference_file(&input, lines).expect("an input");
    let mib = bytes as f64 / f64::from(1 << 20);
    println!("input: {mib:.0} MiB, {lines} lines");
    let say = |what: &str, sync: bool, (baseline, ours): (Sample, Sample), of: &str| {
        println!(
            "{what}, sync {sync}: {:.2} s, archive {:.2} s ({:.2} CPU-s), {:.0} MiB/s: {:.2} {of}",
            baseline.wall.as_secs_f64(),
            ours.wall.as_secs_f64(),
            ours.cpu.as_secs_f64(),
            mib / ours.wall.as_secs_f64(),
            ratio(baseline, ours),
        );
    };
    if wanted("zstd") {
        let content = fs::read(&input).expect("the input");
        for sync in [false, true] {
            let ours = || archive(&input, &lakes, Compression::Zstd, sync, lines);
            let both = compare(ROUNDS, || compress(&content), ours);
            say("zstd 1 alone on two threads", sync, both, "of its speed (bound: 0.8)");
        }
    }
    if wanted("plain") {
        for sync in [false, true] {
            let ours = || archive(&input, &lakes, Compression::None, sync, lines);
            let both = compare(ROUNDS, || copy(&input, &output, sync, lines), ours);
            say("cp and a newline count", sync, both, "of its speed (bound: 0.5)");
        }
    }
}
