//! Time and processor time, as medians of several runs, and their ratio to a baseline.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// On the clock.
    pub wall: Duration,
    /// Of all processors, user and system.
    pub cpu: Duration,
}

impl Sample {
    /// Runs something and says what it took.
    pub fn of<T>(run: impl FnOnce() -> T) -> (Self, T) {
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let done = run();
        (Self { wall: wall.elapsed(), cpu: cpu.elapsed() }, done)
    }
}

/// The median of samples: of their wall times and of their processor times.
#[must_use]
pub fn median(samples: &[Sample]) -> Sample {
    let middle = |mut times: Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Sample {
        wall: middle(samples.iter().map(|sample| sample.wall).collect()),
        cpu: middle(samples.iter().map(|sample| sample.cpu).collect()),
    }
}

/// Runs a baseline and a contender in turns, so that noise meets both, and gives their medians.
pub fn compare(
    rounds: usize,
    mut baseline: impl FnMut() -> Sample,
    mut contender: impl FnMut() -> Sample,
) -> (Sample, Sample) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        left.push(baseline());
        right.push(contender());
    }
    (median(&left), median(&right))
}

/// A directory for the files of a bench: in `DATALAKE_BENCH_DIR` if set, else where temporary files are.
///
/// # Panics
/// It cannot be made.
#[must_use]
pub fn directory() -> tempfile::TempDir {
    let made = match std::env::var_os("DATALAKE_BENCH_DIR") {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    };
    made.expect("a directory for the files of the bench")
}

/// The number of records to run with: `DATALAKE_BENCH_RECORDS`, or as given.
#[must_use]
pub fn records(default: u64) -> u64 {
    std::env::var("DATALAKE_BENCH_RECORDS").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// The most memory that this process has had, in MiB. Not a number where the system does not say.
#[must_use]
pub fn peak_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(f64::NAN) / 1024.0
}
