//! How far a source has come.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The name and version of the encoding.
pub(super) const SCHEMA: &str = "sap.odata/1";

/// Everything up to and including a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The path of the entity set. The host may change, the path may not.
    pub(super) of: String,
    /// The digest of what is selected and how. A token is good for one selection only.
    pub(super) selection: String,
    /// How many loads have begun.
    #[serde(default)]
    pub(super) loads: u64,
    /// How many deltas have been read.
    #[serde(default)]
    pub(super) deltas: u64,
    /// The walk under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) walk: Option<Walk>,
    /// How far the rows have been read, by the literals of the properties they are ordered by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) mark: Vec<String>,
    /// The link that gives the next delta. It is used only once the position that holds it is committed, since it tells
    /// the server that the delta before has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
    /// The link that gave the last delta, by which it can be asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<String>,
    /// The link that was asked again. While there is one, none is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<String>,
    /// Whether a subscription of our own is left, which has to be ended before the next begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) left: bool,
    /// When the last load ended, or the token was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<DateTime<Utc>>,
}

/// Pages that belong together, of which some have been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walk {
    pub(super) kind: Kind,
    /// How many pages are done.
    pub(super) pages: u64,
    /// The link to the page that comes next. `None` where the mark says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// The link that the walk began with, for a delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// Whether the server has said that it tracks changes from now on.
    #[serde(default)]
    pub(super) tracked: bool,
}

/// What is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// All rows, or those after the mark.
    Load,
    /// What has changed.
    Delta,
}

impl State {
    /// The state before the first page.
    pub(super) fn new(of: &str, selection: &str) -> Self {
        Self { of: of.to_owned(), selection: selection.to_owned(), ..Self::default() }
    }

    /// Begins a walk, and gives it.
    pub(super) fn begin(&mut self, kind: Kind, from: Option<String>) -> &mut Walk {
        match kind {
            Kind::Load => self.loads += 1,
            Kind::Delta => self.deltas += 1,
        }
        self.walk.insert(Walk { kind, pages: 0, next: None, from, tracked: false })
    }

    /// Takes up a token, and keeps the one before.
    pub(super) fn renew(&mut self, token: String, from: Option<String>, now: DateTime<Utc>) {
        self.previous = from;
        self.token = Some(token);
        self.at = Some(now);
    }

    /// Forgets everything but the number of loads and deltas: the next page is the first of a load. Whether a
    /// subscription of our own is left has to be known, since another reader may have taken its place.
    pub(super) fn start_over(&mut self, selection: &str, left: bool) {
        let (loads, deltas) = (self.loads, self.deltas);
        *self = Self { loads, deltas, left: self.left || left, ..Self::new(&self.of, selection) };
    }

    /// Whether there is a subscription that this state knows of.
    pub(super) fn subscribes(&self) -> bool {
        self.token.is_some() || self.walk.as_ref().is_some_and(|walk| walk.tracked)
    }
}
