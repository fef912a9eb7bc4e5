//! A record in quarantine.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::format::{Cut, Format};
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
    /// The record whose line holds the bytes of the document, where the records of it cannot be read without it: the
    /// first of them that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_with: Option<RecordId>,
    /// Its bytes, if they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its bytes in Base64, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl QuarantineLine {
    /// The lines of the refused records of a batch, in order.
    ///
    /// # Errors
    /// A record has no document: a bug.
    pub fn of<'a>(
        batch: &'a BatchId,
        documents: &'a [Document],
        rejected: &'a [Rejected],
    ) -> impl Iterator<Item = Result<Self>> + 'a {
        let mut kept = BTreeMap::new();
        rejected.iter().map(move |rejected| {
            let id = rejected.origin.id(batch);
            let document = documents
                .get(usize::from(rejected.origin.document))
                .ok_or_else(|| Error::unexpected("a refused record has no document").with("record", &id))?;
            let whole = needs_all(document.format());
            let with = if whole { kept.get(&rejected.origin.document).cloned() } else { None };
            if whole && with.is_none() {
                kept.insert(rejected.origin.document, id.clone());
            }
            Ok(Self::new(id, document, rejected, with))
        })
    }

    fn new(id: RecordId, document: &Document, rejected: &Rejected, bytes_with: Option<RecordId>) -> Self {
        let origin = rejected.origin;
        let start = origin.offset as usize;
        let bytes = match needs_all(document.format()) {
            true if bytes_with.is_some() => None,
            true => Some(document.bytes().as_ref()),
            false => document.bytes().get(start..start + origin.length as usize),
        };
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned);
        let base64 = bytes.filter(|_| text.is_none()).map(|bytes| STANDARD.encode(bytes));
        Self {
            id,
            error: rejected.error.clone(),
            step: (*rejected.step).clone(),
            locator: document.locator().to_string(),
            offset: document.offset() + u64::from(origin.offset),
            length: origin.length,
            format: alone(document.format()),
            bytes_with,
            text,
            base64,
        }
    }

    /// Whether the record can only be read together with its whole document.
    pub(crate) fn needs_document(&self) -> bool {
        needs_all(&self.format)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) if it is none.
    pub fn parse(line: &[u8]) -> Result<Self> {
        serde_json::from_slice(line)
            .map_err(|cause| Error::new(ErrorKind::Corrupt, "not a line of the quarantine").caused_by(cause))
    }

    /// The bytes of the record, as acquired; of its whole document where the record cannot be read without it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if they are with [another line](Self::bytes_with), [`Corrupt`](ErrorKind::Corrupt)
    /// if they cannot be decoded.
    pub fn bytes(&self) -> Result<Bytes> {
        if let Some(other) = &self.bytes_with {
            return Err(Error::new(ErrorKind::NotFound, "the bytes are in the line of another record")
                .with("record", other));
        }
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

/// Whether a record of this format can only be read together with its whole document.
fn needs_all(format: &Format) -> bool {
    matches!(format, Format::Decoded { cut: Cut::Whole, .. })
}

/// The format under which one record of a document can be read without the rest.
fn alone(format: &Format) -> Format {
    match format {
        Format::JsonArray { .. } | Format::Ndjson => Format::Json,
        Format::Csv(csv) => Format::Csv(crate::Csv { has_header: false, ..csv.clone() }),
        other => other.clone(),
    }
}
