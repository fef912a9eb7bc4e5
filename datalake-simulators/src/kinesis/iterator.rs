//! Where a reader is in a shard.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::json::Refusal;

/// A place in a shard, as the opaque text that a reader holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) stream: String,
    pub(super) shard: String,
    /// The least sequence number not yet read.
    pub(super) next: u64,
    pub(super) given: i64,
    pub(super) generation: u64,
}

impl Place {
    pub(super) fn text(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::new("InvalidArgumentException", "Invalid ShardIterator.");
        let json = STANDARD.decode(text).map_err(|_| invalid())?;
        serde_json::from_slice(&json).map_err(|_| invalid())
    }
}
