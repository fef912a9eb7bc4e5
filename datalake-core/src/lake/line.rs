//! A record in quarantine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::format::Format;
use crate::id::{BatchId, RecordId};
use crate::records::{Rejected, Step};
use crate::{Error, ErrorKind, RecordError, Result};

/// A record in quarantine, one line of JSON: who refused it and why, where it came from, and its bytes as acquired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineLine {
    /// The record.
    pub id: RecordId,
    /// Why it was refused.
    pub error: RecordError,
    /// Who refused it.
    pub step: Step,
    /// Where its document came from.
    pub locator: String,
    /// Its first byte in the thing at the locator.
    pub offset: u64,
    /// Its length there, in bytes.
    pub length: u32,
    /// How its bytes are to be read.
    pub format: Format,
    /// Its bytes, if they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its bytes in Base64, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl QuarantineLine {
    /// The line of a refused record.
    #[must_use]
    pub fn new(batch: &BatchId, document: &Document, rejected: &Rejected) -> Self {
        let origin = rejected.origin;
        let start = origin.offset as usize;
        let bytes = document.bytes().get(start..start + origin.length as usize).unwrap_or_default();
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| STANDARD.encode(bytes));
        Self {
            id: origin.id(batch),
            error: rejected.error.clone(),
            step: (*rejected.step).clone(),
            locator: document.locator().to_string(),
            offset: document.offset() + u64::from(origin.offset),
            length: origin.length,
            format: alone(document.format()),
            text,
            base64,
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) if it is none.
    pub fn parse(line: &[u8]) -> Result<Self> {
        serde_json::from_slice(line)
            .map_err(|cause| Error::new(ErrorKind::Corrupt, "not a line of the quarantine").caused_by(cause))
    }

    /// The bytes of the record, as acquired.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) if they cannot be decoded.
    pub fn bytes(&self) -> Result<Bytes> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            (None, base64) => {
                STANDARD.decode(base64.as_deref().unwrap_or_default()).map(Bytes::from).map_err(|cause| {
                    Error::new(ErrorKind::Corrupt, "the bytes of a quarantined record cannot be decoded")
                        .with("record", &self.id)
                        .caused_by(cause)
                })
            }
        }
    }

    /// The record as a document of its own.
    pub(crate) fn document(&self) -> Result<Document> {
        Ok(Document::new(self.bytes()?, self.locator.as_str(), self.format.clone()).at(self.offset))
    }
}

/// The format under which one record of a document can be read without the rest.
fn alone(format: &Format) -> Format {
    match format {
        Format::JsonArray { .. } | Format::Ndjson => Format::Json,
        Format::Csv(csv) => Format::Csv(crate::Csv { has_header: false, ..csv.clone() }),
        other => other.clone(),
    }
}
