//! What a commit names: objects, documents, outputs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Sha256;
use crate::document::Document;
use crate::format::Format;
use crate::sink::{Output, RawObject};

/// What a commit names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The object that holds the documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawObject>,
    /// The documents in it, in order.
    #[serde(default, skip_serializing_if = "DocumentTable::is_empty")]
    pub documents: DocumentTable,
    /// What the sinks wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// What the quarantine keeps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Output>,
    /// Objects of earlier commits that count no more from here on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<String>,
    /// Of outputs that were joined out of others, by key: whose records they hold, in order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Vec<Part>>,
}

/// Records that follow one another in a joined object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The batch they are of.
    pub batch: u64,
    /// The commit that made them what they are.
    pub seq: u64,
    /// How many there are.
    pub records: u64,
}

impl Part {
    /// Parts with the numbers of their records in the object, counted from 0.
    pub(crate) fn rows(parts: &[Self]) -> impl Iterator<Item = (Self, Range<u64>)> {
        parts.iter().scan(0, |next, part| {
            let start = std::mem::replace(next, *next + part.records);
            Some((*part, start..*next))
        })
    }
}

/// Where a manifest is: in the entry, or beside the ledger if it is long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "there is one a commit, and the large one is the usual one")]
#[non_exhaustive]
pub enum ManifestAt {
    /// In the entry.
    Here(Manifest),
    /// In an object of its own.
    There {
        /// The key of the object.
        location: String,
        /// The digest of its bytes, as stored.
        sha256: Sha256,
    },
}

/// The documents of a batch. Locators and formats, which repeat, are kept once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentTable {
    locators: Vec<Arc<str>>,
    formats: Vec<Arc<Format>>,
    rows: Vec<Row>,
    /// The readings in which the documents came, each with the index of the first of them. Not of documents that the
    /// silo knows by an id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    readings: Vec<(u32, Sha256)>,
    /// What else the silo told of documents, by their index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    properties: Vec<(u32, Arc<Map<String, Value>>)>,
}

/// Locator, format, offset at the locator, bytes, records, id.
type Row = (u32, u32, u64, u64, u32, Option<Arc<str>>);

/// One document of a batch.
#[derive(Debug, Clone)]
pub struct DocumentRow {
    /// Where it came from.
    pub locator: Arc<str>,
    /// How it divides into records.
    pub format: Arc<Format>,
    /// The byte of the thing at its locator at which it begins.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// Its first byte in the content of the raw object.
    pub content: u64,
    /// The ordinal of its first record in the batch.
    pub first: u32,
    /// Its records.
    pub records: u32,
    /// The id under which the silo knows it.
    pub id: Option<Arc<str>>,
    /// What else the silo told of it.
    pub properties: Option<Arc<Map<String, Value>>>,
    /// The reading in which it came.
    pub(crate) reading: Option<Sha256>,
}

impl DocumentRow {
    /// A document with what the silo and the engine called it when it came.
    pub(crate) fn placed(&self, document: Document) -> Document {
        let document = document.numbered(self.first);
        let document = match &self.id {
            Some(id) => document.with_id(id.clone()),
            None => document,
        };
        let document = match &self.properties {
            Some(properties) => document.with_properties(Arc::clone(properties)),
            None => document,
        };
        match self.reading {
            Some(reading) => document.in_reading(reading),
            None => document,
        }
    }
}

impl DocumentTable {
    pub(crate) fn new<'a>(documents: impl IntoIterator<Item = (&'a Document, u32)>) -> Self {
        let mut table = Self::default();
        for (document, records) in documents {
            let locator = intern(&mut table.locators, document.locator());
            let format = intern(&mut table.formats, document.format());
            let (offset, bytes) = (document.offset(), document.len() as u64);
            if let (None, Some(reading)) = (document.id(), document.reading())
                && table.readings.last().is_none_or(|(_, last)| *last != reading)
            {
                table.readings.push((table.rows.len() as u32, reading));
            }
            if let Some(properties) = document.properties() {
                table.properties.push((table.rows.len() as u32, Arc::clone(properties)));
            }
            table.rows.push((locator, format, offset, bytes, records, document.id().cloned()));
        }
        table
    }

    /// Whether there are no documents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The documents, in order.
    pub fn rows(&self) -> impl Iterator<Item = DocumentRow> + '_ {
        let (mut content, mut first) = (0, 0);
        self.rows.iter().zip(0..).filter_map(move |((locator, format, offset, bytes, records, id), index)| {
            let reading = self.readings[..self.readings.partition_point(|(from, _)| *from <= index)].last();
            let told = self.properties.binary_search_by_key(&index, |(of, _)| *of).ok();
            let row = DocumentRow {
                locator: Arc::clone(self.locators.get(*locator as usize)?),
                format: Arc::clone(self.formats.get(*format as usize)?),
                offset: *offset,
                bytes: *bytes,
                content,
                first,
                records: *records,
                id: id.clone(),
                properties: told.map(|told| Arc::clone(&self.properties[told].1)),
                reading: reading.map(|(_, reading)| *reading),
            };
            content += bytes;
            first += records;
            Some(row)
        })
    }
}

/// The index of a value in a list, adding it if it is not there. Documents of one place come together, so the last
/// one added is looked at first.
fn intern<T: PartialEq + ?Sized>(known: &mut Vec<Arc<T>>, value: &Arc<T>) -> u32 {
    let found = known.iter().rposition(|known| Arc::ptr_eq(known, value) || known == value);
    let index = found.unwrap_or_else(|| {
        known.push(Arc::clone(value));
        known.len() - 1
    });
    u32::try_from(index).unwrap_or(u32::MAX)
}
