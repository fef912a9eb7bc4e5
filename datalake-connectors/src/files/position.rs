//! How far each file has been read.

use std::collections::BTreeMap;
use std::sync::Arc;

use datalake_core::Format;
use serde::{Deserialize, Serialize};

use super::identity::{Print, Tag};

/// The encoding of [`State`] in a position.
pub(super) const SCHEMA: &str = "files.local/1";

/// Every file that has been read from, by its path below the root. A file that no longer exists is forgotten.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) files: BTreeMap<String, Entry>,
}

/// How far one file has been read. About a hundred and twenty bytes once it is read to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Which file it is, under whatever name.
    pub(super) id: Tag,
    /// Bytes of content that have become documents.
    pub(super) at: u64,
    /// What tells these bytes from others.
    pub(super) print: Tag,
    /// The checksum of these bytes. Not there for a compressed file, which has its own at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sum: Option<u32>,
    /// The state of the file when its end was reached. Not there while there is more to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seal: Option<Tag>,
    /// The length of the compressed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) packed: Option<u64>,
    /// The format of what follows. Kept while there is more to read, so that nobody has to look at the beginning again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Arc<Format>>,
    /// What was found out of delimited text, so that it stays when the file grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) csv: Option<String>,
    /// The path under which it was first seen, if it has been renamed since, so that its writer is about to let go of it.
    /// Its extension says what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) was: Option<String>,
    /// Why it could not be read on. Tried again when the file changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<String>,
}

impl Entry {
    /// A file of which nothing has been read.
    pub(super) fn new(id: Tag) -> Self {
        let print = Print::default().tag();
        Self {
            id,
            at: 0,
            print,
            sum: Some(0),
            seal: None,
            packed: None,
            format: None,
            csv: None,
            was: None,
            failed: None,
        }
    }
}
