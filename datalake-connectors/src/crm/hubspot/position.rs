//! How far a read has come.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::crm::known::Known;

/// The name and version of the encoding.
pub(super) const SCHEMA: &str = "crm.hubspot/1";

/// Everything up to and including a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The object that is read.
    pub(super) of: String,
    /// The digest of what is read of it: what was read before is of the same.
    pub(super) selection: String,
    /// The property that says when a record changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<String>,
    /// How many cycles have begun.
    pub(super) cycle: u64,
    /// Everything stamped before this was seen by a cycle that is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<DateTime<Utc>>,
    /// Everything archived before this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) archived: Option<DateTime<Utc>>,
    /// The cycle under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<Run>,
    /// The records at the end of the cycle before.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub(super) last: Known,
    /// The records at the end of this cycle.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub(super) now: Known,
}

/// A cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Up to when it reads.
    pub(super) until: DateTime<Utc>,
    pub(super) phase: Phase,
    /// After what the next page begins: an id for a search, a cursor of the system for a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// Links that are still to come of the page that was given last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) links: Option<Pending>,
}

/// The links of the records of a page, which come before the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The objects that they lead to, the one under way first.
    pub(super) to: Vec<String>,
    /// The records of the page.
    ids: Vec<String>,
    /// The records whose links are asked for next, with the cursors of those that have had a page of them.
    pub(super) inputs: Vec<(String, Option<String>)>,
    /// Where the page after it begins.
    next: Option<String>,
}

impl Pending {
    /// The links of records to objects; `None` if there are none to ask for.
    pub(super) fn new(to: &[String], ids: Vec<String>, next: Option<String>) -> Option<Self> {
        let some = !to.is_empty() && !ids.is_empty();
        some.then(|| Self { to: to.to_vec(), inputs: first(&ids), ids, next })
    }

    /// Goes on with the records that have more links, and with the next object when there are none. `false` if all is
    /// done.
    fn go_on(&mut self, more: Vec<(String, Option<String>)>) -> bool {
        self.inputs = more;
        if self.inputs.is_empty() {
            self.to.remove(0);
            self.inputs = first(&self.ids);
        }
        !self.to.is_empty()
    }
}

fn first(ids: &[String]) -> Vec<(String, Option<String>)> {
    ids.iter().map(|id| (id.clone(), None)).collect()
}

/// What a cycle does, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// Lists everything. Only the first cycle does.
    All,
    /// Lists what is archived.
    Archived,
    /// Searches again where the cycle before has searched, for what has come late.
    Late,
    /// Searches for what is new.
    New,
}

/// What a cycle is made by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cycle {
    pub(super) until: DateTime<Utc>,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) look_back: TimeDelta,
    /// Whether to list what is archived.
    pub(super) archived: bool,
}

impl State {
    /// The state before the first cycle.
    pub(super) fn new(object: &str, selection: &str) -> Self {
        Self { of: object.to_owned(), selection: selection.to_owned(), ..Self::default() }
    }

    /// Begins a cycle that reads up to a moment.
    pub(super) fn begin(&mut self, plan: &Cycle) {
        self.cycle += 1;
        self.now = Known::default();
        let until = self.mark.map_or(plan.until, |mark| plan.until.max(mark));
        let archived = self.archived.is_some() && plan.archived;
        self.archived.get_or_insert(until);
        let phase = match self.mark {
            None if plan.start.is_none() => Phase::All,
            _ if archived => Phase::Archived,
            None => Phase::New,
            Some(_) => Phase::Late,
        };
        self.run = Some(Run { until, phase, after: None, links: None });
        self.skip(plan);
    }

    /// Goes on after a page: with its links, with the next page, or with the next phase.
    pub(super) fn turn(&mut self, next: Option<String>, links: Option<Pending>, plan: &Cycle) {
        match (&mut self.run, links, next) {
            (Some(run), Some(links), _) => run.links = Some(links),
            (Some(run), None, Some(next)) => run.after = Some(next),
            _ => self.advance(plan),
        }
    }

    /// Goes on after links, of which some records have more.
    pub(super) fn linked(&mut self, more: Vec<(String, Option<String>)>, plan: &Cycle) {
        let pending = self.run.as_mut().and_then(|run| run.links.take());
        let Some(mut pending) = pending else { return };
        match (&mut self.run, pending.go_on(more)) {
            (Some(run), true) => run.links = Some(pending),
            _ => self.turn(pending.next, None, plan),
        }
    }

    /// Goes on after a phase that is done.
    pub(super) fn advance(&mut self, plan: &Cycle) {
        let Some(run) = &mut self.run else { return };
        run.after = None;
        run.phase = match run.phase {
            Phase::Archived => {
                self.archived = Some(run.until);
                if self.mark.is_some() { Phase::Late } else { Phase::New }
            }
            Phase::Late => Phase::New,
            Phase::All | Phase::New => return self.finish(),
        };
        self.skip(plan);
    }

    /// The window of a search: from a moment on, to just before another.
    pub(super) fn window(&self, plan: &Cycle) -> (Option<DateTime<Utc>>, DateTime<Utc>) {
        let until = self.run.as_ref().map_or(plan.until, |run| run.until);
        match (self.run.as_ref().map(|run| run.phase), self.mark) {
            (Some(Phase::Late), Some(mark)) => (mark.checked_sub_signed(plan.look_back), mark),
            (_, mark) => (mark.or(plan.start), until),
        }
    }

    /// Passes over windows that hold nothing.
    fn skip(&mut self, plan: &Cycle) {
        let Some(run) = &mut self.run else { return };
        if run.phase == Phase::Late && plan.look_back <= TimeDelta::zero() {
            run.phase = Phase::New;
        }
        if run.phase == Phase::New && self.mark.is_some_and(|mark| mark >= run.until) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if let Some(run) = self.run.take() {
            self.mark = Some(run.until);
            self.last = std::mem::take(&mut self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn cycle(until: i64) -> Cycle {
        Cycle { until: at(until), start: None, look_back: TimeDelta::seconds(60), archived: true }
    }

    #[test]
    fn the_first_cycle_lists_and_the_others_search() {
        let mut state = State::new("contacts", "");
        state.begin(&cycle(100));
        assert_eq!(state.run.as_ref().unwrap().phase, Phase::All);
        state.advance(&cycle(100));
        assert_eq!((state.mark, state.archived), (Some(at(100)), Some(at(100))));
        state.begin(&cycle(300));
        let mut phases = Vec::new();
        while let Some(run) = &state.run {
            phases.push((run.phase, state.window(&cycle(300))));
            state.advance(&cycle(300));
        }
        assert_eq!(
            phases[1..],
            [(Phase::Late, (Some(at(40)), at(100))), (Phase::New, (Some(at(100)), at(300)))]
        );
        assert_eq!(phases[0].0, Phase::Archived);
        assert_eq!((state.mark, state.archived), (Some(at(300)), Some(at(300))));
    }

    #[test]
    fn a_clock_that_goes_back_moves_no_mark_back() {
        let mut state = State::new("contacts", "");
        state.mark = Some(at(100));
        state.begin(&cycle(50));
        state.advance(&cycle(50));
        assert_eq!((state.mark, state.run.is_none()), (Some(at(100)), true));
    }

    #[test]
    fn a_start_leaves_out_what_is_older() {
        let mut state = State::new("contacts", "");
        let cycle = Cycle { start: Some(at(0)), ..cycle(100) };
        state.begin(&cycle);
        assert_eq!(state.run.as_ref().unwrap().phase, Phase::New);
        assert_eq!(state.window(&cycle), (Some(at(0)), at(100)));
    }
}
