//! Batches joined to the size that the sinks like.

use std::time::Duration;

use tokio::time::Instant;

use super::chain::Transformed;
use crate::document::Document;
use crate::envelope::{Acquired, Derived, Hop, Request};
use crate::position::Position;
use crate::record::Record;
use crate::records::{Counts, Rejected};
use crate::source::SourceInfo;

/// Source batches that share a commit.
pub(super) struct Group {
    pub(super) documents: Vec<Document>,
    pub(super) cut: Vec<u32>,
    pub(super) records: Vec<Record>,
    pub(super) rejected: Vec<Rejected>,
    /// All but `written` and `quarantined`, which only the sinks decide.
    pub(super) counts: Counts,
    pub(super) hops: Vec<Hop>,
    pub(super) acquired: Acquired,
    pub(super) requests: Vec<Request>,
    pub(super) derived_from: Vec<Derived>,
    pub(super) position: Position,
    /// The bytes of the documents.
    pub(super) bytes_in: usize,
    /// The source batches in it.
    pub(super) batches: usize,
    /// The bytes of the records.
    bytes: usize,
    /// The same two of the batch that came last.
    last: (usize, usize),
    opened: Instant,
}

impl Group {
    pub(super) fn new(transformed: Transformed) -> Self {
        let Transformed { documents, cut, records, hops, acquired, requests, derived_from, position } =
            transformed;
        let mut group = Self {
            documents: Vec::new(),
            cut: Vec::new(),
            records: Vec::new(),
            rejected: Vec::new(),
            counts: Counts::default(),
            hops: Vec::new(),
            acquired,
            requests: Vec::new(),
            derived_from: Vec::new(),
            position: position.clone(),
            bytes_in: 0,
            batches: 0,
            bytes: 0,
            last: (0, 0),
            opened: Instant::now(),
        };
        group.absorb(Transformed {
            documents,
            cut,
            records,
            hops,
            acquired,
            requests,
            derived_from,
            position,
        });
        group
    }

    /// Adds the next source batch. Its records are numbered after ours.
    pub(super) fn absorb(&mut self, next: Transformed) {
        let Transformed { documents, cut, mut records, hops, acquired, requests, derived_from, position } =
            next;
        let (ordinals, index) = (self.counts.read as u32, self.documents.len() as u16);
        if ordinals > 0 || index > 0 {
            for record in &mut records.records {
                let origin = record.origin_mut();
                origin.ordinal += ordinals;
                origin.document += index;
            }
            for rejected in &mut records.rejected {
                rejected.origin.ordinal += ordinals;
                rejected.origin.document += index;
            }
        }
        self.counts.read += cut.iter().map(|&n| u64::from(n)).sum::<u64>();
        self.counts.expanded += records.expanded;
        self.counts.filtered += records.filtered;
        self.counts.merged += records.merged;
        let bytes_in = documents.iter().map(Document::len).sum::<usize>();
        let bytes = records.iter().map(|record| record.body().len()).sum::<usize>();
        self.bytes_in += bytes_in;
        self.bytes += bytes;
        self.last = (bytes_in, bytes);
        self.documents.extend(documents.iter().cloned());
        self.cut.extend(cut);
        if self.records.is_empty() {
            self.records = records.records;
        } else {
            self.records.append(&mut records.records);
        }
        self.rejected.append(&mut records.rejected);
        if self.hops.is_empty() {
            self.hops = hops;
        } else {
            self.hops.iter_mut().zip(&hops).for_each(|(mine, next)| mine.absorb(next));
        }
        self.acquired.end = self.acquired.end.max(acquired.end);
        self.requests.extend(requests);
        for object in derived_from {
            if self.derived_from.last() != Some(&object) {
                self.derived_from.push(object);
            }
        }
        self.position = position;
        self.batches += 1;
    }
}

/// When a group is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    bytes: usize,
    records: usize,
    bytes_in: usize,
    documents: usize,
    within: Duration,
}

impl Limits {
    pub(super) fn new(
        options: &super::Options,
        info: &SourceInfo,
        targets: impl Iterator<Item = (usize, usize)>,
    ) -> Self {
        let (bytes, records) =
            targets.fold((usize::MAX, usize::MAX), |least, next| (least.0.min(next.0), least.1.min(next.1)));
        let share = if records == usize::MAX && bytes == usize::MAX { 1 } else { 4 };
        let bytes = options.target_bytes.unwrap_or(if bytes == usize::MAX { 8 << 20 } else { bytes });
        Self {
            bytes,
            records,
            // Transforms may leave few records of many bytes; without a sink there are only bytes.
            bytes_in: bytes.saturating_mul(share).min(options.bytes_in_flight / 2).max(1),
            documents: info.window.unwrap_or(usize::MAX).min(1 << 15),
            within: info.commit_within.unwrap_or(options.commit_within).min(options.commit_within),
        }
    }

    /// Whether the group has about what the sinks like, or as much as may wait: with one more batch like the last it
    /// would be farther from it than it is. A source that cuts its documents just short of a size would else have a
    /// batch too many in every group.
    pub(super) fn reached(&self, group: &Group) -> bool {
        let (last_in, last) = group.last;
        group.bytes.saturating_add(last / 2) >= self.bytes
            || group.records.len() >= self.records
            || group.bytes_in.saturating_add(last_in / 2) >= self.bytes_in
            || group.documents.len() >= self.documents
    }

    /// Whether the next source batch still fits what a batch can number.
    pub(super) fn fits(group: &Group, next: &Transformed) -> bool {
        let documents = group.documents.len() + next.documents.len();
        let read = group.counts.read + next.cut.iter().map(|&n| u64::from(n)).sum::<u64>();
        documents <= usize::from(u16::MAX) && read <= u64::from(u32::MAX)
    }

    /// When the group must be written at the latest.
    pub(super) fn deadline(&self, group: &Group) -> Instant {
        group.opened + self.within
    }
}
