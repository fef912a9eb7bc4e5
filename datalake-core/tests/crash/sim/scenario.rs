//! What one world is like.

use std::time::Duration;

use datalake_core::store::MemoryStore;
use datalake_core::testkit::{Fault, FaultyStore, Op, Rng};

use super::Bug;

/// What one world is like: all of it follows from the seed.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) bug: Bug,
    pub(crate) workers: usize,
    /// The records of each document.
    pub(crate) documents: Vec<usize>,
    pub(crate) can_seek: bool,
    pub(crate) wants_commit: bool,
    pub(crate) window: Option<usize>,
    /// Documents in a batch, at most; a batch may be empty.
    pub(crate) batch: usize,
    pub(crate) target_records: usize,
    pub(crate) bytes_in_flight: usize,
    pub(crate) writes_in_flight: usize,
    pub(crate) commit_within: Duration,
    /// Whether batches are transformed one after the other, taking time.
    pub(crate) slow: bool,
    /// Crashes there may be, and about how many turns a worker lives.
    pub(crate) crashes: usize,
    pub(crate) life: usize,
    /// After so many turns the faults end.
    pub(crate) turns: usize,
    pub(crate) clock_jumps: bool,
    /// How often a call is tried.
    pub(crate) tries: u32,
    /// How often things go wrong at the source, of 1.
    pub(crate) source_trouble: f64,
    pub(crate) faults: Vec<(Op, &'static str, Fault, f64)>,
    pub(crate) script: Vec<(Op, Fault)>,
    /// The turn of the first worker at which it crashes, for a sweep.
    pub(crate) crash_at: Option<usize>,
}

impl Scenario {
    /// A world without faults and crashes.
    pub(crate) fn calm(seed: u64) -> Self {
        Self {
            seed,
            bug: Bug::None,
            workers: 1,
            documents: vec![2, 1, 2, 0, 1],
            can_seek: true,
            wants_commit: false,
            window: None,
            batch: 2,
            target_records: 2,
            bytes_in_flight: 1 << 20,
            writes_in_flight: 2,
            commit_within: Duration::from_millis(50),
            slow: false,
            crashes: 0,
            life: usize::MAX,
            turns: 5_000,
            clock_jumps: false,
            tries: 4,
            source_trouble: 0.0,
            faults: Vec::new(),
            script: Vec::new(),
            crash_at: None,
        }
    }

    /// A world that follows from a seed.
    pub(crate) fn random(seed: u64, bug: Bug) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed);
        let documents = (0..rng.within(6..16)).map(|_| rng.within(0..4)).collect();
        let window = rng.chance(0.3).then(|| rng.within(1..6));
        let faults = faults(&mut rng);
        Self {
            bug,
            workers: rng.within(1..3),
            documents,
            can_seek: rng.chance(0.75),
            wants_commit: rng.chance(0.4),
            window,
            batch: rng.within(1..4),
            target_records: rng.within(1..8),
            bytes_in_flight: rng.within(1..200),
            writes_in_flight: rng.within(1..4),
            commit_within: Duration::from_millis(rng.within(1..300) as u64),
            slow: rng.chance(0.3),
            crashes: rng.below(9),
            life: rng.within(5..120),
            turns: rng.within(200..1000),
            clock_jumps: rng.chance(0.3),
            tries: rng.within(1..5) as u32,
            source_trouble: if rng.chance(0.5) { 0.1 } else { 0.0 },
            faults,
            ..Self::calm(seed)
        }
    }

    pub(crate) fn store(&self) -> FaultyStore<MemoryStore> {
        let store = FaultyStore::new(MemoryStore::new(), self.seed);
        for &(op, part, fault, probability) in &self.faults {
            store.rate_at(op, part, fault, probability);
        }
        store.script(self.script.iter().copied());
        store
    }
}

/// Some faults, each with a rate, for the ledger and for what the sinks write.
fn faults(rng: &mut Rng) -> Vec<(Op, &'static str, Fault, f64)> {
    let mut faults = Vec::new();
    let level = [0.0, 0.3, 1.0, 2.0][rng.below(4)];
    let writes =
        [Fault::Before, Fault::Lost, Fault::Throttled, Fault::Denied, Fault::Conflict, Fault::OwnAnswer];
    for op in [Op::Put, Op::PutIfAbsent, Op::Delete] {
        for fault in writes {
            let often = if fault == Fault::Denied { 0.005 } else { 0.06 };
            faults.push((op, "", fault, rng.unit() * often * level));
        }
        let late = Fault::Late { after: rng.within(1..40) as u64 };
        faults.push((op, "", late, rng.unit() * 0.1 * level));
        if op == Op::PutIfAbsent && rng.chance(0.2) {
            faults.extend([(op, "", Fault::Lost, 0.25), (op, "", late, 0.25)]);
        }
        let slow = Fault::Slow(Duration::from_millis(rng.within(1..400) as u64));
        faults.push((op, "", slow, rng.unit() * 0.1 * level));
    }
    for op in [Op::Get, Op::List, Op::Head] {
        for (fault, often) in
            [(Fault::Before, 0.05), (Fault::Truncated, 0.05), (Fault::Flipped, 0.01), (Fault::Short, 0.01)]
        {
            faults.push((op, "", fault, rng.unit() * often * level));
        }
    }
    faults
}
