//! What became of a record, as its entry in the answer.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

/// Writes entries; its memory is used again from record to record.
pub(super) struct Encoder<'a> {
    partitions: &'a [Partition],
    /// `None` to write records as they are.
    hop: Option<&'a Hop>,
    lines: Vec<u8>,
    entry: String,
    keys: String,
    draft: Draft,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(partitions: &'a [Partition], hop: Option<&'a Hop>) -> Self {
        Self {
            partitions,
            hop,
            lines: Vec::new(),
            entry: String::new(),
            keys: String::new(),
            draft: Draft::new(Bytes::new(), Content::Opaque),
        }
    }

    /// The entry of a record, by what became of its pieces. `arrival` is when Firehose got it.
    pub(super) fn encode(&mut self, pieces: &[(Outcome<'_>, &Piece)], arrival: DateTime<Utc>) -> Said {
        if let Some(rejected) = pieces.iter().find_map(|(outcome, _)| outcome.rejected.first()) {
            return Said::Failed(rejected.error.clone());
        }
        self.lines.clear();
        for (outcome, piece) in pieces {
            let origin = piece.opened.as_ref().map(|(_, origin)| origin);
            outcome.records.iter().for_each(|record| self.line(record, origin));
        }
        if self.lines.is_empty() {
            return Said::Dropped;
        }
        self.entry.clear();
        self.entry.push_str(r#","result":"Ok","data":""#);
        STANDARD.encode_string(&self.lines, &mut self.entry);
        self.entry.push('"');
        if !self.partitions.is_empty() {
            let records = pieces.iter().flat_map(|(outcome, _)| outcome.records);
            if let Err(error) = self.keys(records, arrival) {
                return Said::Failed(error);
            }
            self.entry.push_str(r#","metadata":{"partitionKeys":{"#);
            self.entry.push_str(&self.keys);
            self.entry.push_str("}}");
        }
        self.entry.push('}');
        Said::Ok(Bytes::copy_from_slice(self.entry.as_bytes()))
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
