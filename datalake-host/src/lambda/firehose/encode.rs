//! What became of a record, as its entry in the answer.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use base64_simd::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::lake::{Partition, ndjson};
use datalake_core::pipeline::Outcome;
use datalake_core::transform::Draft;
use datalake_core::{BufferPool, Content, Record, RecordError};

use super::decode::Piece;
use super::entry::{self, END, START};
use super::envelope::Origin;
use super::hop::Hop;
use super::reply::Said;

/// What a key has, about.
const KEY: usize = 32;

/// Writes what became of records, one after the other, as the text of an answer.
pub(super) struct Encoder<'a> {
    partitions: &'a [Partition],
    /// `None` to write records as they are.
    hop: Option<&'a Hop>,
    lines: Vec<u8>,
    told: Told,
    keys: String,
    draft: Draft,
}

/// What became of some records.
pub(super) struct Told {
    /// An answer that lacks its end, if these are all the records.
    text: Vec<u8>,
    ends: Vec<End>,
}

enum End {
    /// Where its entry goes on after the id.
    Ok(Range<usize>),
    Dropped,
    Failed {
        error: RecordError,
        /// Whether the data it came with is Base64, and so a text that JSON can hold as it is.
        sound: bool,
    },
}

impl Told {
    /// What is said of each record.
    pub(super) fn said(&self) -> impl Iterator<Item = Said<'_>> {
        self.ends.iter().map(|end| match end {
            End::Ok(range) => Said::Ok(&self.text[range.clone()]),
            End::Dropped => Said::Dropped,
            End::Failed { error, .. } => Said::Failed(Cow::Borrowed(error)),
        })
    }

    /// Of each record, whether the data it came with can be handed back.
    pub(super) fn sound(&self) -> impl Iterator<Item = bool> {
        self.ends.iter().map(|end| !matches!(end, End::Failed { sound: false, .. }))
    }

    /// The bytes of the answer of them all.
    pub(super) fn bytes(all: &[Self]) -> usize {
        let entries = |told: &Self| 1 + told.text.len() - START.len();
        START.len() + all.iter().map(entries).sum::<usize>() + END.len()
    }

    /// The answer of them all.
    pub(super) fn together(mut all: Vec<Self>, pool: &BufferPool) -> Vec<u8> {
        let mut answer = if let [one] = &mut all[..] {
            std::mem::take(&mut one.text)
        } else {
            let mut answer = pool.take(Self::bytes(&all));
            answer.extend_from_slice(START);
            for (n, told) in all.into_iter().enumerate() {
                answer.extend_from_slice(if n > 0 { b"," } else { b"" });
                answer.extend_from_slice(&told.text[START.len()..]);
                pool.give(told.text);
            }
            answer
        };
        answer.extend_from_slice(END);
        answer
    }
}

impl<'a> Encoder<'a> {
    /// Begins with room for so many records, whose ids and data have so many bytes in the event.
    pub(super) fn new(
        partitions: &'a [Partition],
        hop: Option<&'a Hop>,
        (records, bytes): (usize, usize),
        pool: &BufferPool,
    ) -> Self {
        let more = entry::USUAL + hop.map_or(0, Hop::usual).div_ceil(3) * 4 + partitions.len() * KEY;
        let mut text = pool.take(START.len() + bytes + records * more + END.len());
        text.extend_from_slice(START);
        Self {
            partitions,
            hop,
            lines: Vec::new(),
            told: Told { text, ends: Vec::with_capacity(records) },
            keys: String::new(),
            draft: Draft::new(Bytes::new(), Content::Opaque),
        }
    }

    /// The record with this id is refused, for what is wrong with the data it came with: `came`, or `None` if that is
    /// no text that JSON can hold as it is.
    pub(super) fn refuse(&mut self, id: &[u8], came: Option<&[u8]>, error: RecordError) {
        entry::open(&mut self.told.text, id);
        self.fail(came, error);
    }

    /// The record with this id, by what became of its pieces. `came` is its data as it came, and `arrival` when Firehose
    /// got it.
    pub(super) fn encode(
        &mut self,
        (id, came): (&[u8], &[u8]),
        pieces: &[(Outcome<'_>, &Piece)],
        arrival: DateTime<Utc>,
    ) {
        entry::open(&mut self.told.text, id);
        match self.end(pieces, arrival) {
            Ok(end) => self.told.ends.push(end),
            Err(error) => self.fail(Some(came), error),
        }
    }

    fn fail(&mut self, came: Option<&[u8]>, error: RecordError) {
        entry::failed(&mut self.told.text, came.unwrap_or_default());
        self.told.ends.push(End::Failed { error, sound: came.is_some() });
    }

    /// What became of the records.
    pub(super) fn finish(self) -> Told {
        self.told
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
            entry::dropped(&mut self.told.text);
            return Ok(End::Dropped);
        }
        self.keys.clear();
        if !self.partitions.is_empty() {
            self.keys(pieces.iter().flat_map(|(outcome, _)| outcome.records), arrival)?;
        }
        let text = &mut self.told.text;
        let start = text.len();
        text.extend_from_slice(br#","result":"Ok","data":""#);
        STANDARD.encode_append(&self.lines, text);
        text.push(b'"');
        if !self.partitions.is_empty() {
            text.extend_from_slice(br#","metadata":{"partitionKeys":{"#);
            text.extend_from_slice(self.keys.as_bytes());
            text.extend_from_slice(b"}}");
        }
        text.push(b'}');
        Ok(End::Ok(start..text.len()))
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
