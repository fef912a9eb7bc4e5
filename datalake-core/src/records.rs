//! The records of a batch on their way through the transforms, with the books kept.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::RecordError;
use crate::document::Document;
use crate::record::{Record, RecordRef};
use crate::transform::Checker;

/// The transform at which a record was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The number of the transform in the pipeline, from 1; 0 for the parser before the first.
    pub n: u32,
    /// The name of the transform, or of the sink.
    pub name: String,
    /// The version of the transform.
    pub version: String,
}

/// A record that was refused and goes to quarantine.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Where the record came from.
    pub origin: RecordRef,
    /// Who refused it.
    pub step: Arc<Step>,
    /// Why.
    pub error: RecordError,
}

/// How many records went where.
///
/// `read + expanded = written + filtered + quarantined + merged`, or the ledger refuses the commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records cut from the documents.
    pub read: u64,
    /// Records added because one became several.
    pub expanded: u64,
    /// Records that every sink has made durable.
    pub written: u64,
    /// Records that a transform left out on purpose.
    pub filtered: u64,
    /// Records that were refused and kept.
    pub quarantined: u64,
    /// Records that went up in others.
    pub merged: u64,
}

impl Counts {
    /// Whether every record is accounted for.
    #[must_use]
    pub fn balance(&self) -> bool {
        self.read + self.expanded == self.written + self.filtered + self.quarantined + self.merged
    }

    /// Adds another set of counts.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.expanded += other.expanded;
        self.written += other.written;
        self.filtered += other.filtered;
        self.quarantined += other.quarantined;
        self.merged += other.merged;
    }
}

/// The records of a batch on their way through the transforms.
///
/// A record leaves only in one of two ways, and both are counted: it is filtered, or it is rejected and kept in
/// quarantine. There is no way to drop one unseen: the set of records is changed only by these methods.
#[derive(Debug, Clone)]
pub struct Records {
    documents: Arc<[Document]>,
    pub(crate) records: Vec<Record>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) filtered: u64,
    pub(crate) expanded: u64,
    pub(crate) merged: u64,
    step: Arc<Step>,
}

impl Records {
    pub(crate) fn new(documents: Arc<[Document]>, records: Vec<Record>, step: Arc<Step>) -> Self {
        Self { documents, records, rejected: Vec::new(), filtered: 0, expanded: 0, merged: 0, step }
    }

    pub(crate) fn enter(&mut self, step: Arc<Step>) {
        self.step = step;
    }

    pub(crate) fn step(&self) -> &Arc<Step> {
        &self.step
    }

    /// The number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Record> {
        self.records.iter()
    }

    /// The documents the records came from.
    #[must_use]
    pub fn documents(&self) -> &Arc<[Document]> {
        &self.documents
    }

    /// The document a record came from.
    #[must_use]
    pub fn document_of(&self, record: &Record) -> &Document {
        &self.documents[usize::from(record.origin().document)]
    }

    /// The records refused so far.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// Changes each record, or refuses it. Order is kept.
    pub fn try_map(&mut self, mut change: impl FnMut(Record) -> Result<Record, RecordError>) {
        self.try_filter_map(|record| change(record).map(Some));
    }

    /// Keeps the records for which the predicate holds; the others count as filtered. Order is kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&Record) -> bool) {
        let before = self.records.len();
        self.records.retain(|record| keep(record));
        self.filtered += (before - self.records.len()) as u64;
    }

    /// Changes each record, filters it (`None`) or refuses it (`Err`). Order is kept. A record whose content is JSON
    /// and whose bytes are no longer is refused.
    pub fn try_filter_map(&mut self, mut change: impl FnMut(Record) -> Result<Option<Record>, RecordError>) {
        let records = std::mem::take(&mut self.records);
        self.records.reserve(records.len());
        let mut checker = Checker::default();
        for record in records {
            let (origin, before) = (record.origin(), (record.content(), record.body().as_ptr_range()));
            let checked = change(record).and_then(|changed| match changed {
                Some(changed) if before == (changed.content(), changed.body().as_ptr_range()) => {
                    Ok(Some(changed))
                }
                Some(changed) => checker.check(changed).map(Some),
                None => Ok(None),
            });
            match checked {
                Ok(Some(changed)) => {
                    let (body, _, content) = changed.into_parts();
                    self.records.push(Record::new(body, origin, content));
                }
                Ok(None) => self.filtered += 1,
                Err(error) => self.reject(origin, error),
            }
        }
    }

    /// Makes any number of records of each, or refuses it. None counts as filtered; more than one are numbered as
    /// children of the record they came from. Order is kept. If one of them should be JSON and is not, the record they
    /// came from is refused.
    pub fn try_flat_map(&mut self, mut change: impl FnMut(&Record) -> Result<Vec<Bytes>, RecordError>) {
        let records = std::mem::take(&mut self.records);
        let mut family = (None, 0_u32);
        let mut checker = Checker::default();
        for record in records {
            let origin = record.origin();
            if family.0 != Some(origin.ordinal) {
                family = (Some(origin.ordinal), 0);
            }
            let content = record.content();
            let child = |body| checker.check(Record::new(body, origin, content));
            let children = change(&record)
                .and_then(|bodies| bodies.into_iter().map(child).collect::<Result<Vec<_>, _>>());
            let children = match children {
                Ok(children) => children,
                Err(error) => {
                    self.reject(origin, error);
                    continue;
                }
            };
            if family.1 as usize + children.len() > usize::from(u16::MAX) {
                let message = format!("one record became more than {} records", u16::MAX);
                self.reject(origin, RecordError::new("too-many-children", message));
                continue;
            }
            match children.len() {
                0 => self.filtered += 1,
                n => self.expanded += n as u64 - 1,
            }
            let alone = children.len() == 1 && origin.child == 0;
            for mut child in children {
                family.1 += 1;
                child.origin_mut().child = if alone { 0 } else { family.1 as u16 };
                self.records.push(child);
            }
        }
    }

    pub(crate) fn reject(&mut self, origin: RecordRef, error: RecordError) {
        self.rejected.push(Rejected { origin, step: Arc::clone(&self.step), error });
    }

    pub(crate) fn reject_at(&mut self, step: &Arc<Step>, origin: RecordRef, error: RecordError) {
        self.rejected.push(Rejected { origin, step: Arc::clone(step), error });
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = &'a Record;
    type IntoIter = std::slice::Iter<'a, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
