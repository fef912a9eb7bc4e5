//! Every state that a model can reach, breadth first.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A system whose states can be counted out.
pub(crate) trait Model {
    type State: Copy + Eq + Hash;
    type Step: Copy + Debug;

    fn start(&self) -> Self::State;

    /// Everything that can happen next.
    fn next(&self, state: &Self::State, then: &mut dyn FnMut(Self::Step, Self::State));

    /// What a state breaks, if it breaks anything.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;

    /// Whether all is done that was to do.
    fn done(&self, state: &Self::State) -> bool;
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    /// The longest of the shortest ways from the start.
    pub(crate) depth: u32,
    /// What is broken, and the shortest way there.
    pub(crate) broken: Option<(&'static str, Vec<String>)>,
}

/// Goes through every state, or to the first that breaks something. Once there are no more, looks for states from
/// which no way leads to the end.
pub(crate) fn explore<M: Model>(model: &M) -> Explored {
    let start = model.start();
    let mut states = vec![start];
    let mut came: Vec<Option<(usize, M::Step)>> = vec![None];
    let mut depth = vec![0_u32];
    let mut known: HashMap<M::State, usize, BuildHasherDefault<Fnv>> = HashMap::default();
    known.insert(start, 0);
    let mut ways: Vec<(u32, u32)> = Vec::new();
    let mut at = 0;
    while at < states.len() {
        let state = states[at];
        if let Some(what) = model.broken(&state) {
            let broken = Some((what, way(&came, at)));
            return Explored { states: states.len(), depth: depth[at], broken };
        }
        model.next(&state, &mut |step, next| {
            let to = *known.entry(next).or_insert_with(|| {
                states.push(next);
                came.push(Some((at, step)));
                depth.push(depth[at] + 1);
                states.len() - 1
            });
            ways.push((at as u32, to as u32));
        });
        at += 1;
    }
    let mut ends: Vec<bool> = states.iter().map(|state| model.done(state)).collect();
    let mut more = true;
    while std::mem::take(&mut more) {
        for &(from, to) in ways.iter().rev() {
            if ends[to as usize] && !ends[from as usize] {
                ends[from as usize] = true;
                more = true;
            }
        }
    }
    let stuck = ends.iter().position(|ends| !ends);
    Explored {
        states: states.len(),
        depth: depth.last().copied().unwrap_or(0),
        broken: stuck.map(|at| ("no way leads to the end", way(&came, at))),
    }
}

fn way<S: Copy + Debug>(came: &[Option<(usize, S)>], mut at: usize) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some((before, step)) = came[at] {
        steps.push(format!("{step:?}"));
        at = before;
    }
    steps.reverse();
    steps
}

/// A hash good enough for states, and quick even without optimisation.
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 29;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
