//! Kills a real broker and a real worker at random moments, starts them again, and checks that every message is in the lake.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::kill9::rng::Rng;
use crate::summary::in_words;
use crate::{Result, args, peers, run};

mod broker;
mod check;
mod worker;

use broker::Broker;
use worker::Worker;

/// The longest time between two kills, milliseconds.
const LONGEST: u64 = 120;
/// The same for one that comes early.
const SOON: u64 = 10;
/// The most messages that are published at once.
const BURST: u64 = 40;

/// What is to be done.
pub(crate) struct Plan {
    /// How often the broker or the worker is killed.
    pub(crate) kills: u64,
    /// What decides every choice made here. When a process gets how far is up to the machine.
    pub(crate) seed: u64,
    /// The worker, if it is built already.
    pub(crate) worker: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { kills: 200, seed: u64::from(now.subsec_nanos()), worker: None }
    }
}

impl Plan {
    /// Reads the arguments of the task.
    pub(crate) fn parse(given: &[String]) -> Result<Self> {
        let mut given = given.to_vec();
        let worker = args::text(&mut given, "--worker")?.map(PathBuf::from);
        let mut plan = Self { worker, ..Self::default() };
        args::numbers(&given, &mut [("--kills", &mut plan.kills), ("--seed", &mut plan.seed)])?;
        Ok(plan)
    }
}

/// Does it. Gives the result in a line; the folder of a failed run is kept.
pub(crate) fn run(plan: &Plan) -> Result<String> {
    let program = match &plan.worker {
        Some(worker) => worker.clone(),
        None => run::with_all("mqtt_to_lake")?,
    };
    let mosquitto = peers::mosquitto::program()?;
    let folder = run::target()?.join("kill-mqtt").join(format!("{}-{}", std::process::id(), plan.seed));
    // Half of the kills are for a worker with a spool.
    let halves = [(false, plan.kills - plan.kills / 2, "plain"), (true, plan.kills / 2, "with a spool")];
    let found: Result<Vec<String>> = halves
        .into_iter()
        .filter(|(_, kills, _)| *kills > 0)
        .map(|(spools, kills, name)| {
            let folder = folder.join(if spools { "spooled" } else { "plain" });
            attempt(plan.seed, kills, spools, &program, &mosquitto, &folder)
                .map(|found| format!("{name}: {kills} kills, {found}"))
                .map_err(|error| format!("{name}: {error}").into())
        })
        .collect();
    match found {
        Ok(found) => {
            fs::remove_dir_all(&folder)?;
            Ok(format!("kill-mqtt: {}", found.join("; ")))
        }
        Err(error) => Err(format!(
            "kill-mqtt: {} kills, seed {}: {error}\nleft in {}",
            plan.kills,
            plan.seed,
            folder.display()
        )
        .into()),
    }
}

/// The devices publish in bursts, while the worker is killed and not while the broker is: what mosquitto has answered and
/// not yet written down is mosquitto's to lose.
fn attempt(
    seed: u64,
    kills: u64,
    spools: bool,
    program: &Path,
    mosquitto: &Path,
    folder: &Path,
) -> Result<String> {
    let started = Instant::now();
    fs::create_dir_all(folder)?;
    let mut rng = Rng::new(seed, 1 + u64::from(spools));
    let mut broker = Broker::start(mosquitto, folder)?;
    let mut worker = Worker::new(program, folder, broker.port(), spools);
    // From here on the broker keeps what comes.
    worker.drain()?;
    worker.start()?;
    let mut published = [0, 0];
    let mut brokers = 0;
    for _ in 0..kills {
        let qos = 1 + rng.below(2);
        let messages = rng.below(BURST);
        let from = published[qos as usize - 1];
        broker.publish(qos, from..from + messages)?;
        published[qos as usize - 1] += messages;
        // What a spool does takes a moment, so that most kills would come after it.
        let longest = if spools && rng.one_in(2) { SOON } else { LONGEST };
        thread::sleep(Duration::from_micros(rng.below(longest * 1000)));
        if rng.one_in(3) {
            brokers += 1;
            broker.kill_and_start()?;
        } else {
            worker.kill()?;
            worker.start()?;
        }
    }
    worker.kill()?;
    worker.drain()?;
    let again = check::all(&worker, published)?;
    let [one, two] = published;
    Ok(format!(
        "0 lost, {one} messages of QoS 1 ({again} more than once), {two} of QoS 2 each once; {brokers} kills of the broker, {}",
        in_words(started.elapsed())
    ))
}
