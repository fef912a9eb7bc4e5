//! How far a table has been read.

use serde::{Deserialize, Serialize};

/// The name of the encoding.
pub(super) const SCHEMA: &str = "sql.postgres/1";

/// How far a table or query has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The database and the table, or the digest of the query.
    pub(super) of: String,
    /// The mode, in a word.
    pub(super) mode: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) edition: String,
    /// The columns that `after` has the values of, once they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) key: Vec<String>,
    /// What is being read.
    pub(super) reads: Reads,
    /// The key of the last row, if the cycle is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Vec<String>>,
    /// How many bytes were given.
    pub(super) given: u64,
    /// For a keyset the greatest timestamp of all cycles that have ended, for xid what every transaction before has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<String>,
    /// For a keyset the time up to which the cycle reads, as long as it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bound: Option<String>,
    /// Without a look-back, the key of the last row of all cycles that have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) floor: Option<Vec<String>>,
    /// With a look-back, the rows that were given last.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub(super) known: Known,
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reads {
    /// Everything, by its key.
    All,
    /// What is new.
    News,
    /// Nothing more.
    Nothing,
}

/// How many rows are remembered. Each costs 16 bytes of every position.
pub(super) const REMEMBERED: usize = 1_000;

/// Rows by short digests, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Known(String);

impl Known {
    const LENGTH: usize = 16;

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers rows, and forgets the oldest where there are too many.
    pub(super) fn note(&mut self, digests: &str) {
        self.0.push_str(digests);
        let most = REMEMBERED * Self::LENGTH;
        drop(self.0.drain(..self.0.len().saturating_sub(most)));
    }

    /// All of them, for looking up.
    pub(super) fn all(&self) -> std::collections::HashSet<String> {
        let chunks = self.0.as_bytes().chunks(Self::LENGTH);
        chunks.map(|known| String::from_utf8_lossy(known).into_owned()).collect()
    }

    /// A row by its key.
    pub(super) fn digest<'a>(key: impl Iterator<Item = &'a [u8]>) -> String {
        use base64::Engine as _;
        let mut name = Vec::new();
        for part in key {
            name.extend_from_slice(&(part.len() as u64).to_le_bytes());
            name.extend_from_slice(part);
        }
        let digest = datalake_core::Sha256::of(&name);
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(&digest.as_bytes()[..12])
    }
}
