//! Events of our own sinks: the record in them, and where it came from.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::{Content, RecordError, RecordId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// How every event of ours begins.
const START: &[u8] = br#"{"specversion":"1.0","#;
const MARK: &[u8] = br#""lakerecord":""#;

/// A record out of an event.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) body: Bytes,
    pub(super) content: Content,
    pub(super) origin: Origin,
}

/// Where the record of an event came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// The id of the event.
    pub(super) event: String,
    /// The record as it was acquired.
    pub(super) record: RecordId,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    lakerecord: Cow<'a, str>,
    #[serde(default, borrow)]
    datacontenttype: Cow<'a, str>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, borrow)]
    data_base64: Option<Cow<'a, str>>,
    #[serde(default)]
    dataref: Option<IgnoredAny>,
}

/// Whether the bytes begin as an event of ours does.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    bytes.starts_with(START) && memchr::memmem::find(&bytes[..bytes.len().min(1024)], MARK).is_some()
}

/// Opens an event. `None` if it is none of ours, and then it is a record like any other.
pub(super) fn open(bytes: &Bytes) -> Option<Result<Opened, RecordError>> {
    let event: Event<'_> = serde_json::from_slice(bytes).ok()?;
    let origin = Origin { event: event.id.into_owned(), record: event.lakerecord.parse().ok()? };
    let opened = |body, content| Some(Ok(Opened { body, content, origin }));
    match (event.data, event.data_base64, &*event.datacontenttype) {
        (Some(data), None, "application/json") => {
            opened(bytes.slice_ref(data.get().as_bytes()), Content::Json)
        }
        (Some(data), None, _) => {
            let text: String = serde_json::from_str(data.get()).ok()?;
            opened(Bytes::from(text), Content::Opaque)
        }
        (None, Some(data), _) => opened(Bytes::from(STANDARD.decode(&*data).ok()?), Content::Opaque),
        _ if event.dataref.is_some() => {
            let message = "the record of the event is kept elsewhere and cannot be transformed here";
            Some(Err(RecordError::new("dataref", message)))
        }
        _ => None,
    }
}
