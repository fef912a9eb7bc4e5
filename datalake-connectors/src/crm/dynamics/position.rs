//! How far a read has come.

use serde::{Deserialize, Serialize};

/// The name and version of the encoding.
pub(super) const SCHEMA: &str = "crm.dynamics/1";

/// Everything up to and including a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The entity set that is read.
    pub(super) of: String,
    /// The columns that were asked for: links hold them and cannot be given others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<String>,
    /// How many cycles have begun.
    pub(super) cycle: u64,
    /// The link to what changes after the last cycle that is complete, byte for byte; `None` before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<String>,
    /// The link to the next page of the cycle under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
}

impl State {
    /// The state before the first cycle.
    pub(super) fn new(set: &str, columns: &[String]) -> Self {
        Self { of: set.to_owned(), columns: columns.to_vec(), ..Self::default() }
    }
}
