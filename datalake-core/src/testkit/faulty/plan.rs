//! Which operation has which fault.

use std::collections::VecDeque;

use super::fault::{Fault, Op};
use crate::testkit::Rng;

/// The script, and the rates for what the script does not say.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rng: Rng,
    pub(super) script: VecDeque<(Op, Fault)>,
    rates: Vec<Rate>,
}

#[derive(Debug)]
struct Rate {
    op: Op,
    part: String,
    fault: Fault,
    probability: f64,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed), script: VecDeque::new(), rates: Vec::new() }
    }

    pub(super) fn rate(&mut self, op: Op, part: &str, fault: Fault, probability: f64) {
        self.rates.push(Rate { op, part: part.to_owned(), fault, probability });
    }

    pub(super) fn calm(&mut self) {
        self.script.clear();
        self.rates.clear();
    }

    pub(super) fn choose(&mut self, op: Op, key: &str) -> Fault {
        if self.script.front().is_some_and(|(next, _)| *next == op) {
            let scripted = self.script.pop_front().map_or(Fault::None, |(_, fault)| fault);
            return if scripted.concerns(op) { scripted } else { Fault::None };
        }
        // One draw an operation, whatever the rates, so that a new rate moves no other fault.
        let mut drawn = self.rng.unit();
        for rate in self.rates.iter().filter(|rate| rate.op == op && key.contains(&rate.part)) {
            if drawn < rate.probability {
                return if rate.fault.concerns(op) { rate.fault } else { Fault::None };
            }
            drawn -= rate.probability;
        }
        Fault::None
    }
}
