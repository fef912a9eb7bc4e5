//! What has been read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use datalake_core::Format;
use datalake_core::store::ObjectInfo;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::files::identity::Tag;

/// The encoding of [`State`] in a position.
pub(super) const SCHEMA: &str = "files.objects/1";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// What was read to its end, or could not be read, and still exists.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(super) read: Tags,
    /// Everything that the store says was written up to then counts as read too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upto: Option<DateTime<Utc>>,
    /// What is being read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) current: Option<Current>,
    /// What could not be read, and why. Tried again when it changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) failed: BTreeMap<String, String>,
    /// How many more could not be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) beyond: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An object of which something has been read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Current {
    pub(super) key: String,
    pub(super) version: Tag,
    /// Bytes of content that have become documents.
    pub(super) at: u64,
    /// The format of what follows, unless it begins with the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Arc<Format>>,
}

impl State {
    /// Whether an object has been read.
    pub(super) fn knows(&self, info: &ObjectInfo) -> bool {
        self.upto.is_some_and(|upto| info.modified <= upto) || self.read.0.contains(&version(info))
    }
}

/// What tells this object from others, and from others under its key.
pub(super) fn version(info: &ObjectInfo) -> Tag {
    match &info.etag {
        Some(etag) => Tag::of([info.key.as_bytes(), &[0], etag.as_bytes()]),
        None => {
            let time = info.modified.timestamp_nanos_opt().unwrap_or_default();
            Tag::of([info.key.as_bytes(), &[1], &info.bytes.to_le_bytes(), &time.to_le_bytes()])
        }
    }
}

/// Tags, eight bytes each in Base64.
#[derive(Debug, Clone, Default)]
pub(super) struct Tags(pub(super) BTreeSet<Tag>);

impl Tags {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|tag| tag.to_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        let (tags, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(D::Error::custom("half a tag"));
        }
        Ok(Self(tags.iter().copied().map(Tag::from_bytes).collect()))
    }
}
