//! Which shard a record goes to.

use bytes::Bytes;
use datalake_core::transform::{Draft, Pointer};
use datalake_core::{Content, Record, RecordError};
use serde_json::Value;

/// The most characters of a partition key.
const CHARACTERS: usize = 256;

/// What decides which shard a record goes to. Records with one key go to one shard.
#[derive(Debug, Clone, Default)]
pub struct PartitionKey(Kind);

#[derive(Debug, Clone, Default)]
enum Kind {
    #[default]
    EventId,
    Pointer(Pointer),
    Fixed(String),
}

impl PartitionKey {
    /// The event id of the record, so that all shards get as much.
    #[must_use]
    pub fn event_id() -> Self {
        Self::default()
    }

    /// A string, number or boolean in the record. A record without one, or with one of more than 256 characters, is
    /// refused.
    #[must_use]
    pub fn pointer(pointer: Pointer) -> Self {
        Self(Kind::Pointer(pointer))
    }

    /// One key for all: everything goes to one shard.
    pub fn fixed(key: impl Into<String>) -> Self {
        Self(Kind::Fixed(key.into()))
    }

    pub(super) fn describe(&self) -> Value {
        match &self.0 {
            Kind::EventId => "event-id".into(),
            Kind::Pointer(pointer) => pointer.to_string().into(),
            Kind::Fixed(_) => "fixed".into(),
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        !matches!(&self.0, Kind::Fixed(key) if !fits(key))
    }

    /// The key of a record. The draft is scratch space.
    pub(super) fn of(&self, draft: &mut Draft, record: &Record, id: &str) -> Result<String, RecordError> {
        let pointer = match &self.0 {
            Kind::EventId => return Ok(id.to_owned()),
            Kind::Fixed(key) => return Ok(key.clone()),
            Kind::Pointer(pointer) => pointer,
        };
        let refused = |why: String| RecordError::new("partition-key", why).at(pointer.to_string());
        draft.set_content(record.content());
        draft.replace(record.body().clone());
        let key = match draft.field(pointer)? {
            Some(text) if text.starts_with('"') => {
                draft.string(pointer)?.map(|text| text.into_owned()).unwrap_or_default()
            }
            Some(text) if !text.starts_with(['{', '[', 'n']) => text.to_owned(),
            _ => return Err(refused("there is no value that could be a partition key".into())),
        };
        match fits(&key) {
            true => Ok(key),
            false => Err(refused(format!("a partition key has 1 to {CHARACTERS} characters"))),
        }
    }
}

fn fits(key: &str) -> bool {
    !key.is_empty() && key.chars().nth(CHARACTERS).is_none()
}

pub(super) fn scratch() -> Draft {
    Draft::new(Bytes::new(), Content::Opaque)
}
