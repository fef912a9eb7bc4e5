//! The memory of the real worker: over a file larger than it may hold, and with thousands of partitions.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Result, run};

/// The most memory a worker may ever have held, MiB.
const MOST: u64 = 256;
/// The size of the large file, bytes.
const LARGE: u64 = 2 << 30;
/// The partitions of the other, and how many records go to each.
const PARTITIONS: u64 = 10_000;
const EACH: u64 = 3;

/// Measures. Gives the result in a line.
pub(crate) fn run() -> Result<String> {
    if !cfg!(target_os = "linux") {
        return Err("memory is read from /proc, which only Linux has".into());
    }
    let program = run::hydrate()?;
    let folder = run::target()?.join("bounds").join(std::process::id().to_string());
    fs::create_dir_all(&folder)?;
    let measured = measure(&program, &folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure(program: &Path, folder: &Path) -> Result<String> {
    let input = folder.join("large.ndjson");
    let records = large(&input)?;
    let file = peak(
        Command::new(program)
            .args(["--dataset", "large", "--lake"])
            .arg(folder.join("lake"))
            .arg("--input")
            .arg(&input),
    )?;
    expect(program, &folder.join("lake"), "large", records)?;
    fs::remove_file(&input)?;
    fs::remove_dir_all(folder.join("lake"))?;

    let input = folder.join("wide.ndjson");
    wide(&input)?;
    let partitions = peak(
        Command::new(program)
            .args(["--dataset", "wide", "--partition", "p:/p", "--lake"])
            .arg(folder.join("lake"))
            .arg("--input")
            .arg(&input),
    )?;
    expect(program, &folder.join("lake"), "wide", PARTITIONS * EACH)?;
    for (what, peak) in [("a file of 2 GiB", file), ("10,000 partitions", partitions)] {
        if peak > MOST {
            return Err(format!("{what} took {peak} MiB, more than {MOST}").into());
        }
    }
    Ok(format!(
        "memory: a file of 2 GiB took {file} MiB, 10,000 partitions {partitions} MiB, of {MOST} allowed"
    ))
}

/// Writes records of about 500 bytes up to the size. Gives their number.
fn large(path: &Path) -> Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (mut written, mut records) = (0, 0);
    let filler = "lorem ipsum dolor sit amet ".repeat(16);
    while written < LARGE {
        let line = format!(
            "{{\"id\":{records},\"name\":\"n{}\",\"total\":{}.{:02},\"text\":\"{filler}\"}}\n",
            records % 9973,
            records % 1000,
            records % 100,
        );
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
        records += 1;
    }
    out.flush()?;
    Ok(records)
}

/// Writes records that go round the partitions, so that every commit meets all of them.
fn wide(path: &Path) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for n in 0..PARTITIONS * EACH {
        writeln!(out, "{{\"id\":{n},\"p\":\"p{}\"}}", n % PARTITIONS)?;
    }
    Ok(out.flush()?)
}

/// Runs a worker to its end and gives the most memory it held, MiB.
fn peak(command: &mut Command) -> Result<u64> {
    let mut child = command.arg("drain").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut most = 0;
    loop {
        most = high_water(&child).unwrap_or(0).max(most);
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(most.div_ceil(1024)),
            Some(status) => return Err(format!("the worker ended with {status}").into()),
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The kernel's own high-water mark of a process, KiB: no peak between two looks is missed but the last.
fn high_water(child: &Child) -> Option<u64> {
    let status = File::open(format!("/proc/{}/status", child.id())).ok()?;
    let lines = BufReader::new(status).lines().map_while(|line| line.ok());
    let line = lines.into_iter().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Checks that the lake holds so many records, all of them curated.
fn expect(program: &Path, lake: &Path, dataset: &str, records: u64) -> Result<()> {
    let listed = run::output(Command::new(program).arg("--lake").arg(lake).args([
        "--dataset",
        dataset,
        "--json",
        "ls",
    ]))?;
    let listed = String::from_utf8(listed)?;
    let mut found = 0;
    for line in listed.lines().filter(|line| line.contains("curated")) {
        let value: serde_json::Value = serde_json::from_str(line)?;
        found += value["records"].as_u64().unwrap_or(0);
    }
    if found == records {
        Ok(())
    } else {
        Err(format!("{found} records of {dataset} are curated, not {records}").into())
    }
}
