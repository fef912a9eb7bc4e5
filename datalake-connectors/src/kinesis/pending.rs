//! What has been read and not yet given.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use datalake_aws::kpl::disaggregate;
use datalake_core::{Document, Format};

use super::client::{Page, Read};
use super::place::{After, Place, Places};

/// The most documents of a batch.
const DOCUMENTS: usize = 65_535;

/// One step of a shard: a record of a user, or a place that moves without one.
#[derive(Debug)]
pub(super) struct Step {
    shard: Arc<str>,
    place: Place,
    record: Option<(String, Bytes)>,
}

/// Steps in the order in which they are given.
#[derive(Debug, Default)]
pub(super) struct Pending {
    steps: VecDeque<Step>,
    /// Requests that brought records since the last batch.
    pub(super) requests: Vec<String>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A place moves, and there is no record.
    pub(super) fn moved(&mut self, shard: &str, place: Place) {
        self.steps.push_back(Step { shard: shard.into(), place, record: None });
    }

    /// The records of an answer, aggregates taken apart. `after` is the place at which the answer begins: records up to it
    /// are left out. `now` is the time, if nothing newer is there.
    pub(super) fn take(&mut self, shard: &str, after: Option<&After>, page: Page, now: Option<i64>) {
        let shard: Arc<str> = shard.into();
        let last = page.records.len().saturating_sub(1);
        if !page.records.is_empty() {
            self.requests.extend(page.request);
        }
        for (index, read) in page.records.into_iter().enumerate() {
            let from = match after.filter(|after| after.sequence == read.sequence) {
                Some(After { sub: None, .. }) => continue,
                Some(After { sub: Some(given), .. }) => given + 1,
                None => 0,
            };
            let seen = now.filter(|_| index == last).unwrap_or(read.arrived);
            self.record(&shard, read, from, seen);
        }
    }

    fn record(&mut self, shard: &Arc<str>, read: Read, from: usize, seen: i64) {
        let Read { sequence, data, .. } = read;
        let mut push = |sub, id, data| {
            let place = Place::After(After { sequence: sequence.clone(), sub, seen });
            self.steps.push_back(Step { shard: Arc::clone(shard), place, record: Some((id, data)) });
        };
        match disaggregate(&data).filter(|parts| !parts.is_empty()) {
            None => push(None, sequence.clone(), data),
            Some(parts) => {
                let count = parts.len();
                for (sub, part) in parts.into_iter().enumerate().skip(from) {
                    push((sub + 1 < count).then_some(sub), format!("{sequence}.{sub}"), part.data);
                }
            }
        }
    }

    /// Documents up to a bound in bytes, and the places after them.
    pub(super) fn give(
        &mut self,
        places: &mut Places,
        locator: &str,
        format: &Arc<Format>,
        most: usize,
    ) -> Vec<Document> {
        let mut documents = Vec::new();
        let mut bytes = 0;
        while let Some(step) = self.steps.front() {
            if let Some((_, data)) = &step.record {
                if !documents.is_empty() && (bytes + data.len() > most || documents.len() == DOCUMENTS) {
                    break;
                }
                bytes += data.len();
            }
            let Some(Step { shard, place, record }) = self.steps.pop_front() else { break };
            if let Some((id, data)) = record {
                let at = format!("{locator}/{shard}");
                documents.push(Document::new(data, at, Arc::clone(format)).with_id(id));
            }
            places.shards.insert(shard.to_string(), place);
        }
        documents
    }
}
