//! What a run of all checks did.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::Result;

/// The lines of a closing summary.
pub(crate) struct Summary {
    started: Instant,
    lines: Vec<(String, Result<String>)>,
    passed: u64,
    failed: u64,
    /// Tests that have been running for long.
    slow: BTreeSet<String>,
}

impl Summary {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), lines: Vec::new(), passed: 0, failed: 0, slow: BTreeSet::new() }
    }

    /// Adds what became of a check.
    pub(crate) fn add(&mut self, name: &str, outcome: Result<String>) {
        match &outcome {
            Ok(line) => eprintln!("== {name}: {line} (after {})", in_words(self.started.elapsed())),
            Err(error) => eprintln!("== {name} FAILED: {error}"),
        }
        self.lines.push((name.into(), outcome));
    }

    /// Reads a line of the output of `cargo test`.
    pub(crate) fn count(&mut self, line: &str) {
        if let Some((name, how)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(' ')) {
            match how.starts_with("has been running") {
                true => self.slow.insert(name.to_owned()),
                false => self.slow.remove(name),
            };
        }
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let number = |word: &str| {
            let at = counts.find(word)?;
            counts[..at].trim_end().rsplit(' ').next()?.parse::<u64>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
    }

    /// The tests that have been running for long and have not ended.
    pub(crate) fn slow(&self) -> Vec<String> {
        self.slow.iter().cloned().collect()
    }

    /// How many tests passed and failed so far.
    pub(crate) fn tests(&self) -> (u64, u64) {
        (self.passed, self.failed)
    }

    /// Prints everything. Fails if any check did.
    pub(crate) fn close(self) -> Result<()> {
        println!("\nsummary");
        for (name, outcome) in &self.lines {
            match outcome {
                Ok(line) => println!("  ok      {name:<16} {line}"),
                Err(error) => {
                    println!("  FAILED  {name:<16} {}", error.to_string().lines().next().unwrap_or(""))
                }
            }
        }
        println!("  took {}", in_words(self.started.elapsed()));
        let checks_failed = self.lines.iter().filter(|(_, outcome)| outcome.is_err()).count() as u64;
        println!("{} passed, {} failed", self.passed, self.failed.max(checks_failed));
        if checks_failed == 0 { Ok(()) } else { Err(format!("{checks_failed} of the checks failed").into()) }
    }
}

/// A duration in minutes and seconds.
pub(crate) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    format!("{} min {} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_cargo_are_added_up() {
        let mut summary = Summary::new();
        summary.count("running 3 tests");
        summary
            .count("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished");
        summary.count("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(summary.tests(), (15, 2));
    }

    #[test]
    fn what_runs_for_long_is_known_until_it_ends() {
        let mut summary = Summary::new();
        for name in ["a::one", "a::two"] {
            summary.count(&format!("test {name} has been running for over 60 seconds"));
        }
        summary.count("test a::one ... ok");
        assert_eq!(summary.slow(), ["a::two"]);
    }

    #[test]
    fn one_failed_check_fails_the_run() {
        let mut summary = Summary::new();
        summary.add("one", Ok("fine".into()));
        summary.add("two", Err("broken".into()));
        assert!(summary.close().is_err());
    }
}
