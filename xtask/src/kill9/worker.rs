//! Workers that are started and killed.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Plan;
use super::input::{Input, PATTERN};
use super::rng::Rng;
use crate::{Result, run};

/// The longest a worker lives, milliseconds.
const LONGEST: u64 = 150;
/// The same where the lake is not on disk, and a commit takes several answers of a peer.
const LONGEST_AWAY: u64 = 2_500;

/// The real worker, with an input and a lake below a folder.
pub(super) struct Hydrate {
    program: PathBuf,
    input: PathBuf,
    lake: String,
    environment: Vec<(String, String)>,
    log: PathBuf,
}

impl Hydrate {
    pub(super) fn new(program: &Path, folder: &Path, plan: &Plan) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let away = plan.lake.as_ref().map(|url| format!("{}/kill9-{name}", url.trim_end_matches('/')));
        Self {
            program: program.to_owned(),
            input: folder.join("input"),
            lake: away.unwrap_or_else(|| folder.join("lake").to_string_lossy().into_owned()),
            environment: plan.environment.clone(),
            log: folder.join("worker.log"),
        }
    }

    pub(super) fn input_folder(&self) -> &Path {
        &self.input
    }

    /// How many commits there are.
    pub(super) fn commits(&self) -> Result<u64> {
        let mut status = self.command();
        let output = status.args(["--json", "status"]).output()?;
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let commits =
            lines.map(|line| Ok(serde_json::from_slice::<Value>(line)?["commits"].as_u64().unwrap_or(0)));
        commits.sum()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--dataset", "kill9", "--lake"]).arg(&self.lake);
        command.stdin(Stdio::null()).env("RUST_LOG", "info");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn reading(&self, task: &[&str]) -> Command {
        let mut command = self.command();
        command.arg("--input").arg(self.input.join(PATTERN)).args(task);
        command
    }

    fn start(&self, task: &[&str]) -> Result<Child> {
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log)?;
        Ok(self.reading(task).stdout(Stdio::null()).stderr(log).spawn()?)
    }

    /// Takes what is left of the input, undisturbed.
    pub(super) fn finish(&self) -> Result<()> {
        run::output(&mut self.reading(&["drain"])).map(drop)
    }

    /// What the worker writes about its lake.
    pub(super) fn ask(&self, task: &[&str]) -> Result<Vec<u8>> {
        run::output(self.command().args(task))
    }
}

/// Workers side by side on one pipeline.
pub(super) struct Workers<'a> {
    pub(super) hydrate: &'a Hydrate,
    pub(super) input: &'a Input,
    pub(super) plan: &'a Plan,
}

impl Workers<'_> {
    /// Starts and kills until there were enough cycles, or a worker failed by itself.
    pub(super) fn run(&self) -> Result<()> {
        let (begun, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        let outcomes: Vec<Result<(), String>> = thread::scope(|scope| {
            let one = |worker| {
                let (begun, failed) = (&begun, &failed);
                scope.spawn(move || {
                    let mut rng = Rng::new(self.plan.seed, 2 + worker);
                    while begun.fetch_add(1, Ordering::Relaxed) < self.plan.cycles
                        && !failed.load(Ordering::Relaxed)
                    {
                        if let Err(error) = self.cycle(&mut rng) {
                            failed.store(true, Ordering::Relaxed);
                            return Err(error.to_string());
                        }
                    }
                    Ok(())
                })
            };
            let threads: Vec<_> = (0..self.plan.workers).map(one).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
                .collect()
        });
        Ok(outcomes.into_iter().collect::<Result<(), String>>()?)
    }

    /// One life of a worker. One in four takes the input as it stands, which must stand still for that.
    fn cycle(&self, rng: &mut Rng) -> Result<()> {
        let longest = if self.plan.lake.is_some() { LONGEST_AWAY } else { LONGEST };
        let life = Duration::from_micros(rng.below(longest * 1000));
        let still = rng.one_in(4).then(|| self.input.still());
        let task: &[&str] =
            if still.is_some() { &["drain"] } else { &["--follow", "--commit-within", "15ms", "run"] };
        let mut child = self.hydrate.start(task)?;
        thread::sleep(life);
        let over = child.try_wait()?;
        child.kill()?;
        child.wait()?;
        match over {
            Some(status) if still.is_none() || !status.success() => {
                Err(format!("`hydrate {}` ended by itself: {status}", task.join(" ")).into())
            }
            _ => Ok(()),
        }
    }
}
