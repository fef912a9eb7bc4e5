//! How far each shard has been read.

use std::collections::BTreeMap;

use datalake_core::{Error, ErrorKind, Position, Result};
use serde::{Deserialize, Serialize};

use super::{SCHEMA, SYSTEM};

/// A place in one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// At the oldest record.
    Horizon,
    /// At the first record that arrived at this time or later, milliseconds since 1970.
    Time(i64),
    /// After a record.
    After(After),
    /// At the end of a shard that was split or merged.
    Ended,
}

/// The place after a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct After {
    /// Its sequence number.
    pub(super) sequence: String,
    /// The last record of an aggregate that was given, if not all of them were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<usize>,
    /// When nothing newer was there, or when the record arrived: milliseconds since 1970.
    pub(super) seen: i64,
}

/// A place in every shard of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Places {
    pub(super) stream: String,
    pub(super) shards: BTreeMap<String, Place>,
}

impl Places {
    pub(super) fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), shards: BTreeMap::new() }
    }

    pub(super) fn position(&self) -> Result<Position> {
        Position::new(SCHEMA, self)
    }

    pub(super) fn parse(position: &Position, stream: &str) -> Result<Self> {
        let places: Self = position.decode(SCHEMA).map_err(|error| error.component(SYSTEM))?;
        if places.stream != stream {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another stream")
                .component(SYSTEM)
                .with("found", &places.stream)
                .with("expected", stream));
        }
        Ok(places)
    }
}
