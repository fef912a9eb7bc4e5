//! A crash at every turn of a small world, that is before and after every await that waits for something.

use std::time::Duration;

use datalake_core::testkit::{Fault, Op};

use crate::sim::{Scenario, run};

/// Crashes the first worker at its first turn, then at its second, and so on until it lives to its end. Gives the
/// number of turns.
fn sweep(scenario: &Scenario) -> usize {
    for turn in 1.. {
        let ran = run(Scenario { crash_at: Some(turn), ..scenario.clone() });
        assert_eq!(ran.wrong, None, "crash at turn {turn} of {scenario:#?}");
        if ran.lived {
            return turn;
        }
    }
    0
}

fn turns(scenario: &Scenario) -> usize {
    let turns = sweep(scenario);
    println!("{} worker(s), {turns} turns", scenario.workers);
    turns
}

fn scenarios(workers: usize) -> impl Iterator<Item = Scenario> {
    let plain = Scenario { workers, documents: vec![2, 1, 2, 0, 1, 3, 1, 1, 2, 1], ..Scenario::calm(7) };
    let sender = Scenario { can_seek: false, wants_commit: true, window: Some(3), ..plain.clone() };
    let slow = Scenario { slow: true, writes_in_flight: 3, target_records: 1, ..plain.clone() };
    [plain, sender, slow].into_iter()
}

#[test]
fn a_crash_at_any_await_costs_nothing() {
    for scenario in scenarios(1) {
        assert!(turns(&scenario) > 25);
    }
}

#[test]
fn a_crash_at_any_await_costs_nothing_while_another_worker_is_at_it_too() {
    for scenario in scenarios(2) {
        assert!(turns(&scenario) > 25);
    }
}

#[test]
fn a_crash_at_any_await_costs_nothing_whatever_became_of_the_commits() {
    let faults = [
        Fault::Before,
        Fault::Lost,
        Fault::Late { after: 5 },
        Fault::Late { after: 30 },
        Fault::Conflict,
        Fault::OwnAnswer,
        Fault::Slow(Duration::from_millis(30)),
    ];
    for fault in faults {
        for scenario in scenarios(2).take(2) {
            let script =
                vec![(Op::PutIfAbsent, fault), (Op::PutIfAbsent, Fault::None), (Op::PutIfAbsent, fault)];
            sweep(&Scenario { script, documents: vec![1, 2, 1], ..scenario });
        }
    }
}
