//! How far a poll has come.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::after_id::greater;
use super::incremental::Mark;
use super::pagination::Step;
use super::window::{Span, Window};
use datalake_core::Sha256;

/// The name and version of the encoding.
pub(super) const SCHEMA: &str = "web.poll/1";

/// How many pages of a cycle are remembered. Each costs 27 bytes of every position.
pub(super) const REMEMBERED: usize = 512;

/// Everything up to and including a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The path that is polled. The host may change, the path may not.
    pub(super) of: String,
    /// How many cycles have begun.
    pub(super) cycle: u64,
    /// How many pages of the cycle are done.
    #[serde(default)]
    pub(super) pages: u64,
    /// The page that comes next; `None` if the cycle is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<Step>,
    /// When the cycle began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) began: Option<DateTime<Utc>>,
    /// Up to where the cycles before have seen everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
    /// The greatest record of this cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) high: Option<Mark>,
    /// The greatest id of the cycles before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) top: Option<String>,
    /// The greatest id of this cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rising: Option<String>,
    /// The window that is walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<Span>,
    /// Up to when the windows of the cycles before have reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reached: Option<DateTime<Utc>>,
    /// What to ask with whether anything has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) validators: Option<Validators>,
    /// The pages of the cycle before that have not come again in this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) last: Vec<Fingerprint>,
    /// The pages of this cycle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) now: Vec<Fingerprint>,
}

/// The validators of an answer (RFC 9110, section 8.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    /// The request they belong to.
    pub(super) of: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
}

impl State {
    /// The state before the first cycle.
    pub(super) fn new(path: &str) -> Self {
        Self { of: path.to_owned(), ..Self::default() }
    }

    /// Begins a cycle, unless one is under way.
    pub(super) fn begin(&mut self, at: DateTime<Utc>) {
        if self.next.is_none() {
            self.cycle += 1;
            self.pages = 0;
            self.began = Some(at);
            self.high = None;
            self.rising = None;
        }
    }

    /// Notes a page, and says whether it is news: not a page of the cycle before.
    pub(super) fn note(&mut self, page: Fingerprint) -> bool {
        if self.now.len() < REMEMBERED {
            self.now.push(page);
        }
        match self.last.iter().position(|last| *last == page) {
            Some(known) => {
                self.last.remove(known);
                false
            }
            None => true,
        }
    }

    /// Notes the greatest record of a page, by time and by id.
    pub(super) fn raise(&mut self, high: Option<Mark>, id: Option<String>) {
        self.high = later(self.high.take(), high);
        self.rising = greater(self.rising.take(), id);
    }

    /// Goes to the next window where the walk of one is done.
    pub(super) fn turn(&mut self, window: Option<&Window>) {
        if let (None, Some(span), Some(window)) = (&self.next, self.span, window)
            && let Some(after) = window.after(span)
        {
            self.span = Some(after);
            self.next = Some(Step::Begin);
        }
    }

    /// Forgets where in a walk it is, but not what was seen: the walk begins again.
    pub(super) fn forget_walk(&mut self) {
        self.last.extend(&self.now);
        self.last.truncate(REMEMBERED);
        match self.span {
            Some(_) => self.next = Some(Step::Begin),
            None => {
                self.next = None;
                self.now.clear();
            }
        }
    }

    /// Completes the cycle. The mark moves no further than the moment the cycle began: what changed later may have
    /// been missed.
    pub(super) fn finish(&mut self) {
        let began_at = self.began.take();
        let began = began_at.map(|at| Mark { at, id: None });
        let seen = match (self.high.take(), began) {
            (Some(high), Some(began)) if high.at >= began.at => Some(began),
            (high, _) => high,
        };
        self.mark = later(self.mark.take(), seen);
        self.top = greater(self.top.take(), self.rising.take());
        if let Some(span) = self.span.take() {
            self.reached = self.reached.max(began_at.map(|at| at.min(span.end)));
        }
        self.next = None;
        self.pages = 0;
        self.last = std::mem::take(&mut self.now);
    }

    /// Gives the cycle up, to begin another that reads everything of it again.
    pub(super) fn abandon(&mut self) {
        self.next = None;
        self.span = None;
        let now = std::mem::take(&mut self.now);
        self.last.extend(now);
        self.last.truncate(REMEMBERED);
    }
}

/// The mark that reaches further; of two that reach as far, the new one.
fn later(old: Option<Mark>, new: Option<Mark>) -> Option<Mark> {
    match (old, new) {
        (Some(old), Some(new)) if new.at < old.at => Some(old),
        (old, new) => new.or(old),
    }
}

/// The first 96 bits of a SHA-256 digest: enough to tell pages apart, and short enough for a position.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 12]);

impl Fingerprint {
    /// The fingerprint of some bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut short = [0; 12];
        short.copy_from_slice(&Sha256::of(bytes).as_bytes()[..12]);
        Self(short)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bad = || D::Error::custom("a fingerprint has 24 hexadecimal digits");
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut short = [0; 12];
        for (n, byte) in short.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: &str) -> Mark {
        Mark { at: at.parse().unwrap(), id: Some("7".into()) }
    }

    #[test]
    fn the_mark_moves_no_further_than_the_beginning_of_the_cycle() {
        let mut state = State::new("/orders");
        let began: DateTime<Utc> = "2024-01-03T00:00:00Z".parse().unwrap();
        state.begin(began);
        state.raise(Some(mark("9999-01-01T00:00:00Z")), None);
        state.finish();
        assert_eq!(state.mark, Some(Mark { at: began, id: None }));
        state.begin(began + chrono::TimeDelta::days(1));
        state.raise(Some(mark("2024-01-02T00:00:00Z")), None);
        state.finish();
        assert_eq!(state.mark, Some(Mark { at: began, id: None }), "it never moves back");
    }

    #[test]
    fn a_page_is_known_as_often_as_it_came_before() {
        let mut state = State::new("/orders");
        let page = Fingerprint::of(b"page");
        state.begin(Utc::now());
        assert!(state.note(page));
        state.finish();
        state.begin(Utc::now());
        assert!(!state.note(page));
        assert!(state.note(page));
    }

    #[test]
    fn a_state_reads_back() {
        let mut state = State::new("/orders");
        state.begin(Utc::now());
        state.note(Fingerprint::of(b"page"));
        state.raise(Some(mark("2024-01-03T02:49:00.123456789Z")), None);
        state.next = Some(Step::After(mark("2024-01-03T02:49:00Z")));
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }
}
