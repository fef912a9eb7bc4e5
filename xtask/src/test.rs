//! `cargo xtask test`: every check and every test.

use std::path::PathBuf;
use std::time::Duration;

use crate::peers::Peer;
use crate::summary::Summary;
use crate::{Result, bounds, emulators, house, kill_mqtt, kill9, peers, run};

/// Cycles of killing with one worker, and with two.
const KILLS: [(u64, u64); 2] = [(100, 1), (40, 2)];
/// The same where the lake is on LocalStack.
const KILLS_AWAY: [(u64, u64); 2] = [(50, 1), (50, 2)];

/// So long may no test end.
const SILENCE: Duration = Duration::from_secs(10 * 60);
/// What is built and what is run.
const TESTS: [&str; 4] = ["--workspace", "--all-features", "--no-fail-fast", "--locked"];

pub(crate) fn run() -> Result<()> {
    let mut summary = Summary::new();
    summary.add("licences", house::licences());
    summary.add("rust versions", house::msrv());
    summary.add("slim builds", house::slim());
    summary.add("documents", house::documents());

    // What comes over the network comes while the processors build. An emulator is started when there is something to
    // test: it takes its share of them even when nobody asks.
    let (built, fetched) = std::thread::scope(|scope| {
        let fetched = scope.spawn(fetch);
        (run::ok(run::cargo().arg("test").args(TESTS).arg("--no-run")), fetched.join())
    });
    summary.add("build", built.map(|()| "all tests and examples".into()));
    let mut tests = run::cargo();
    tests.arg("test").args(TESTS);
    for (peer, place) in fetched.map_err(|_| "the peers were not fetched")? {
        match place {
            Ok(place) => {
                tests.env(peer.variable, &place);
                summary.add(peer.name, Ok(format!("{} {}", peer.version, place.display())));
            }
            Err(error) => summary.add(peer.name, Err(error)),
        }
    }
    tests.envs(emulators::CLIENT);
    for variable in emulators::elsewhere(std::env::vars_os().map(|(name, _)| name)) {
        tests.env_remove(variable);
    }
    let mut started = Vec::new();
    let mut localstack = None;
    for emulator in emulators::ALL {
        match emulator.start() {
            Ok(emulated) => {
                tests.env(emulator.variable, &emulated.endpoint);
                summary.add(emulator.name, Ok(format!("{} {}", emulator.version, emulated.endpoint)));
                if emulator.name == "localstack" {
                    localstack = Some(emulated.endpoint.clone());
                }
                started.push(emulated);
            }
            Err(error) => summary.add(emulator.name, Err(error)),
        }
    }
    let passed = run::watched(&mut tests, SILENCE, |line| summary.count(line));
    let (ok, failed) = summary.tests();
    summary.add(
        "cargo test",
        match passed {
            Ok(true) => Ok(format!("{ok} tests")),
            Ok(false) => Err(format!("{failed} tests failed, {ok} passed").into()),
            Err(error) => Err(format!("{error}; not done: {}", summary.slow().join(", ")).into()),
        },
    );
    for (cycles, workers) in KILLS_AWAY {
        summary.add("kill9 on s3", kill9_away(cycles, workers, localstack.as_deref()));
    }
    drop(started);
    for (cycles, workers) in KILLS {
        summary.add("kill9", kill9::run(&kill9::Plan { cycles, workers, ..kill9::Plan::default() }));
    }
    summary.add("kill-mqtt", kill_mqtt::run(&kill_mqtt::Plan::default()));
    summary.add("memory", bounds::run());
    summary.close()
}

/// Gets all peers, and the packages of the emulators: what fails there is met again, and told, when one is started.
fn fetch() -> Vec<(&'static Peer, Result<PathBuf>)> {
    let fetched = peers::ALL.iter().map(|peer| (peer, (peer.fetch)())).collect();
    for emulator in emulators::ALL {
        drop(emulator.install());
    }
    fetched
}

fn kill9_away(cycles: u64, workers: u64, endpoint: Option<&str>) -> Result<String> {
    let endpoint = endpoint.ok_or("LocalStack does not run")?;
    let environment = emulators::client(endpoint);
    kill9::run(&kill9::Plan {
        cycles,
        workers,
        lake: Some("s3://datalake-kill9".into()),
        environment,
        ..kill9::Plan::default()
    })
}
