//! A batch on its way through splitter and transforms.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::ambient::Ambient;
use crate::digest::Sha256;
use crate::document::Document;
use crate::envelope::{Acquired, Derived, Hop, Request, config_digest};
use crate::id::PipelineId;
use crate::position::Position;
use crate::record::{Record, RecordRef};
use crate::records::{Records, Step};
use crate::retry::Retry;
use crate::split::Decoders;
use crate::transform::{Tally, Transform, run};
use crate::{Error, ErrorKind, Result};

type Link = (Arc<Step>, Arc<dyn Transform>);

/// The transforms of a pipeline, in stretches that run in one pass each.
#[derive(Clone)]
pub(super) struct Chain {
    decoders: Decoders,
    parse: Arc<Step>,
    /// Record transforms before any other, which share the pass of the parser.
    first: Arc<[Link]>,
    rest: Vec<Stretch>,
    /// The digest of the settings of each step, by its number.
    configs: Arc<[Option<Sha256>]>,
    ordered: bool,
    /// There is no sink to look at the records: they are counted and not parsed.
    count_only: bool,
}

#[derive(Clone)]
enum Stretch {
    Fused(Arc<[Link]>),
    Whole(Link),
}

/// What transforms run with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) id: &'a PipelineId,
    pub(super) retry: &'a Retry,
    pub(super) ambient: &'a Ambient,
}

/// A source batch after the last transform.
pub(super) struct Transformed {
    pub(super) documents: Arc<[Document]>,
    /// The records of each document.
    pub(super) cut: Vec<u32>,
    pub(super) records: Records,
    pub(super) hops: Vec<Hop>,
    pub(super) acquired: Acquired,
    pub(super) requests: Vec<Request>,
    pub(super) derived_from: Vec<Derived>,
    pub(super) position: Position,
}

/// A batch as the source gave it, or as the raw zone gives it back.
pub(super) struct Untouched {
    pub(super) documents: Vec<Document>,
    pub(super) acquired: Acquired,
    pub(super) requests: Vec<Request>,
    pub(super) derived_from: Vec<Derived>,
    pub(super) position: Position,
}

impl Chain {
    pub(super) fn new(decoders: Decoders, transforms: Vec<Arc<dyn Transform>>, without_sink: bool) -> Self {
        let count_only = without_sink && transforms.is_empty();
        let ordered = transforms.iter().any(|transform| transform.ordered());
        let parse = Arc::new(Step { n: 0, name: "parse".into(), version: "1".into() });
        let config = |transform: &Arc<dyn Transform>| config_digest(&transform.config());
        let configs = std::iter::once(None).chain(transforms.iter().map(config)).collect();
        let mut stretches: Vec<Vec<Link>> = vec![Vec::new()];
        for (n, transform) in (1..).zip(transforms) {
            let (name, version) = (transform.name().to_owned(), transform.version().to_owned());
            let link = (Arc::new(Step { n, name, version }), transform);
            match stretches.last_mut() {
                Some(last) if is_fused(&link) && last.iter().all(is_fused) => last.push(link),
                _ => stretches.push(vec![link]),
            }
        }
        let mut stretches = stretches.into_iter();
        let first = stretches.next().unwrap_or_default().into();
        let rest = stretches
            .map(|mut links| match links.pop() {
                Some(link) if links.is_empty() && !is_fused(&link) => Stretch::Whole(link),
                link => Stretch::Fused(links.into_iter().chain(link).collect()),
            })
            .collect();
        Self { decoders, parse, first, rest, configs, ordered, count_only }
    }

    /// The same transforms, for records that are always looked at.
    pub(super) fn looking(&self) -> Self {
        Self { count_only: false, ..self.clone() }
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        let rest = self.rest.iter().flat_map(|stretch| match stretch {
            Stretch::Fused(links) => links.iter(),
            Stretch::Whole(link) => std::slice::from_ref(link).iter(),
        });
        self.first.iter().chain(rest)
    }

    pub(super) fn describe(&self) -> Value {
        let links = self.links().map(|(step, transform)| {
            json!({ "name": step.name, "version": step.version, "config": transform.config() })
        });
        links.collect()
    }

    /// Whether the records of a document can be told.
    pub(super) fn knows(&self, document: &Document) -> bool {
        self.decoders.know(document.format())
    }

    /// Whether batches must go through one after the other.
    pub(super) fn ordered(&self) -> bool {
        self.ordered
    }

    pub(super) fn reset(&self) {
        self.links().for_each(|(_, transform)| transform.reset());
    }

    /// Whether all that is to be done is done by [`begin`](Self::begin).
    pub(super) fn is_immediate(&self) -> bool {
        self.rest.is_empty() && !self.ordered
    }

    /// Cuts a batch, and takes it through the transforms that share the pass of the parser, in this thread.
    pub(super) fn begin(&self, ambient: &Ambient, batch: Untouched) -> Result<Transformed> {
        let Untouched { documents, acquired, requests, derived_from, position } = batch;
        let documents: Arc<[Document]> = documents.into();
        check_size(&documents)?;
        let start = ambient.now();
        let (mut records, mut hops) =
            (Records::new(Arc::clone(&documents), Vec::new(), Arc::clone(&self.parse)), Vec::new());
        let cut = if self.count_only {
            documents.iter().map(|document| self.decoders.count(document)).collect()
        } else {
            let cut = cut_records(&self.decoders, &mut records);
            let before = records.rejected.len() as u64;
            let mut tallies = run(&mut records, Some(&self.parse), &self.first);
            if let Some(parsed) = tallies.first_mut() {
                parsed.records_in += before;
                parsed.rejected += before;
            }
            let steps = std::iter::once(&self.parse).chain(self.first.iter().map(|(step, _)| step));
            let end = ambient.now();
            hops.extend(steps.zip(tallies).map(|(step, tally)| self.hop(step, tally, start, end)));
            cut
        };
        Ok(Transformed { documents, cut, records, hops, acquired, requests, derived_from, position })
    }

    /// Cuts and transforms a batch.
    pub(super) async fn apply(&self, means: Means<'_>, batch: Untouched) -> Result<Transformed> {
        let (chain, ambient) = (self.clone(), means.ambient.clone());
        let mut transformed = means.ambient.cpu().run(move || chain.begin(&ambient, batch)).await??;
        for stretch in &self.rest {
            match stretch {
                Stretch::Fused(links) => {
                    let mut records = transformed.records;
                    let (moved, ambient) = (Arc::clone(links), means.ambient.clone());
                    let done = means.ambient.cpu().run(move || {
                        let start = ambient.now();
                        let tallies = run(&mut records, None, &moved);
                        (tallies, records, start, ambient.now())
                    });
                    let (tallies, changed, start, end) = done.await?;
                    let steps = links.iter().map(|(step, _)| step).zip(tallies);
                    transformed.hops.extend(steps.map(|(step, tally)| self.hop(step, tally, start, end)));
                    transformed.records = changed;
                }
                Stretch::Whole((step, transform)) => {
                    let start = means.ambient.now();
                    let (changed, tally) = whole(means, step, &**transform, transformed.records).await?;
                    transformed.hops.push(self.hop(step, tally, start, means.ambient.now()));
                    transformed.records = changed;
                }
            }
        }
        Ok(transformed)
    }

    fn hop(&self, step: &Step, tally: Tally, start: DateTime<Utc>, end: DateTime<Utc>) -> Hop {
        Hop {
            n: step.n,
            name: step.name.clone(),
            version: step.version.clone(),
            config: self.configs[step.n as usize],
            start,
            end,
            records_in: tally.records_in,
            records_out: tally.records_out,
            filtered: tally.filtered,
            rejected: tally.rejected,
        }
    }
}

fn is_fused(link: &Link) -> bool {
    link.1.as_record_transform().is_some()
}

/// Runs a transform that wants the whole batch, and checks its books.
async fn whole(
    means: Means<'_>,
    step: &Arc<Step>,
    transform: &dyn Transform,
    mut records: Records,
) -> Result<(Records, Tally)> {
    records.enter(Arc::clone(step));
    let before = Books::of(&records);
    let changed = means
        .retry
        .run(means.ambient, || transform.apply(records.clone()))
        .await
        .map_err(|error| error.component(step.name.clone()).with("pipeline", means.id))?;
    if !Arc::ptr_eq(changed.documents(), records.documents()) {
        return Err(Error::unexpected("a transform gave back other records than it was given")
            .component(step.name.clone()));
    }
    let after = Books::of(&changed);
    if before.all() + after.expanded != after.all() + before.expanded {
        return Err(Error::unexpected("a transform lost count of its records")
            .component(step.name.clone())
            .with("before", format_args!("{before:?}"))
            .with("after", format_args!("{after:?}")));
    }
    let tally = Tally {
        records_in: before.records,
        records_out: after.records,
        filtered: after.filtered - before.filtered,
        rejected: after.rejected - before.rejected,
    };
    Ok((changed, tally))
}

#[derive(Debug)]
struct Books {
    records: u64,
    filtered: u64,
    rejected: u64,
    expanded: u64,
    merged: u64,
}

impl Books {
    fn of(records: &Records) -> Self {
        Self {
            records: records.len() as u64,
            filtered: records.filtered,
            rejected: records.rejected.len() as u64,
            expanded: records.expanded,
            merged: records.merged,
        }
    }

    fn all(&self) -> u64 {
        self.records + self.filtered + self.rejected + self.merged
    }
}

fn check_size(documents: &[Document]) -> Result<()> {
    let large = documents.iter().find(|document| u32::try_from(document.len()).is_err());
    if let Some(document) = large {
        return Err(Error::new(ErrorKind::RecordTooLarge, "a document is longer than 4 GiB")
            .with("locator", document.locator()));
    }
    if documents.len() > usize::from(u16::MAX) {
        return Err(Error::unexpected("the source gave more than 65,535 documents at once"));
    }
    Ok(())
}

/// Cuts documents into records, and says how many each has.
fn cut_records(decoders: &Decoders, records: &mut Records) -> Vec<u32> {
    let documents = Arc::clone(records.documents());
    let mut ordinal = 0_u32;
    let cut = documents.iter().enumerate().map(|(index, document)| {
        let first = ordinal;
        decoders.split(document, |piece| {
            let origin = RecordRef {
                ordinal,
                offset: piece.range.start as u32,
                length: piece.range.len() as u32,
                document: index as u16,
                child: 0,
            };
            ordinal += 1;
            match piece.error {
                None => records.records.push(Record::new(piece.body, origin, piece.content)),
                Some(error) => records.reject(origin, error),
            }
        });
        ordinal - first
    });
    cut.collect()
}
