//! Names of messages.

use std::time::Duration;

use datalake_core::{Error, Result, Sha256};
use serde_json::Value;

use super::session::Message;

/// The longest id taken from a payload, in bytes.
const LONGEST: usize = 256;

/// What a message is known by when it is delivered again. MQTT has no ids for messages, so the payload or the time must
/// tell.
///
/// The id is kept in lineage beside the document, and is part of the name that sinks outside of the lake give a record.
/// Nothing is dropped for it: a duplicate can be told, by whoever reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StableId {
    /// A string or number in the JSON payload, at a JSON Pointer such as `/id`. A message without one is named as if this
    /// were not set.
    Pointer(String),
    /// The topic, the digest of the payload and the stretch of time, so long, in which the message was received. Two
    /// messages that are equal and come within one stretch have one name, so choose this only where equal means the same;
    /// a message that is delivered again after the end of its stretch has another.
    Content(Duration),
}

impl StableId {
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Pointer(pointer) if !pointer.starts_with('/') => {
                Err(Error::config("a JSON Pointer begins with /")
                    .with("pointer", format_args!("{pointer:?}")))
            }
            Self::Content(stretch) if stretch.as_secs() == 0 => {
                Err(Error::config("the stretch of time of a stable id is at least a second"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn of(&self, message: &Message) -> Option<String> {
        match self {
            Self::Pointer(pointer) => {
                let payload: Value = serde_json::from_slice(&message.publish.payload).ok()?;
                let id = match payload.pointer(pointer)? {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return None,
                };
                let fit = !id.is_empty() && id.len() <= LONGEST && !id.chars().any(char::is_control);
                fit.then_some(id)
            }
            Self::Content(stretch) => {
                let seconds = message.received.timestamp();
                let stretch = i64::try_from(stretch.as_secs()).unwrap_or(i64::MAX);
                let began = seconds - seconds.rem_euclid(stretch);
                let publish = &message.publish;
                let digest = Sha256::of_parts([publish.topic.as_bytes(), b"\0", &publish.payload[..]]);
                Some(format!("{}-{began}", &digest.to_string()[..32]))
            }
        }
    }
}
