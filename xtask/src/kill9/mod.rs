//! Kills the real worker at random moments, starts it again, and checks that every record is there once.

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::summary::in_words;
use crate::{Result, args, run};

mod check;
mod input;
pub(crate) mod rng;
mod worker;

use input::Input;
use worker::{Hydrate, Workers};

/// What is to be done.
pub(crate) struct Plan {
    /// How often a worker is killed, over all workers.
    pub(crate) cycles: u64,
    /// How many workers run side by side on the same pipeline.
    pub(crate) workers: u64,
    /// What decides every choice made here. When the worker gets how far is up to the machine.
    pub(crate) seed: u64,
    /// Where the lake is: below this URL, or in the folder of the run.
    pub(crate) lake: Option<String>,
    /// More variables for the workers: where an emulator is.
    pub(crate) environment: Vec<(String, String)>,
}

impl Default for Plan {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            cycles: 100,
            workers: 1,
            seed: u64::from(now.subsec_nanos()),
            lake: None,
            environment: Vec::new(),
        }
    }
}

impl Plan {
    /// Reads the arguments of the task.
    pub(crate) fn parse(given: &[String]) -> Result<Self> {
        let mut given = given.to_vec();
        let mut plan = Self { lake: args::text(&mut given, "--lake")?, ..Self::default() };
        args::numbers(
            &given,
            &mut [
                ("--cycles", &mut plan.cycles),
                ("--workers", &mut plan.workers),
                ("--seed", &mut plan.seed),
            ],
        )?;
        if plan.workers == 0 {
            return Err("there must be a worker".into());
        }
        Ok(plan)
    }
}

/// Does it. Gives the result in a line; the folder of a failed run is kept.
pub(crate) fn run(plan: &Plan) -> Result<String> {
    let program = if plan.lake.is_some() { run::with_all("hydrate")? } else { run::hydrate()? };
    let folder = run::target()?.join("kill9").join(format!("{}-{}", std::process::id(), plan.seed));
    let name = format!(
        "{} cycles, {} worker{}{}",
        plan.cycles,
        plan.workers,
        if plan.workers == 1 { "" } else { "s" },
        plan.lake.as_ref().map(|lake| format!(", {lake}")).unwrap_or_default(),
    );
    match attempt(plan, &program, &folder) {
        Ok(found) => {
            fs::remove_dir_all(&folder)?;
            Ok(format!("kill9: {name}: 0 lost, 0 duplicate ({found})"))
        }
        Err(error) => {
            Err(format!("kill9: {name}, seed {}: {error}\nleft in {}", plan.seed, folder.display()).into())
        }
    }
}

fn attempt(plan: &Plan, program: &Path, folder: &Path) -> Result<String> {
    let started = Instant::now();
    fs::create_dir_all(folder)?;
    let hydrate = Hydrate::new(program, folder, plan);
    let input = Input::start(hydrate.input_folder(), plan.seed)?;
    let killed = Workers { hydrate: &hydrate, input: &input, plan }.run();
    let written = input.stop()?;
    killed?;
    let took = in_words(started.elapsed());
    let commits = hydrate.commits()?;
    if commits < plan.cycles / 20 {
        return Err(format!(
            "only {commits} commits before the last run: the workers had no time to do anything"
        )
        .into());
    }
    hydrate.finish()?;
    check::all(&hydrate, &written)?;
    Ok(format!("{} records in {} files, {commits} commits, {took}", written.records, written.files.len()))
}
