//! From a record back to its raw bytes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::layout::Zone;
use super::line::QuarantineLine;
use super::view::{Object, View};
use super::{Lake, stamp};
use crate::document::Document;
use crate::envelope::{Envelope, Worker};
use crate::format::Format;
use crate::id::{PipelineId, RecordId};
use crate::ledger::{Commit, CommitKind, Ledger, Manifest};
use crate::split::Decoders;
use crate::{Error, ErrorKind, Result};

/// How many objects and documents a [`Tracer`] remembers.
const REMEMBERED: usize = 8;

/// Where a record came from, what was made of it, and where it is now.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// The record.
    pub record: RecordId,
    /// The commit that acquired it.
    pub commit: u64,
    /// When that commit was made.
    pub committed_at: DateTime<Utc>,
    /// Where the batch came from, when, by whom it was acquired, and by what it was changed. The changes are those of
    /// the commit that made the record as it is now; the rest is of the one that acquired it.
    pub envelope: Envelope,
    /// Who made the record as it is now, where it was replayed or rebuilt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remade: Option<Remade>,
    /// Where the document came from.
    pub locator: String,
    /// The id under which the silo knows the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// What else the silo told of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<Arc<Map<String, Value>>>,
    /// How the document divides into records.
    pub format: Format,
    /// The first byte of the record in the thing at the locator. Of the whole document, if its format needs a decoder
    /// that the lake [was not given](Lake::with_decoders).
    pub offset: u64,
    /// The length of the record there, in bytes.
    pub length: u64,
    /// The object in the raw zone that holds the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_object: Option<String>,
    /// The first byte of the record in the decompressed content of that object.
    pub raw_offset: u64,
    /// The bytes of the record as they were acquired, if documents are kept.
    #[serde(skip)]
    pub raw: Option<Bytes>,
    /// The record as it is in the curated zone now; several where it became several, none where it was filtered or
    /// refused.
    pub curated: Vec<CuratedAt>,
    /// The record in quarantine, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<QuarantineLine>,
}

/// The commit of a replay or a rebuild.
#[derive(Debug, Clone, Serialize)]
pub struct Remade {
    /// Its number.
    pub commit: u64,
    /// When it was made.
    pub committed_at: DateTime<Utc>,
    /// What it was for.
    pub kind: CommitKind,
    /// The run that made it.
    pub run: String,
    /// The worker that made it.
    pub worker: Arc<Worker>,
}

/// A record in the curated zone.
#[derive(Debug, Clone, Serialize)]
pub struct CuratedAt {
    /// The record.
    pub record: RecordId,
    /// The object.
    pub object: String,
    /// The line, without its line end.
    #[serde(serialize_with = "as_text")]
    pub line: Bytes,
}

fn as_text<S: serde::Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

/// Traces records of one pipeline, remembering the last objects it has read.
#[derive(Debug)]
pub struct Tracer {
    lake: Lake,
    view: View,
    commits: Recent<u64, Arc<(Commit, Manifest)>>,
    documents: Recent<(u64, u64), Arc<Pieces>>,
    objects: Recent<String, Arc<Lines>>,
}

/// A document and the records in it.
#[derive(Debug)]
struct Pieces {
    document: Document,
    /// None if they cannot be told.
    ranges: Option<Vec<Range<usize>>>,
}

/// An object of lines and where each record is in it, by batch, ordinal and child, and which commit made it.
#[derive(Debug)]
struct Lines {
    content: Bytes,
    at: BTreeMap<(u64, u32, u16), (Range<usize>, u64)>,
}

impl Tracer {
    pub(super) async fn new(lake: Lake, pipeline: &PipelineId) -> Result<Self> {
        let view = lake.view(pipeline).await?;
        Ok(Self { lake, view, commits: Recent::new(), documents: Recent::new(), objects: Recent::new() })
    }

    /// Traces a record. An id without a child number traces all that the record became.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such record.
    pub async fn trace(&mut self, record: &RecordId) -> Result<Trace> {
        let missing = || Error::new(ErrorKind::NotFound, "there is no such record").with("record", record);
        if record.batch.pipeline != self.view.pipeline {
            return Err(missing());
        }
        let found = self.commit_of(record.batch.number).await?.ok_or_else(missing)?;
        let (commit, manifest) = &*found;
        let mut rows = manifest.documents.rows();
        let row = rows
            .find(|row| (row.first..row.first + row.records).contains(&record.ordinal))
            .ok_or_else(missing)?;

        let mut trace = Trace {
            record: record.clone(),
            commit: commit.seq,
            committed_at: commit.committed_at,
            envelope: commit.envelope.clone(),
            remade: None,
            locator: row.locator.to_string(),
            document_id: row.id.as_deref().map(str::to_owned),
            properties: row.properties.clone(),
            format: (*row.format).clone(),
            offset: row.offset,
            length: row.bytes,
            raw_object: manifest.raw.as_ref().map(|raw| raw.location.clone()),
            raw_offset: row.content,
            raw: None,
            curated: Vec::new(),
            quarantined: None,
        };
        if manifest.raw.is_some() {
            let key = (commit.seq, row.content);
            let pieces = match self.documents.find(&key) {
                Some(pieces) => pieces,
                None => {
                    let document = self.lake.document(manifest, &row).await?;
                    self.documents.add(key, Arc::new(Pieces::cut(document, &self.lake.decoders)))
                }
            };
            let range = pieces.range((record.ordinal - row.first) as usize).ok_or_else(missing)?;
            trace.offset = row.offset + range.start as u64;
            trace.length = range.len() as u64;
            trace.raw_offset = row.content + range.start as u64;
            trace.raw = Some(pieces.document.bytes().slice(range));
        }
        self.places(record, &mut trace).await?;
        Ok(trace)
    }

    /// Finds the record in the curated zone and in quarantine.
    async fn places(&mut self, record: &RecordId, trace: &mut Trace) -> Result<()> {
        let objects: Vec<Object> = self.view.of_batch(record.batch.number).cloned().collect();
        for object in objects.into_iter().filter(|object| object.zone != Zone::Raw) {
            let lines = match self.objects.find(&object.location) {
                Some(lines) => lines,
                None => {
                    let lines = Arc::new(Lines::read(self.lake.content(&object).await?, &object));
                    self.objects.add(object.location.clone(), lines)
                }
            };
            for (child, range, seq) in lines.find(record) {
                let line = lines.content.slice(range);
                if object.zone == Zone::Quarantine {
                    trace.quarantined = Some(QuarantineLine::parse(&line)?);
                } else {
                    let record = RecordId { child, ..record.clone() };
                    trace.curated.push(CuratedAt { record, object: object.location.clone(), line });
                }
                if seq != trace.commit {
                    let made = self.lake.ledger().entry(&self.view.pipeline, seq).await?.commit;
                    trace.envelope.hops = made.envelope.hops;
                    trace.remade = Some(Remade {
                        commit: seq,
                        committed_at: made.committed_at,
                        kind: made.kind,
                        run: made.envelope.run,
                        worker: made.envelope.worker,
                    });
                }
            }
        }
        Ok(())
    }

    /// The commit that acquired a batch. Batches are counted in every commit, so it is found by bisection.
    async fn commit_of(&mut self, batch: u64) -> Result<Option<Arc<(Commit, Manifest)>>> {
        if batch == 0 || batch > self.view.batches {
            return Ok(None);
        }
        if let Some(found) = self.commits.find(&batch) {
            return Ok(Some(found));
        }
        let ledger = self.lake.ledger();
        let (mut low, mut high) = (batch, self.view.seq);
        let commit = loop {
            let probe = if low == batch { low } else { low + (high - low) / 2 };
            let commit = ledger.entry(&self.view.pipeline, probe).await?.commit;
            if commit.batch == batch && commit.kind == CommitKind::Data {
                break commit;
            }
            if commit.batches < batch {
                low = probe + 1;
            } else {
                high = probe - 1;
            }
            if low > high {
                return Ok(None);
            }
        };
        let manifest = ledger.manifest(&commit).await?;
        Ok(Some(self.commits.add(batch, Arc::new((commit, manifest)))))
    }
}

impl Pieces {
    fn cut(document: Document, decoders: &Decoders) -> Self {
        let ranges = decoders.know(document.format()).then(|| {
            let mut ranges = Vec::new();
            decoders.split(&document, |piece| ranges.push(piece.range));
            ranges
        });
        Self { document, ranges }
    }

    fn range(&self, record: usize) -> Option<Range<usize>> {
        match &self.ranges {
            Some(ranges) => ranges.get(record).cloned(),
            None => Some(0..self.document.len()),
        }
    }
}

impl Lines {
    fn read(content: Bytes, object: &Object) -> Self {
        let mut at = BTreeMap::new();
        let mut start = 0;
        let made = object.live().flat_map(|(part, rows)| rows.map(move |_| part.seq));
        let mut made = made.chain(std::iter::repeat(object.seq));
        for end in memchr::memchr_iter(b'\n', &content) {
            let line = &content[start..end];
            let id = match object.zone {
                Zone::Quarantine => QuarantineLine::parse(line).ok().map(|line| line.id),
                _ => stamp::read(line).map(|(_, id)| id),
            };
            if let (Some(id), Some(seq)) = (id, made.next()) {
                at.insert((id.batch.number, id.ordinal, id.child), (start..end, seq));
            }
            start = end + 1;
        }
        Self { content, at }
    }

    /// A record and its children, or the one child that is asked for.
    fn find(&self, record: &RecordId) -> Vec<(u16, Range<usize>, u64)> {
        let (batch, ordinal) = (record.batch.number, record.ordinal);
        let children = match record.child {
            0 => 0..=u16::MAX,
            child => child..=child,
        };
        let family = self.at.range((batch, ordinal, *children.start())..=(batch, ordinal, *children.end()));
        family.map(|((.., child), (at, seq))| (*child, at.clone(), *seq)).collect()
    }
}

/// The last few things that were looked up.
#[derive(Debug)]
struct Recent<K, V>(VecDeque<(K, V)>);

impl<K: PartialEq, V: Clone> Recent<K, V> {
    fn new() -> Self {
        Self(VecDeque::new())
    }

    fn find(&self, key: &K) -> Option<V> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    fn add(&mut self, key: K, value: V) -> V {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((key, value.clone()));
        value
    }
}
