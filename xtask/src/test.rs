//! `cargo xtask test`: every check and every test.

use crate::summary::Summary;
use crate::{Result, bounds, emulators, house, kill9, peers, run};

/// Cycles of killing with one worker, and with two.
const KILLS: [(u64, u64); 2] = [(100, 1), (40, 2)];

pub(crate) fn run() -> Result<()> {
    let mut summary = Summary::new();
    summary.add("licences", house::licences());
    summary.add("rust versions", house::msrv());
    summary.add("documents", house::documents());

    let mut tests = run::cargo();
    tests.args(["test", "--workspace", "--all-features", "--no-fail-fast", "--locked"]);
    for peer in peers::ALL {
        match (peer.fetch)() {
            Ok(place) => {
                tests.env(peer.variable, &place);
                summary.add(peer.name, Ok(format!("{} {}", peer.version, place.display())));
            }
            Err(error) => summary.add(peer.name, Err(error)),
        }
    }
    tests.envs(emulators::CLIENT);
    let mut started = Vec::new();
    for emulator in emulators::ALL {
        match emulator.start() {
            Ok(emulated) => {
                tests.env(emulator.variable, &emulated.endpoint);
                summary.add(emulator.name, Ok(format!("{} {}", emulator.version, emulated.endpoint)));
                started.push(emulated);
            }
            Err(error) => summary.add(emulator.name, Err(error)),
        }
    }
    let passed = run::watched(&mut tests, |line| summary.count(line));
    let (ok, failed) = summary.tests();
    summary.add(
        "cargo test",
        match passed {
            Ok(true) => Ok(format!("{ok} tests")),
            Ok(false) => Err(format!("{failed} tests failed, {ok} passed").into()),
            Err(error) => Err(error),
        },
    );
    drop(started);
    for (cycles, workers) in KILLS {
        summary.add("kill9", kill9::run(&kill9::Plan { cycles, workers, ..kill9::Plan::default() }));
    }
    summary.add("memory", bounds::run());
    summary.close()
}
