//! How far the messages of a session are in the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use datalake_core::{Position, Result, Sha256};
use serde::{Deserialize, Serialize};

use super::packet::{Properties, Publish};
use super::{SCHEMA, SYSTEM};

/// What a message is known again by, beside its packet id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Mark(u64);

/// Marks of messages by their packet ids.
pub(super) type Marks = BTreeMap<u16, Mark>;

/// A batch of one life of the source, and what the broker may send again after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) client: Arc<str>,
    pub(super) boot: Arc<str>,
    pub(super) batch: u64,
    /// Messages of QoS 2 whose records are in this batch or before, and whose packet ids the broker has not released. If
    /// one is sent again it makes no record.
    ///
    /// Its name has a number because marks were once made without the properties: those match nothing.
    #[serde(default, rename = "held_2", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) held: Marks,
    /// Messages of QoS 2 released a short while ago. A broker that has lost its last moments sends them again, and says
    /// so.
    #[serde(default, rename = "released_2", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) released: Marks,
}

impl At {
    pub(super) fn read(position: &Position) -> Result<Self> {
        position.decode(SCHEMA).map_err(|error| error.component(SYSTEM))
    }

    pub(super) fn position(&self) -> Result<Position> {
        Position::new(SCHEMA, self)
    }
}

impl Mark {
    /// Of everything that a broker sends again as it was: not of the time that a message has left.
    pub(super) fn of(message: &Publish) -> Self {
        let said = message.properties.as_deref().map(|said| Properties { expiry: None, ..said.clone() });
        let said = said.filter(|said| *said != Properties::default());
        let said = said.and_then(|said| serde_json::to_vec(&said).ok()).unwrap_or_default();
        let digest =
            Sha256::of_parts([message.topic.as_bytes(), b"\0", &said[..], b"\0", &message.payload[..]]);
        let first: [u8; 8] = std::array::from_fn(|n| digest.as_bytes()[n]);
        Self(u64::from_be_bytes(first))
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        format!("{:016x}", mark.0)
    }
}

impl TryFrom<String> for Mark {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}
