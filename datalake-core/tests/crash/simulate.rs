//! Worlds by the thousand.

use std::thread;

use datalake_core::Sha256;

use crate::sim::{Bug, Scenario, run};

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> u64 {
    variable("DATALAKE_SIM_SEEDS").unwrap_or(2_000)
}

/// Runs worlds until one is wrong; gives its seed and what is wrong with it.
fn first_wrong(seeds: u64, bug: Bug) -> Option<(u64, String)> {
    (0..seeds).find_map(|seed| run(Scenario::random(seed, bug)).wrong.map(|wrong| (seed, wrong)))
}

#[test]
fn whatever_happens_every_record_is_committed_once_and_nothing_is_told_too_early() {
    if let Some(seed) = variable("DATALAKE_SIM_SEED") {
        let scenario = Scenario::random(seed, Bug::None);
        println!("{scenario:#?}");
        let ran = run(scenario);
        ran.trace.iter().for_each(|line| println!("{line}"));
        assert_eq!(ran.wrong, None);
        return;
    }
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let (seeds, mut crashes) = (seeds(), 0);
    let wrong: Vec<_> = thread::scope(|scope| {
        let part = |part: u64| {
            scope.spawn(move || {
                let (mut crashes, mut wrong) = (0, Vec::new());
                for seed in (part..seeds).step_by(threads as usize) {
                    let ran = run(Scenario::random(seed, Bug::None));
                    crashes += ran.crashes;
                    wrong.extend(ran.wrong.map(|what| format!("seed {seed}: {what}")));
                }
                (crashes, wrong)
            })
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        parts
            .into_iter()
            .flat_map(|part| {
                let (crashed, wrong) = part.join().unwrap();
                crashes += crashed;
                wrong
            })
            .collect()
    });
    println!("{seeds} seeds, {crashes} crashes");
    assert!(wrong.is_empty(), "replay with DATALAKE_SIM_SEED: {wrong:#?}");
    assert!(crashes as u64 >= seeds, "too little goes wrong");
}

#[test]
fn a_world_can_be_made_again_from_its_seed() {
    let digest = |seed| Sha256::of_parts(run(Scenario::random(seed, Bug::None)).trace);
    let mut different = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let first = digest(seed);
        assert_eq!(first, digest(seed), "seed {seed}");
        different.insert(first.to_string());
    }
    assert_eq!(different.len(), 100);
}

#[test]
fn every_mistake_is_caught() {
    let found: Vec<_> = thread::scope(|scope| {
        let tried: Vec<_> =
            Bug::ALL.into_iter().map(|bug| (bug, scope.spawn(move || first_wrong(seeds(), bug)))).collect();
        tried.into_iter().map(|(bug, found)| (bug, found.join().unwrap())).collect()
    });
    let mut missed = Vec::new();
    for (bug, found) in found {
        match found {
            Some((seed, wrong)) => println!("{bug:?} is caught at seed {seed}: {wrong:.160}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
