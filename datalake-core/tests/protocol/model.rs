//! The commit protocol, small enough to be counted out: two workers of one pipeline, a few records, a log whose slots
//! are filled with put-if-absent, and a network that loses answers and delivers late.

use std::hash::{Hash, Hasher};

use crate::explore::Model;

/// The slots of the log. The right protocol needs one a record at most.
const SLOTS: usize = 4;
/// The puts that can be in flight after their sender has stopped waiting.
const LATE: usize = 2;
const WORKERS: usize = 2;

/// What is left out of the protocol, or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// The source is told when a batch is read.
    AckFirst,
    /// A slot that exists counts as filled by us.
    ExistsIsSuccess,
    /// When a slot exists, the same batch goes into the next.
    ExistsIsNextSlot,
    /// A slot is filled with a plain put.
    Overwrite,
    /// When no answer comes, the same batch goes into the next slot.
    NewSlotOnTimeout,
    /// The position is kept in an object beside the log, written after the commit.
    CheckpointApart,
    /// When no answer comes, more is read and put into the same slot under the same attempt.
    OtherBytesSameSlot,
    /// The commit is made before its outputs are durable.
    CommitBeforeOutputs,
    /// The hint is taken for the head of the log.
    HintIsHead,
    /// Old slots are deleted.
    SlotsAreDeleted,
    /// After a lost race the batch goes on in the next slot, without a look at the head.
    LostIsNextSlot,
    /// Two tries share an attempt id.
    AttemptsAreAlike,
}

/// A commit: the records after `from` up to `to`. Attempt 0 is no commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Entry {
    attempt: u8,
    from: u8,
    to: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// To read the head.
    #[default]
    Begin,
    /// To read a batch.
    Read,
    /// To write the outputs of a batch.
    Write,
    /// To put the commit into its slot.
    Append,
    /// Was told that the slot exists.
    Taken,
    /// To tell the source.
    Tell,
}

/// A worker, the slot it is at, and its batch; while it reads only `from` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Worker {
    phase: Phase,
    slot: u8,
    batch: Entry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    slots: [Entry; SLOTS],
    /// Slots and what is to be put into them; an empty place is attempt 0.
    late: [(u8, Entry); LATE],
    workers: [Worker; WORKERS],
    /// The attempts whose outputs are durable, as bits.
    durable: u16,
    /// What the source was told is durable.
    told: u8,
    crashes: u8,
    /// The position or slot that is kept beside the log, by some bugs.
    beside: u8,
    /// Slots deleted, and the position after them.
    floor: (u8, u8),
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let entry =
            |entry: &Entry| u64::from(entry.attempt) << 8 | u64::from(entry.from) << 4 | u64::from(entry.to);
        let slots = self.slots.iter().fold(0, |word, slot| word << 16 | entry(slot));
        let late =
            self.late.iter().fold(0, |word, (slot, put)| word << 20 | u64::from(*slot) << 16 | entry(put));
        let workers = self.workers.iter().fold(0, |word, worker| {
            word << 24 | (worker.phase as u64) << 20 | u64::from(worker.slot) << 16 | entry(&worker.batch)
        });
        let rest = u64::from(self.durable) << 40
            | u64::from(self.told) << 32
            | u64::from(self.crashes) << 24
            | u64::from(self.beside) << 16
            | u64::from(self.floor.0) << 8
            | u64::from(self.floor.1);
        hasher.write_u64(slots);
        hasher.write_u64(late);
        hasher.write_u64(workers);
        hasher.write_u64(rest);
    }
}

/// What happens.
#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "the fields are printed")]
pub(crate) enum Step {
    ReadsHead(usize),
    Reads { worker: usize, to: u8 },
    OutputsDurable(usize),
    PutAnswered(usize),
    PutAnswerLost(usize),
    PutLate(usize),
    GivesUp(usize),
    ReadsSlot(usize),
    Tells(usize),
    Crashes(usize),
    Arrives { slot: u8 },
    NeverArrives { slot: u8 },
    Deletes { slot: u8 },
}

/// Takes a step with a change of the state and of the worker.
type Go<'a> = dyn FnMut(Step, &dyn Fn(&mut State, &mut Worker)) + 'a;

/// The protocol for so many records, with up to so many crashes.
pub(crate) struct Protocol {
    pub(crate) bug: Bug,
    pub(crate) records: u8,
    pub(crate) crashes: u8,
}

impl State {
    /// The last slot that is filled.
    fn head(&self) -> usize {
        (0..SLOTS).rev().find(|&slot| self.slots[slot].attempt != 0).map_or(0, |slot| slot + 1)
    }

    fn position(&self, head: usize) -> u8 {
        head.checked_sub(1).map_or(self.floor.1, |last| self.slots[last].to)
    }

    fn fill(&mut self, slot: u8, entry: Entry, over: bool) -> bool {
        let place = &mut self.slots[usize::from(slot)];
        let free = over || place.attempt == 0;
        if free {
            *place = entry;
        }
        free
    }

    fn unused_attempt(&self) -> u8 {
        let slots = self.slots.iter().chain(self.late.iter().map(|(_, put)| put));
        let used = slots.chain(self.workers.iter().map(|worker| &worker.batch));
        let used = used.fold(0_u16, |bits, entry| bits | 1 << entry.attempt) | 1;
        used.trailing_ones() as u8
    }

    /// The same state with attempts numbered by where they appear, so that states that differ only in names are one.
    fn renamed(mut self) -> Self {
        let mut names = [0_u8; 16];
        let (mut count, mut durable) = (0, 0);
        let before = self.durable;
        let mut rename = |entry: &mut Entry| {
            if entry.attempt != 0 {
                let name = &mut names[usize::from(entry.attempt)];
                if *name == 0 {
                    count += 1;
                    *name = count;
                    durable |= u16::from(before & 1 << entry.attempt != 0) << count;
                }
                entry.attempt = *name;
            }
        };
        self.slots.iter_mut().for_each(&mut rename);
        self.workers.iter_mut().for_each(|worker| rename(&mut worker.batch));
        self.late.iter_mut().for_each(|(_, put)| rename(put));
        self.durable = durable;
        self.late.sort_unstable();
        self
    }
}

impl Protocol {
    fn is(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    fn work(&self, state: &State, n: usize, then: &mut dyn FnMut(Step, State)) {
        let worker = state.workers[n];
        let slot = usize::from(worker.slot);
        let mut go = |step, change: &dyn Fn(&mut State, &mut Worker)| {
            let mut next = *state;
            let mut me = worker;
            change(&mut next, &mut me);
            next.workers[n] = me;
            then(step, next.renamed());
        };
        match worker.phase {
            Phase::Begin => go(Step::ReadsHead(n), &|next, me| {
                let head = if self.is(Bug::HintIsHead) { usize::from(next.beside) } else { next.head() };
                let from = if self.is(Bug::CheckpointApart) { next.beside } else { next.position(head) };
                *me = Worker {
                    phase: Phase::Read,
                    slot: head as u8,
                    batch: Entry { from, ..Entry::default() },
                };
            }),
            Phase::Read => {
                for to in worker.batch.from + 1..=self.records {
                    if slot < SLOTS {
                        go(Step::Reads { worker: n, to }, &|next, me| {
                            let attempt =
                                if self.is(Bug::AttemptsAreAlike) { 1 } else { next.unused_attempt() };
                            me.batch = Entry { attempt, to, ..me.batch };
                            me.phase = Phase::Write;
                            if self.is(Bug::CommitBeforeOutputs) {
                                me.phase = Phase::Append;
                            }
                            if self.is(Bug::AckFirst) {
                                next.told = next.told.max(to);
                            }
                        });
                    }
                }
            }
            Phase::Write => go(Step::OutputsDurable(n), &|next, me| {
                next.durable |= 1 << me.batch.attempt;
                me.phase = Phase::Append;
            }),
            Phase::Append => self.append(state, n, &mut go),
            Phase::Taken => go(Step::ReadsSlot(n), &|next, me| {
                if next.slots[slot].attempt == me.batch.attempt || self.is(Bug::ExistsIsSuccess) {
                    me.phase = Phase::Tell;
                } else if self.is(Bug::LostIsNextSlot) {
                    let from = next.slots[slot].to.max(me.batch.from);
                    *me =
                        Worker { phase: Phase::Append, slot: me.slot + 1, batch: Entry { from, ..me.batch } };
                    me.slot = me.slot.min(SLOTS as u8 - 1);
                } else {
                    *me = Worker::default();
                }
            }),
            Phase::Tell => go(Step::Tells(n), &|next, me| {
                let to = me.batch.to;
                next.told = next.told.max(to);
                if self.is(Bug::CheckpointApart) {
                    next.beside = next.beside.max(to);
                }
                if self.is(Bug::HintIsHead) {
                    next.beside = next.beside.max(me.slot + 1);
                }
                *me = Worker {
                    phase: Phase::Read,
                    slot: me.slot + 1,
                    batch: Entry { from: to, ..Entry::default() },
                };
            }),
        }
        if worker.phase != Phase::Begin && state.crashes < self.crashes {
            go(Step::Crashes(n), &|next, me| {
                *me = Worker::default();
                next.crashes += 1;
            });
        }
    }

    fn append(&self, state: &State, n: usize, go: &mut Go<'_>) {
        let over = self.is(Bug::Overwrite);
        go(Step::PutAnswered(n), &|next, me| {
            let filled = next.fill(me.slot, me.batch, over);
            if filled {
                me.phase = Phase::Tell;
            } else if self.is(Bug::ExistsIsNextSlot) && usize::from(me.slot) + 1 < SLOTS {
                me.slot += 1;
            } else {
                me.phase = Phase::Taken;
            }
        });
        let no_answer = |me: &mut Worker| {
            if self.is(Bug::NewSlotOnTimeout) && usize::from(me.slot) + 1 < SLOTS {
                me.slot += 1;
            }
            if self.is(Bug::OtherBytesSameSlot) {
                me.batch.to = self.records;
            }
        };
        go(Step::PutAnswerLost(n), &|next, me| {
            next.fill(me.slot, me.batch, over);
            no_answer(me);
        });
        let put = (state.workers[n].slot, state.workers[n].batch);
        if let Some(free) = state.late.iter().position(|(_, put)| put.attempt == 0)
            && !state.late.contains(&put)
        {
            go(Step::PutLate(n), &|next, me| {
                next.late[free] = put;
                no_answer(me);
            });
        }
        go(Step::GivesUp(n), &|_, me| *me = Worker::default());
    }
}

impl Model for Protocol {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State::default()
    }

    fn next(&self, state: &State, then: &mut dyn FnMut(Step, State)) {
        (0..WORKERS).for_each(|n| self.work(state, n, then));
        for (n, &(slot, put)) in state.late.iter().enumerate().filter(|(_, (_, put))| put.attempt != 0) {
            let mut gone = *state;
            gone.late[n] = Default::default();
            let mut arrived = gone;
            arrived.fill(slot, put, self.is(Bug::Overwrite));
            then(Step::Arrives { slot }, arrived.renamed());
            then(Step::NeverArrives { slot }, gone.renamed());
        }
        let oldest = usize::from(state.floor.0);
        if self.is(Bug::SlotsAreDeleted) && oldest + 1 < state.head() {
            let mut next = *state;
            next.floor = (state.floor.0 + 1, state.slots[oldest].to);
            next.slots[oldest] = Entry::default();
            then(Step::Deletes { slot: state.floor.0 }, next.renamed());
        }
    }

    fn broken(&self, state: &State) -> Option<&'static str> {
        let mut position = state.floor.1;
        for slot in usize::from(state.floor.0)..state.head() {
            let entry = state.slots[slot];
            if entry.attempt == 0 {
                return Some("a slot before a filled one is empty");
            }
            if entry.from > position {
                return Some("a record is in no commit");
            }
            if entry.from < position || entry.to <= entry.from {
                return Some("a record is in two commits");
            }
            if state.durable & 1 << entry.attempt == 0 {
                return Some("a commit names outputs that are not durable");
            }
            position = entry.to;
        }
        (state.told > position).then_some("the source was told of what is not committed")
    }

    fn done(&self, state: &State) -> bool {
        state.position(state.head()) == self.records
    }
}
