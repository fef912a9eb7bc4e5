//! Passes over the objects, in a blocking thread.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datalake_core::store::{ObjectInfo, ObjectStore};
use datalake_core::{BufferPool, Document, Error, ErrorKind, Next, Position, Result, SourceBatch};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use super::listing::Keys;
use super::opening::open;
use super::position::{Current, SCHEMA, State, version};
use crate::files::format::Decoded;
use crate::files::hand::{Step, Work};
use crate::files::identity::Tag;
use crate::files::opening::Limits;
use crate::files::reading::{Chunk, Reading, memory};
use crate::files::{Failures, FileFormat, Finished};

/// The most documents of a batch.
const DOCUMENTS: usize = 4096;
/// The most objects of which it is told, each by its name, why they cannot be read.
const TOLD: usize = 1000;
/// Under what it is told of those beyond.
const MORE: &str = "…";

/// What a source reads, and how.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) keys: Keys,
    pub(super) format: FileFormat,
    pub(super) finished: Finished,
    pub(super) limits: Limits,
    pub(super) poll: Duration,
    pub(super) remember: usize,
    pub(super) late: chrono::Duration,
    pub(super) decoded: Vec<Decoded>,
}

/// An object and what of it is open.
type Begun = (ObjectInfo, Box<Reading>);

/// Something, or nothing more for now, or what could not be done and why.
type Attempt<T> = Result<Option<T>, (ObjectInfo, Error)>;

/// Reads the objects, one step after the other.
#[derive(Debug)]
pub(super) struct Worker {
    settings: Arc<Settings>,
    state: State,
    failures: Failures,
    /// What is left of this pass.
    tasks: Option<VecDeque<ObjectInfo>>,
    current: Option<Begun>,
    /// When what exists was written.
    times: HashMap<Tag, DateTime<Utc>>,
    /// When the oldest of what waits for a marker was written.
    waiting: Option<DateTime<Utc>>,
    /// What can be read by no name, and why.
    closed: BTreeMap<String, String>,
    /// How many more there are of that.
    unnamed: u64,
    /// Whether an object was another, or gone, when it was to be read.
    changed: bool,
    pool: BufferPool,
}

impl Work for Worker {
    /// The next batch. Says that there is none when every object has been looked at; the step after that looks again.
    fn step(&mut self, runtime: &Handle) -> Result<Step> {
        let step = self.go(runtime)?;
        match step.next {
            // What it has become is there to be read.
            Next::Idle(_) if std::mem::take(&mut self.changed) => self.go(runtime),
            _ => Ok(step),
        }
    }
}

impl Worker {
    pub(super) fn new(settings: Arc<Settings>, state: State, failures: Failures) -> Self {
        let worker = Self {
            settings,
            state,
            failures,
            tasks: None,
            current: None,
            times: HashMap::new(),
            waiting: None,
            closed: BTreeMap::new(),
            unnamed: 0,
            changed: false,
            pool: memory(),
        };
        worker.publish();
        worker
    }

    fn publish(&self) {
        let beyond = self.state.beyond + self.unnamed;
        let more = (beyond > 0).then(|| (MORE.to_owned(), format!("{beyond} more could not be read")));
        let named = self.state.failed.clone().into_iter().chain(self.closed.clone());
        self.failures.replace(named.chain(more));
    }

    fn go(&mut self, runtime: &Handle) -> Result<Step> {
        if self.tasks.is_none() {
            self.look(runtime)?;
        }
        let limits = self.settings.limits;
        let mut documents = Vec::new();
        let (mut used, mut marked) = (0, false);
        while used < limits.batch && documents.len() < DOCUMENTS {
            let (info, mut reading) = match self.begin(runtime) {
                Ok(None) => break,
                Ok(Some(begun)) => begun,
                Err((info, error)) => match self.settle(&info, &error) {
                    Settled::Passed => continue,
                    Settled::Marked => {
                        marked = true;
                        continue;
                    }
                    Settled::OfTheMoment => {
                        self.again(info);
                        if documents.is_empty() && !marked {
                            return Err(error);
                        }
                        break;
                    }
                },
            };
            if used > 0 && info.bytes > (limits.batch - used) as u64 && reading.at() == 0 {
                self.current = Some((info, reading));
                break;
            }
            match reading.chunk(limits, u64::MAX, &self.pool) {
                Ok(Chunk { document, end }) => {
                    used += document.as_ref().map_or(0, Document::len);
                    documents.extend(document.map(|document| document.with_properties(properties(&info))));
                    if end {
                        self.done(&info);
                    } else {
                        self.note(&info, &reading);
                        self.current = Some((info, reading));
                    }
                }
                Err(error) => match self.settle(&info, &error) {
                    Settled::Passed => {}
                    Settled::Marked => marked = true,
                    Settled::OfTheMoment => {
                        self.again(info);
                        if documents.is_empty() && !marked {
                            return Err(error);
                        }
                        break;
                    }
                },
            }
        }
        if documents.is_empty() && !marked {
            self.tasks = None;
            self.pool = memory();
            return Ok(Step { next: Next::Idle(self.settings.poll), left: 0 });
        }
        let batch = SourceBatch::new(documents, Position::new(SCHEMA, &self.state)?);
        Ok(Step { next: Next::Batch(batch), left: self.left() })
    }

    /// The object being read, or the next one, opened.
    fn begin(&mut self, runtime: &Handle) -> Attempt<Begun> {
        if let Some(current) = self.current.take() {
            return Ok(Some(current));
        }
        let Some(info) = self.tasks.as_mut().and_then(VecDeque::pop_front) else { return Ok(None) };
        let version = version(&info);
        let from = self.state.current.as_ref().filter(|current| current.version == version);
        match open(&self.settings, &info, version, from, runtime) {
            Ok(reading) => Ok(Some((info, Box::new(reading)))),
            Err(error) => Err((info, error)),
        }
    }

    /// Notes how far an object has been read.
    fn note(&mut self, info: &ObjectInfo, reading: &Reading) {
        self.state.current = Some(Current {
            key: info.key.clone(),
            version: version(info),
            at: reading.at(),
            format: reading.format_of_the_rest(),
        });
    }

    /// Notes that there is no more to read of an object.
    fn done(&mut self, info: &ObjectInfo) {
        let version = version(info);
        if self.state.current.as_ref().is_some_and(|current| current.version == version) {
            self.state.current = None;
        }
        self.state.read.0.insert(version);
        if self.state.failed.remove(&info.key).is_some() {
            self.publish();
        }
        self.fold();
    }

    /// Decides what an error means for an object.
    fn settle(&mut self, info: &ObjectInfo, error: &Error) -> Settled {
        match error.kind() {
            // Whatever it is now is found in the next pass.
            ErrorKind::NotFound | ErrorKind::Conflict => {
                self.changed = true;
                tracing::warn!(key = info.key, %error, "changed or gone before it was read to its end");
                if self.state.current.as_ref().is_some_and(|current| current.version == version(info)) {
                    self.state.current = None;
                }
                Settled::Passed
            }
            ErrorKind::Corrupt | ErrorKind::RecordInvalid | ErrorKind::RecordTooLarge => {
                tracing::warn!(key = info.key, %error, "passed over until it changes");
                self.done(info);
                if self.state.failed.len() < TOLD {
                    self.state.failed.insert(info.key.clone(), error.to_string());
                } else {
                    self.state.beyond += 1;
                }
                self.publish();
                Settled::Marked
            }
            // What may not be read now, or not by us, is no fault of the object: it is not passed over.
            _ => Settled::OfTheMoment,
        }
    }

    /// Puts an object back to be opened again where it was left.
    fn again(&mut self, info: ObjectInfo) {
        self.tasks.get_or_insert_default().push_front(info);
    }

    fn left(&self) -> u64 {
        let rest = |(info, reading): &Begun| info.bytes.saturating_sub(reading.at());
        let tasks = self.tasks.iter().flatten().map(|info| info.bytes).sum::<u64>();
        tasks + self.current.as_ref().map_or(0, rest)
    }

    /// Finds out what there is to read.
    fn look(&mut self, runtime: &Handle) -> Result<()> {
        let Settings { store, keys, finished, remember, .. } = &*self.settings;
        let listing = runtime.block_on(keys.list(&**store, finished))?;
        let all = || listing.ready.iter().chain(&listing.waiting);
        self.closed = closed(&listing.refused, &self.closed);
        self.unnamed = listing.refused.len().saturating_sub(TOLD) as u64;
        self.times = all().map(|info| (version(info), info.modified)).collect();
        self.waiting = listing.waiting.iter().map(|info| info.modified).min();
        if !self.times.is_empty() {
            // What is nowhere to be seen need not be known. If all is gone, somebody may be looking at the wrong bucket.
            self.state.read.0.retain(|tag| self.times.contains_key(tag));
            let names: HashSet<&str> = all().map(|info| &*info.key).collect();
            self.state.failed.retain(|key, _| names.contains(&**key));
            if self.state.failed.is_empty() {
                self.state.beyond = 0;
            }
        }
        if let Some(current) = &self.state.current
            && !self.times.contains_key(&current.version)
        {
            tracing::warn!(
                key = current.key,
                at = current.at,
                "changed or gone before it was read to its end"
            );
            self.state.current = None;
        }
        let begun = self.state.current.as_ref().map(|current| current.version);
        let mut tasks: Vec<_> =
            listing.ready.iter().filter(|info| !self.state.knows(info)).cloned().collect();
        tasks.sort_by(|a, b| {
            let age = |info: &ObjectInfo| (Some(version(info)) != begun, info.modified);
            age(a).cmp(&age(b)).then_with(|| a.key.cmp(&b.key))
        });
        let oldest = [self.horizon(), self.waiting].into_iter().flatten().min();
        let young = self.times.values().filter(|time| oldest.is_none_or(|oldest| **time >= oldest)).count();
        if young > *remember {
            let message =
                "more objects are new than can be remembered: give a longer prefix, or remember more";
            let error = Error::config(message).with("objects", young).with("remember", remember);
            return Err(match self.waiting {
                Some(since) => error.with("waiting_for_a_marker_since", since),
                None => error,
            });
        }
        self.tasks = Some(tasks.into());
        self.publish();
        Ok(())
    }

    /// The time before which nothing new can come to be seen.
    fn horizon(&self) -> Option<DateTime<Utc>> {
        self.times.values().max().and_then(|newest| newest.checked_sub_signed(self.settings.late))
    }

    /// Replaces what was read longest ago by its time, if there is too much to remember.
    fn fold(&mut self) {
        if self.state.read.0.len() <= self.settings.remember {
            return;
        }
        let unread = self.tasks.iter().flatten().map(|info| info.modified).min();
        let Some(horizon) = [self.horizon(), unread, self.waiting].into_iter().flatten().min() else {
            return;
        };
        let old =
            self.state.read.0.iter().filter_map(|tag| self.times.get(tag)).filter(|time| **time < horizon);
        if let Some(upto) = old.max().copied() {
            self.state.upto = self.state.upto.max(Some(upto));
            self.state.read.0.retain(|tag| self.times.get(tag).is_none_or(|time| *time > upto));
        }
    }
}

/// What can be read by no name: as many keys as are told of.
fn closed(refused: &[String], before: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut closed = BTreeMap::new();
    for key in refused.iter().take(TOLD) {
        if !before.contains_key(key) {
            tracing::warn!(key, "passed over: its key is none by which a store reads");
        }
        closed.insert(key.clone(), "its key is none by which a store reads".to_owned());
    }
    closed
}

/// What became of an error.
enum Settled {
    /// Nothing to note.
    Passed,
    /// The object is noted as failed.
    Marked,
    /// It may go better the next time.
    OfTheMoment,
}

fn properties(info: &ObjectInfo) -> Map<String, Value> {
    let mut properties = Map::new();
    if let Some(etag) = &info.etag {
        properties.insert("etag".to_owned(), json!(etag.trim_matches('"')));
    }
    properties.insert("modified".to_owned(), json!(info.modified));
    properties
}
