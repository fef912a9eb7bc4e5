//! How far a read has come.

use serde::{Deserialize, Serialize};

/// The name and version of the encoding.
pub(super) const SCHEMA: &str = "crm.dynamics/1";

/// Everything up to and including a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The entity set that is read.
    pub(super) of: String,
    /// The environment it is in. A link means nothing to another.
    pub(super) origin: String,
    /// Whether changes are asked for. A link to a page holds what it was made for.
    pub(super) tracked: bool,
    /// The columns that were asked for: links hold them and cannot be given others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<String>,
    /// How many cycles have begun.
    pub(super) cycle: u64,
    /// The link to what changes after the last cycle that is complete, byte for byte; `None` before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<String>,
    /// How many pages of the cycle under way are done.
    #[serde(default)]
    pub(super) pages: u64,
    /// The link to the next page of the cycle under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
}

impl State {
    /// The state before the first cycle.
    pub(super) fn new(origin: &str, set: &str, columns: &[String], tracked: bool) -> Self {
        let (origin, of) = (origin.to_owned(), set.to_owned());
        Self { of, origin, tracked, columns: columns.to_vec(), ..Self::default() }
    }

    /// Leaves the cycle under way: the next page is the first of a cycle.
    pub(super) fn begin_again(&mut self) {
        self.page = None;
        self.pages = 0;
    }
}
