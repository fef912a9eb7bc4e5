//! Passes over the files, in a blocking thread.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::{BufferPool, Document, Error, ErrorKind, Next, Position, Result, SourceBatch};
use tokio::runtime::Handle;

use super::FileFormat;
use super::error::is_of_the_file;
use super::failures::Failures;
use super::finished::Finished;
use super::format::Decoded;
use super::hand::{Step, Work};
use super::identity::Stat;
use super::listing::{Pattern, key};
use super::opening::{Limits, Opened, Wanted, open};
use super::plan::{Reconciled, Seen, Task, When, plan, reconcile};
use super::position::{Entry, SCHEMA, State};
use super::reading::{Chunk, Reading, memory};

/// The most documents of a batch.
const DOCUMENTS: usize = 4096;
/// The most files kept open because their last record is not finished.
const WAITING: usize = 256;

/// What a source reads, and how.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) pattern: Pattern,
    pub(super) format: FileFormat,
    pub(super) limits: Limits,
    pub(super) poll: Duration,
    pub(super) finished: Finished,
    /// What needs a decoder.
    pub(super) decoded: Vec<Decoded>,
}

/// Something, or nothing more for now, or what could not be done and why.
type Attempt<T> = Result<Option<T>, (Task, Error)>;

/// Reads the files, one step after the other.
#[derive(Debug)]
pub(super) struct Worker {
    settings: Arc<Settings>,
    state: State,
    failures: Failures,
    /// What is left of this pass.
    tasks: Option<VecDeque<Task>>,
    current: Option<(Task, Box<Reading>)>,
    /// Files whose last record is not finished, by key.
    waiting: HashMap<String, Box<Reading>>,
    seen: Seen,
    /// What could not be listed, and why.
    closed: BTreeMap<String, String>,
    left: u64,
    pool: BufferPool,
}

impl Work for Worker {
    /// The next batch. Says that there is none when every file has been looked at; the step after that looks again.
    fn step(&mut self, _: &Handle) -> Result<Step> {
        if self.tasks.is_none() {
            self.look()?;
        }
        let limits = self.settings.limits;
        let mut documents = Vec::new();
        let (mut used, mut marked) = (0, false);
        while used < limits.batch && documents.len() < DOCUMENTS {
            match self.chunk((used > 0).then(|| limits.batch - used)) {
                Ok(None) => break,
                Ok(Some((task, reading, chunk))) => {
                    used += chunk.document.as_ref().map_or(0, Document::len);
                    documents.extend(chunk.document);
                    self.record(&task, &reading, chunk.end);
                    if !chunk.end {
                        self.current = Some((task, reading));
                        break;
                    }
                    self.leave(task, reading);
                }
                Err((_, error)) if error.kind() == ErrorKind::NotFound => {}
                Err((task, error)) if is_of_the_file(&error) => marked |= self.fail(task, &error),
                Err((task, error)) => {
                    self.again(task);
                    if documents.is_empty() && !marked {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        if documents.is_empty() && !marked {
            self.tasks = None;
            self.pool = memory();
            return Ok(Step { next: Next::Idle(self.settings.poll), left: 0 });
        }
        let batch = SourceBatch::new(documents, Position::new(SCHEMA, &self.state)?);
        Ok(Step { next: Next::Batch(batch), left: self.left })
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
            waiting: HashMap::new(),
            seen: Seen::new(),
            closed: BTreeMap::new(),
            left: 0,
            pool: memory(),
        };
        worker.publish();
        worker
    }

    /// The next document of the file being read, or of the next one if it has at most as many bytes.
    fn chunk(&mut self, room: Option<usize>) -> Attempt<(Task, Box<Reading>, Chunk)> {
        let begun = match self.current.take() {
            Some(current) => Some(current),
            None => self.begin(room)?,
        };
        let Some((task, mut reading)) = begun else { return Ok(None) };
        let stop = match &task {
            Task::Read { found, .. } => found.stat.size,
            Task::Finish(_) | Task::Done => u64::MAX,
        };
        match reading.chunk(self.settings.limits, stop, &self.pool) {
            Ok(chunk) => Ok(Some((task, reading, chunk))),
            Err(error) => Err((task, error)),
        }
    }

    /// Opens the next file that has something new.
    fn begin(&mut self, room: Option<usize>) -> Attempt<(Task, Box<Reading>)> {
        while let Some(task) = self.tasks.as_mut().and_then(VecDeque::pop_front) {
            if room.is_some_and(|room| task.bytes(&self.state) > room as u64) {
                self.again(task);
                return Ok(None);
            }
            let (found, settled) = match task {
                Task::Finish(reading) => return Ok(Some((Task::Done, reading))),
                Task::Done => continue,
                Task::Read { ref found, settled } => (found, settled),
            };
            let from = self.state.files.get(&found.key);
            let wanted = Wanted { path: &found.path, stat: found.stat, from, settled };
            let name = from.and_then(|entry| entry.was.as_ref()).map_or(&*found.path, Path::new);
            let guess = self.settings.format.guess(name, &self.settings.decoded);
            match open(wanted, &guess, self.settings.limits) {
                Err(error) => return Err((task, error)),
                Ok(Opened::Waits) => {}
                Ok(Opened::Same) => {
                    if let Some(entry) = self.state.files.get_mut(&found.key) {
                        entry.seal = Some(found.stat.seal);
                    }
                }
                Ok(Opened::Reading(reading)) => {
                    if let Some(mut lost) = self.waiting.remove(&found.key)
                        && lost.is_lost(&found.stat, reading.at())
                    {
                        lost.finish(false);
                        self.again(task);
                        return Ok(Some((Task::Done, lost)));
                    }
                    return Ok(Some((task, reading)));
                }
            }
        }
        Ok(None)
    }

    /// Notes how far a file has been read.
    fn record(&mut self, task: &Task, reading: &Reading, end: bool) {
        if let Task::Read { found, .. } = task {
            let before = task.bytes(&self.state);
            let was = self.state.files.get(&found.key).and_then(|entry| entry.was.clone());
            let entry = reading.entry(&found.stat, was, end);
            let mended =
                self.state.files.insert(found.key.clone(), entry).is_some_and(|old| old.failed.is_some());
            let after = if end { 0 } else { task.bytes(&self.state) };
            self.left = self.left.saturating_sub(before.saturating_sub(after));
            if mended {
                self.publish();
            }
        }
    }

    /// Keeps a file open if its last record is not finished: its name may go before its end comes.
    fn leave(&mut self, task: Task, reading: Box<Reading>) {
        if let Task::Read { found, .. } = task
            && self.settings.limits.follow
            && reading.waits()
            && self.waiting.len() < WAITING
        {
            self.waiting.insert(found.key, reading);
        }
    }

    /// Notes that a file could not be read, so that it is not tried again before it changes. Says whether there is
    /// anything to note.
    fn fail(&mut self, task: Task, error: &Error) -> bool {
        let Task::Read { found, .. } = task else {
            tracing::warn!(%error, "the rest of a file that is gone could not be read");
            return false;
        };
        tracing::warn!(path = ?found.path, %error, "passed over until it changes");
        self.left = self.left.saturating_sub(found.stat.size);
        let Stat { id, seal, .. } = found.stat;
        let entry = self.state.files.entry(found.key).or_insert_with(|| Entry::new(id));
        entry.seal = Some(seal);
        entry.failed = Some(error.to_string());
        self.publish();
        true
    }

    fn publish(&self) {
        let failed = |(key, entry): (&String, &Entry)| Some((key.clone(), entry.failed.clone()?));
        self.failures.replace(self.state.files.iter().filter_map(failed).chain(self.closed.clone()));
    }

    /// Finds out what there is to read.
    fn look(&mut self) -> Result<()> {
        let Settings { pattern, limits, poll, finished, .. } = &*self.settings;
        let mut listing = match pattern.list()? {
            Some(listing) => listing,
            None if limits.follow => Default::default(),
            None => {
                let error = Error::new(ErrorKind::NotFound, "there is no such file or directory")
                    .with("path", pattern.display());
                // What has been there may be on its way back.
                return Err(if self.state.files.is_empty() { error } else { error.retryable() });
            }
        };
        listing.files.retain(|found| !finished.is_marker(&found.path));
        let root = pattern.root();
        let mut closed = BTreeMap::new();
        for (path, error) in listing.failed {
            let key = key(&root, &path);
            if !self.closed.contains_key(&key) {
                tracing::warn!(?path, %error, "passed over");
            }
            closed.insert(key, error.to_string());
        }
        self.closed = closed;
        let Reconciled { files, moved, gone } =
            reconcile(&root, listing.files, &self.closed, &mut self.state);
        let when = When { follow: limits.follow, poll: *poll, finished };
        let mut tasks = plan(files, &mut self.state, &mut self.seen, when);
        for key in moved {
            self.waiting.remove(&key);
        }
        for key in gone.iter().rev() {
            if let Some(mut reading) = self.waiting.remove(key) {
                reading.finish(true);
                tasks.push_front(Task::Finish(reading));
            }
        }
        self.left = tasks.iter().map(|task| task.bytes(&self.state)).sum();
        self.tasks = Some(tasks);
        self.publish();
        Ok(())
    }

    fn again(&mut self, task: Task) {
        self.tasks.get_or_insert_default().push_front(task);
    }
}
