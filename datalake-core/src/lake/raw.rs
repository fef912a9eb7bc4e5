//! Documents out of the raw zone.

use bytes::{Bytes, BytesMut};

use super::{Lake, TRUSTED};
use crate::digest::Sha256;
use crate::document::Document;
use crate::ledger::{DocumentRow, Manifest};
use crate::sink::RawObject;
use crate::{Error, ErrorKind, Result};

impl Lake {
    /// All documents of a batch by the manifest of its commit, checked against the digest of their object.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) if none were kept, [`Corrupt`](ErrorKind::Corrupt) if they are not what
    /// was written.
    pub async fn documents(&self, manifest: &Manifest) -> Result<Vec<Document>> {
        if manifest.documents.is_empty() {
            return Ok(Vec::new());
        }
        let raw = manifest.raw.as_ref().ok_or_else(not_kept)?;
        let stored = self.store.get(&raw.location).await?;
        if Sha256::of(&stored) != raw.sha256 {
            return Err(corrupt("raw documents are not what was written", raw));
        }
        let content =
            raw.compression.decompress(&stored, TRUSTED).map_err(|error| error.with("key", &raw.location))?;
        manifest.documents.rows().map(|row| document(&content, row.content, &row, raw)).collect()
    }

    /// One document of a batch, read alone: only the frames it lies in.
    ///
    /// # Errors
    /// As [`documents`](Self::documents).
    pub(crate) async fn document(&self, manifest: &Manifest, row: &DocumentRow) -> Result<Document> {
        let raw = manifest.raw.as_ref().ok_or_else(not_kept)?;
        let end = row.content + row.bytes;
        let first = raw.frames.partition_point(|frame| frame.content <= row.content).saturating_sub(1);
        let past = raw.frames.partition_point(|frame| frame.content < end).max(first + 1);
        let Some(from) = raw.frames.get(first) else {
            return document(&Bytes::new(), 0, row, raw);
        };
        let mut content = BytesMut::new();
        for n in first..past.min(raw.frames.len()) {
            let stop = raw.frames.get(n + 1).map_or(raw.bytes, |next| next.offset);
            let frame = self.store.get_range(&raw.location, raw.frames[n].offset..stop).await?;
            content.extend_from_slice(&raw.compression.decompress(&frame, TRUSTED)?);
        }
        document(&content.freeze(), row.content - from.content, row, raw)
    }
}

fn document(content: &Bytes, start: u64, row: &DocumentRow, raw: &RawObject) -> Result<Document> {
    let end = start + row.bytes;
    if end > content.len() as u64 {
        return Err(corrupt("raw documents are shorter than their table says", raw));
    }
    let bytes = content.slice(start as usize..end as usize);
    let document = Document::new(bytes, row.locator.clone(), row.format.clone()).at(row.offset);
    Ok(row.placed(document))
}

fn not_kept() -> Error {
    Error::new(ErrorKind::Unsupported, "the pipeline keeps no raw documents")
}

fn corrupt(message: &'static str, raw: &RawObject) -> Error {
    Error::new(ErrorKind::Corrupt, message).with("key", &raw.location)
}
