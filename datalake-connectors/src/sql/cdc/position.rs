//! How far the changes have been read.

use datalake_core::{Error, ErrorKind, Position, Result};
use serde::{Deserialize, Serialize};

use super::lsn::Lsn;
use super::{SCHEMA, SYSTEM};

/// How far the source has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) origin: Origin,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// Which log, and where reading it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The number by which the server knows its data.
    pub(super) system: String,
    pub(super) slot: String,
    pub(super) begin: Lsn,
    /// Which history of the server's log; 0 where it was not noted.
    #[serde(default)]
    pub(super) timeline: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub(super) enum Place {
    /// In the first load.
    Load { table: usize, offset: u64 },
    /// In the log.
    Log(Log),
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    /// Every transaction that ends here or before has been read whole.
    pub(super) lsn: Lsn,
    /// How many bytes of changes have been read since the beginning.
    pub(super) offset: u64,
    /// The transaction that has been read in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Part>,
}

/// A place in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Where its commit is.
    pub(super) commit: Lsn,
    /// How many of its changes have been read.
    pub(super) changes: u64,
}

impl At {
    pub(super) fn parse(position: &Position, slot: &str) -> Result<Self> {
        let at: Self = position.decode(SCHEMA)?;
        if at.origin.slot != slot {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another slot")
                .component(SYSTEM)
                .with("found", &at.origin.slot)
                .with("expected", slot));
        }
        Ok(at)
    }

    pub(super) fn position(&self) -> Result<Position> {
        Position::new(SCHEMA, self)
    }

    /// Where in the log it is.
    pub(super) fn lsn(&self) -> Lsn {
        self.confirmed().unwrap_or(self.origin.begin)
    }

    /// What the slot can let go of once this is durable.
    pub(super) fn confirmed(&self) -> Option<Lsn> {
        match self.place {
            Place::Load { .. } => None,
            Place::Log(log) => Some(log.lsn),
        }
    }
}

impl Origin {
    /// A name of what is read from here on, the same in every reading.
    pub(super) fn name(&self) -> String {
        format!("{}/{}/{}", self.system, self.slot, self.begin)
    }
}
