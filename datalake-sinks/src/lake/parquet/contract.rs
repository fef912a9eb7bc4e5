//! What becomes of values that do not fit the schema.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::kind::{MOST_COLUMNS, Members};
use super::{ParquetSettings, Schema};

/// What becomes of a value that does not fit the schema of its dataset: a new member, or one of another type.
///
/// The schema is the one given, or that of the files in the lake, or, if there are none, what the first batch shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Contract {
    /// The schema widens: a member gets a column, and a column a type that holds the old values and the new without
    /// loss. Integers become decimals, decimals doubles where those say the same, dates and times text, and what has
    /// nothing in common `json`.
    #[default]
    Evolve,
    /// The pipeline stops with an error that names the record and the member. Nothing is written.
    Freeze,
    /// The record goes to quarantine; the others are written.
    QuarantineRow,
    /// The record is written without the value, which is kept beside it in the column `_lake_rescued`: a JSON object of
    /// values by their JSON Pointers.
    QuarantineValue,
}

/// The schema of a dataset as far as it is known.
#[derive(Debug)]
pub(super) struct Known {
    contract: Contract,
    given: bool,
    members: Mutex<Option<Members>>,
}

impl Known {
    pub(super) fn new(settings: &ParquetSettings) -> Self {
        let members = settings.schema.clone().map(|schema| schema.0);
        Self { contract: settings.contract, given: members.is_some(), members: Mutex::new(members) }
    }

    /// Whether the files in the lake have a say.
    pub(super) fn wants_stored(&self) -> bool {
        self.contract == Contract::Evolve || !self.given
    }

    /// Takes in the schema of a file in the lake.
    pub(super) fn stored(&self, schema: &Schema) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.get_or_insert_default().merge(&schema.0, MOST_COLUMNS);
    }

    /// Takes in what a batch shows, and gives the schema to write it with.
    pub(super) fn settle(&self, observed: Members) -> Members {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *members {
            Some(known) if self.contract == Contract::Evolve => known.merge(&observed, MOST_COLUMNS),
            Some(_) => {}
            none => *none = Some(observed),
        }
        members.clone().unwrap_or_default()
    }
}
