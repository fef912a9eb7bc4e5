//! What became of a record, as its entry in the answer.

use std::fmt::Write;
use std::ops::Range;

use base64_simd::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::lake::{Partition, ndjson};
use datalake_core::pipeline::Outcome;
use datalake_core::transform::Draft;
use datalake_core::{Content, Record, RecordError};

use super::decode::Piece;
use super::envelope::Origin;
use super::hop::Hop;
use super::reply::Said;

/// What an entry has besides its data and its keys, with the padding of Base64.
const ENTRY: usize = 32;
/// What a key has, about.
const KEY: usize = 32;

/// Writes the entries of records one after the other, all into one piece of memory.
pub(super) struct Encoder<'a> {
    partitions: &'a [Partition],
    /// `None` to write records as they are.
    hop: Option<&'a Hop>,
    lines: Vec<u8>,
    entries: Vec<u8>,
    /// What became of each record so far.
    ends: Vec<End>,
    keys: String,
    draft: Draft,
}

enum End {
    /// Where its entry is.
    Ok(Range<usize>),
    Dropped,
    Failed(RecordError),
}

impl<'a> Encoder<'a> {
    /// Begins with room for so many records, whose bodies have so many bytes.
    pub(super) fn new(
        partitions: &'a [Partition],
        hop: Option<&'a Hop>,
        (records, bytes): (usize, usize),
    ) -> Self {
        let lines = bytes + records * hop.map_or(1, Hop::usual);
        Self {
            partitions,
            hop,
            lines: Vec::new(),
            entries: Vec::with_capacity(lines / 3 * 4 + records * (ENTRY + partitions.len() * KEY)),
            ends: Vec::with_capacity(records),
            keys: String::new(),
            draft: Draft::new(Bytes::new(), Content::Opaque),
        }
    }

    /// The next record is refused.
    pub(super) fn refuse(&mut self, error: RecordError) {
        self.ends.push(End::Failed(error));
    }

    /// The next record, by what became of its pieces. `arrival` is when Firehose got it.
    pub(super) fn encode(&mut self, pieces: &[(Outcome<'_>, &Piece)], arrival: DateTime<Utc>) {
        let end = self.end(pieces, arrival).unwrap_or_else(End::Failed);
        self.ends.push(end);
    }

    /// What is said of each record.
    pub(super) fn finish(self) -> impl Iterator<Item = Said> {
        let entries = Bytes::from(self.entries);
        self.ends.into_iter().map(move |end| match end {
            End::Ok(range) => Said::Ok(entries.slice(range)),
            End::Dropped => Said::Dropped,
            End::Failed(error) => Said::Failed(error),
        })
    }

    fn end(&mut self, pieces: &[(Outcome<'_>, &Piece)], arrival: DateTime<Utc>) -> Result<End, RecordError> {
        if let Some(rejected) = pieces.iter().find_map(|(outcome, _)| outcome.rejected.first()) {
            return Err(rejected.error.clone());
        }
        self.lines.clear();
        for (outcome, piece) in pieces {
            let origin = piece.opened.as_ref().map(|(_, origin)| origin);
            outcome.records.iter().for_each(|record| self.line(record, origin));
        }
        if self.lines.is_empty() {
            return Ok(End::Dropped);
        }
        self.keys.clear();
        if !self.partitions.is_empty() {
            self.keys(pieces.iter().flat_map(|(outcome, _)| outcome.records), arrival)?;
        }
        let start = self.entries.len();
        self.entries.extend_from_slice(br#","result":"Ok","data":""#);
        STANDARD.encode_append(&self.lines, &mut self.entries);
        self.entries.push(b'"');
        if !self.partitions.is_empty() {
            self.entries.extend_from_slice(br#","metadata":{"partitionKeys":{"#);
            self.entries.extend_from_slice(self.keys.as_bytes());
            self.entries.extend_from_slice(b"}}");
        }
        self.entries.push(b'}');
        Ok(End::Ok(start..self.entries.len()))
    }

    fn line(&mut self, record: &Record, origin: Option<&Origin>) {
        let lines = &mut self.lines;
        match (self.hop, record.content()) {
            (Some(hop), content) => {
                let wrapped = ndjson::open(lines, record.body(), content);
                hop.close(lines, origin, record.origin().child, wrapped);
            }
            (None, Content::Json) => {
                ndjson::one_line(lines, record.body().trim_ascii());
                lines.push(b'\n');
            }
            (None, _) => {
                lines.extend_from_slice(record.body());
                lines.push(b'\n');
            }
        }
    }

    /// Works out the partition keys. One answer has room for one partition, so all records must agree.
    fn keys<'r>(
        &mut self,
        records: impl Iterator<Item = &'r Record>,
        arrival: DateTime<Utc>,
    ) -> Result<(), RecordError> {
        let mut first: Option<String> = None;
        for record in records {
            self.draft.set_content(record.content());
            self.draft.replace(record.body().clone());
            self.keys.clear();
            for partition in self.partitions {
                let value = partition.value(&mut self.draft, arrival)?;
                let comma = if self.keys.is_empty() { "" } else { "," };
                // Neither name nor value holds anything that JSON would escape, and a text takes what is written.
                write!(self.keys, r#"{comma}"{}":"{value}""#, partition.name()).ok();
            }
            match &first {
                Some(first) if *first != self.keys => {
                    let message = "the record became several that belong to different partitions";
                    return Err(RecordError::new("partition", message));
                }
                Some(_) => {}
                None => first = Some(self.keys.clone()),
            }
        }
        Ok(())
    }
}
