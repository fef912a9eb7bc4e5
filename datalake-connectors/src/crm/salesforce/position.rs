//! How far a read has come.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::crm::known::Known;

/// The name and version of the encoding.
pub(super) const SCHEMA: &str = "crm.salesforce/1";

/// Before this nothing was stamped. Only where to cut a window without a beginning depends on it.
const BEGINNING: i64 = 915_148_800;

/// Everything up to and including a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The object that is read.
    pub(super) of: String,
    /// What is read of it: a digest of the fields, the filter and the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reads: Option<String>,
    /// How many cycles have begun.
    pub(super) cycle: u64,
    /// The field that says when a record changed, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<String>,
    /// Everything stamped before this was seen by a cycle that is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<DateTime<Utc>>,
    /// Up to when deletes beyond the recycle bin were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deleted: Option<DateTime<Utc>>,
    /// The cycle under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<Run>,
    /// The longest window that is thought to work, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<i64>,
    /// The records at the end of the cycle before.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub(super) last: Known,
    /// The records at the end of this cycle.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub(super) now: Known,
    /// Jobs whose results were given whole: to be removed once that is durable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) finished: Vec<Job>,
}

/// A cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Up to when it reads.
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) phase: Phase,
    pub(super) window: Window,
    pub(super) step: Step,
}

/// What a cycle does, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// Asks what was deleted for good. It comes first, so that a record which is there after all has the last word.
    Deleted,
    /// Looks again at what the cycle before has seen, for what has come late.
    Late,
    /// Reads what is new.
    New,
}

/// From a moment on, to just before another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lo: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hi: Option<DateTime<Utc>>,
}

/// A record in the order of the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) id: String,
}

/// What comes next in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// A query for what follows a record, or for all.
    Query { after: Option<Mark> },
    /// The next page of a query, as the server named it.
    Page { path: String, after: Option<Mark> },
    /// A bulk job, to be made.
    Create,
    /// A bulk job that may still be at work.
    Job(Job),
    /// A page of the results of a bulk job; the first has no locator.
    Results { job: Job, locator: Option<String> },
}

/// A bulk job, and the version of the API that it must be asked by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) version: String,
}

impl Step {
    /// The bulk job it is about.
    pub(super) fn job(&self) -> Option<&Job> {
        match self {
            Self::Job(job) | Self::Results { job, .. } => Some(job),
            Self::Query { .. } | Self::Page { .. } | Self::Create => None,
        }
    }
}

impl Window {
    /// The first half of what follows a moment, if it can be cut.
    pub(super) fn half(&self, after: Option<DateTime<Utc>>) -> Option<Self> {
        let lo = after.max(self.lo).map_or(BEGINNING, |lo| lo.timestamp());
        let hi = self.hi?.timestamp();
        let middle = DateTime::from_timestamp(lo + (hi - lo) / 2, 0)?;
        (hi - lo >= 2).then_some(Self { lo: self.lo, hi: Some(middle) })
    }
}

impl State {
    /// The state before the first cycle.
    pub(super) fn new(object: &str) -> Self {
        Self { of: object.to_owned(), ..Self::default() }
    }

    /// Begins a cycle that reads up to a moment, and asks for deletes first if there is a reason to.
    pub(super) fn begin(&mut self, plan: &Cycle, deletes: bool) {
        self.cycle += 1;
        self.now = Known::default();
        let until = plan.until.map(|until| self.mark.map_or(until, |mark| until.max(mark)));
        let (phase, window, step) =
            if deletes { (Phase::Deleted, Window::default(), FIRST) } else { self.reading(plan, until) };
        self.run = Some(Run { until, phase, window, step });
    }

    /// Goes on after a window that is done.
    pub(super) fn advance(&mut self, plan: &Cycle) {
        let Some(run) = &self.run else { return };
        let until = run.until;
        let before = |hi: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>| hi.is_some() && hi < end;
        let next = match run.phase {
            Phase::Deleted => self.reading(plan, until),
            Phase::Late if before(run.window.hi, self.mark) => {
                (Phase::Late, Window { lo: run.window.hi, hi: self.mark }, FIRST)
            }
            Phase::Late if before(self.mark, until) => {
                (Phase::New, Window { lo: self.mark, hi: until }, plan.first())
            }
            Phase::New if before(run.window.hi, until) => {
                (Phase::New, Window { lo: run.window.hi, hi: until }, plan.first())
            }
            Phase::Late | Phase::New => return self.finish(),
        };
        let (phase, window, step) = next;
        self.run = Some(Run { until, phase, window, step });
    }

    /// Where the reading of records begins: with those that may have come late, or with the new ones.
    fn reading(&self, plan: &Cycle, until: Option<DateTime<Utc>>) -> (Phase, Window, Step) {
        match self.mark.filter(|_| until.is_some() && plan.look_back > TimeDelta::zero()) {
            Some(mark) => (Phase::Late, Window { lo: back(mark, plan.look_back), hi: Some(mark) }, FIRST),
            None => (Phase::New, Window { lo: self.mark.or(plan.start), hi: until }, plan.first()),
        }
    }

    /// Begins the window again as a query or as a bulk job. What it gave comes again.
    pub(super) fn restart(&mut self, step: Step) {
        if let Some(run) = &mut self.run {
            run.step = step;
        }
    }

    /// Asks by a new query or a new job for what is left. Gives the job that was under way.
    pub(super) fn ask_anew(&mut self) -> Option<Job> {
        let run = self.run.as_mut()?;
        let job = run.step.job().cloned();
        match &run.step {
            Step::Page { after, .. } => run.step = Step::Query { after: after.clone() },
            Step::Job(_) | Step::Results { .. } => run.step = Step::Create,
            Step::Query { .. } | Step::Create => {}
        }
        job
    }

    /// Completes the cycle.
    fn finish(&mut self) {
        if let Some(run) = self.run.take() {
            self.mark = run.until;
            self.last = std::mem::take(&mut self.now);
        }
    }
}

/// What a cycle is made by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cycle {
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) look_back: TimeDelta,
    /// Whether everything new is read by bulk jobs.
    pub(super) bulk: bool,
}

const FIRST: Step = Step::Query { after: None };

impl Cycle {
    fn first(&self) -> Step {
        if self.bulk { Step::Create } else { FIRST }
    }
}

/// A moment less a time.
pub(super) fn back(at: DateTime<Utc>, by: TimeDelta) -> Option<DateTime<Utc>> {
    at.checked_sub_signed(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn cycle(until: i64) -> Cycle {
        Cycle { until: Some(at(until)), start: None, look_back: TimeDelta::seconds(60), bulk: false }
    }

    fn run(state: &State) -> (Phase, Option<i64>, Option<i64>) {
        let run = state.run.as_ref().unwrap();
        let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp() - 1_700_000_000);
        (run.phase, seconds(run.window.lo), seconds(run.window.hi))
    }

    #[test]
    fn a_cycle_asks_for_deletes_then_looks_back_then_reads_what_is_new() {
        let mut state = State::new("Account");
        state.begin(&cycle(100), false);
        assert_eq!(run(&state), (Phase::New, None, Some(100)));
        state.advance(&cycle(100));
        assert_eq!((state.mark, state.run.is_none()), (Some(at(100)), true));
        state.begin(&cycle(300), true);
        assert_eq!(run(&state).0, Phase::Deleted);
        state.advance(&cycle(300));
        assert_eq!(run(&state), (Phase::Late, Some(40), Some(100)));
        state.advance(&cycle(300));
        assert_eq!(run(&state), (Phase::New, Some(100), Some(300)));
        state.advance(&cycle(300));
        assert_eq!(state.mark, Some(at(300)));
    }

    #[test]
    fn a_clock_that_goes_back_moves_no_mark_back() {
        let mut state = State::new("Account");
        state.mark = Some(at(100));
        state.begin(&cycle(50), false);
        assert_eq!(run(&state), (Phase::Late, Some(40), Some(100)));
        state.advance(&cycle(50));
        assert_eq!((state.mark, state.run.is_none()), (Some(at(100)), true));
    }

    #[test]
    fn halves_of_a_window_are_read_one_after_the_other() {
        let mut state = State::new("Account");
        state.mark = Some(at(0));
        let cycle = Cycle { look_back: TimeDelta::zero(), ..cycle(100) };
        state.begin(&cycle, false);
        let half = state.run.as_ref().unwrap().window.half(None).unwrap();
        state.run.as_mut().unwrap().window = half;
        assert_eq!(run(&state), (Phase::New, Some(0), Some(50)));
        state.advance(&cycle);
        assert_eq!(run(&state), (Phase::New, Some(50), Some(100)));
        assert!(Window { lo: None, hi: Some(at(0)) }.half(None).unwrap().lo.is_none());
        assert_eq!(Window { lo: Some(at(0)), hi: Some(at(1)) }.half(None), None);
    }

    #[test]
    fn a_state_reads_back() {
        let mut state = State::new("Account");
        state.begin(&cycle(100), false);
        state.now.note("001", "a");
        state.run.as_mut().unwrap().step = Step::Results {
            job: Job { id: "750x".into(), version: "62.0".into() },
            locator: Some("MTA".into()),
        };
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }
}
