//! The commit protocol as a small model, counted out to the last state, and the same protocol with one rule broken.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod explore;
mod model;

use explore::{Explored, explore};
use model::{Bug, Protocol};

fn explored(bug: Bug, records: u8, crashes: u8) -> Explored {
    explore(&Protocol { bug, records, crashes })
}

#[test]
fn no_state_of_the_protocol_loses_repeats_or_tells_too_early() {
    let found = explored(Bug::None, 3, 2);
    println!("{} states, depth {}", found.states, found.depth);
    assert!(found.broken.is_none(), "{found:#?}");
    assert!(found.states >= 100_000);
}

#[test]
fn every_rule_of_the_protocol_is_needed() {
    use Bug::*;
    for bug in [
        AckFirst,
        ExistsIsSuccess,
        ExistsIsNextSlot,
        Overwrite,
        NewSlotOnTimeout,
        CheckpointApart,
        OtherBytesSameSlot,
        CommitBeforeOutputs,
        HintIsHead,
        SlotsAreDeleted,
        LostIsNextSlot,
        AttemptsAreAlike,
    ] {
        let found = explored(bug, 3, 2);
        let (what, steps) = found.broken.unwrap_or_else(|| panic!("{bug:?} breaks nothing"));
        println!("{bug:?}: {what}, in {} steps, after {} states", steps.len(), found.states);
    }
}
