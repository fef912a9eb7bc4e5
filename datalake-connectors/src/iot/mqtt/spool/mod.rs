//! Messages kept on a disk of the worker, so that the broker has its answer before the lake has the message.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datalake_core::{Ambient, Document, Error, ErrorKind, Position, Result, Retry, SourceBatch};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::link::Link;
use super::message::Documents;
use super::position::At;
use super::shared::Shared;
use super::{SPOOL, SYSTEM};
use files::{Files, Opened, Span, Spans};
use record::Record;

mod files;
mod record;
#[cfg(test)]
mod tests;

/// How many bytes of a file are read at once.
const READ: u64 = 256 << 10;
/// How many bytes of messages are written in one go.
const GROUP: usize = 4 << 20;
/// How many messages are written in one go, and given in one batch.
const LARGEST: usize = 60_000;
/// How long a spool that somebody else has is waited for, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(5);
const REST: Duration = Duration::from_millis(20);
/// The longest rest after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// How long a connection may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A spool, and what is written to it and read from it.
#[derive(Debug)]
pub(super) struct Spool {
    pub(super) core: Arc<Core>,
    /// After what was given last.
    read: Place,
    task: Option<JoinHandle<()>>,
}

/// What the writer and the reader share.
#[derive(Debug)]
pub(super) struct Core {
    folder: PathBuf,
    most: u64,
    /// Locked while something is written and synchronised: by threads that may block.
    open: Mutex<Option<Open>>,
    /// What the files hold, for those that may not.
    view: Mutex<Option<View>>,
    /// Something was written, or room has been made.
    moved: Notify,
    room: Notify,
    /// Somebody asks for more and there is no connection.
    poked: Notify,
}

#[derive(Debug)]
struct Open {
    files: Files,
    /// Released when the spool is let go of.
    _lock: std::fs::File,
}

#[derive(Debug, Clone)]
struct View {
    name: Arc<str>,
    spans: Spans,
}

impl View {
    fn bytes(&self) -> u64 {
        self.spans.values().map(|span| span.end).sum()
    }
}

/// A position: after a record of a file of a spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    spool: Arc<str>,
    file: u64,
    offset: u64,
}

impl Spool {
    /// A spool in a folder, of so many bytes at most.
    pub(super) fn new(folder: PathBuf, most: u64) -> Self {
        let core = Core {
            folder,
            most,
            open: Mutex::new(None),
            view: Mutex::new(None),
            moved: Notify::new(),
            room: Notify::new(),
            poked: Notify::new(),
        };
        Self { core: Arc::new(core), read: Place { spool: "".into(), file: 0, offset: 0 }, task: None }
    }

    /// Goes to just after a position. Opens the spool first, and begins to fill it.
    pub(super) async fn seek(
        &mut self,
        position: Option<&Position>,
        link: &Arc<Link>,
        shared: &Arc<Shared>,
    ) -> Result<()> {
        let place = position.map(place).transpose()?;
        let begins = self.core.begin(shared).await?;
        self.read = self.core.find(place)?;
        if begins {
            let (core, link, shared) = (Arc::clone(&self.core), Arc::clone(link), Arc::clone(shared));
            self.task = Some(tokio::spawn(async move {
                tokio::select! {
                    () = Arc::clone(&core).fill(&shared) => {}
                    () = core.keep_connected(&link, &shared) => {}
                }
            }));
        }
        Ok(())
    }

    /// The group after what was given last; `None` if there is none. Read again, it is the same batch.
    pub(super) async fn batch(&mut self, documents: &Documents) -> Result<Option<SourceBatch>> {
        loop {
            let Some((file, Span { start, end }, last)) = self.core.next(&self.read) else { return Ok(None) };
            let from = if file == self.read.file { self.read.offset.max(start) } else { start };
            if from >= end {
                if last {
                    return Ok(None);
                }
                self.read.file = file + 1;
                self.read.offset = 0;
                continue;
            }
            let folder = self.core.folder.clone();
            let mut to = end.min(from + READ);
            loop {
                let reading = folder.clone();
                let read = spawn_blocking(move || Files::read(&reading, file, from, to));
                let bytes =
                    read.await.map_err(|cause| Error::unexpected("a read panicked").caused_by(cause))??;
                let (batch, taken) = self.documents(documents, file, from, &bytes);
                if taken > 0 {
                    let place = Place { file, offset: from + taken, ..self.read.clone() };
                    self.read = place.clone();
                    return Ok(Some(SourceBatch::new(batch, Position::new(SPOOL, &place)?)));
                }
                if to == end {
                    return Err(Error::new(ErrorKind::Corrupt, "a file of the spool is damaged")
                        .with("file", file)
                        .with("offset", from));
                }
                // The group is longer than what was read.
                to = end.min(to + (to - from));
            }
        }
    }

    /// The messages of the group at the beginning of some bytes, and how long it is; 0 if it is not there as a whole.
    fn documents(
        &self,
        documents: &Documents,
        file: u64,
        from: u64,
        bytes: &bytes::Bytes,
    ) -> (Vec<Document>, u64) {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some((record, length)) = record::read(&bytes.slice(at..)) {
            let place = from + at as u64;
            at += length;
            match record {
                Record::Message(message) => {
                    let name = format!("{}-{file}-{place}", self.read.spool);
                    found.push(documents.of(&message, name));
                }
                Record::State(_) => return (found, at as u64),
                Record::Header(_) => {}
            }
        }
        (Vec::new(), 0)
    }

    /// Everything up to a position is in the lake: its files go.
    pub(super) async fn commit(&self, position: &Position) -> Result<()> {
        let place = place(position)?;
        let core = Arc::clone(&self.core);
        let done = spawn_blocking(move || match core.name() {
            Some(name) if name == place.spool => {
                core.change(|files| files.remove(place.file, place.offset, core.most))
            }
            _ => Ok(()),
        });
        done.await.map_err(|cause| Error::unexpected("a removal panicked").caused_by(cause))??;
        self.core.room.notify_one();
        Ok(())
    }

    /// Asks for a connection, if there is none.
    pub(super) fn poke(&self) {
        self.core.poked.notify_waiters();
    }

    /// Waits until something is written.
    pub(super) async fn until_moved(&self) {
        self.core.moved.notified().await;
    }

    /// Whether nothing more can be taken before a commit.
    pub(super) fn is_full(&self) -> bool {
        self.core.room() == Some(0)
    }

    /// How many bytes of messages wait to be given.
    pub(super) fn remaining(&self) -> u64 {
        self.core.remaining(&self.read)
    }

    /// Waits for what was begun and lets go of the spool.
    pub(super) async fn close(&mut self, shared: &Shared) {
        if let Some(mut task) = self.task.take() {
            shared.close();
            if !shared.is_subscribed() || timeout(FAREWELL, &mut task).await.is_err() {
                task.abort();
            }
            shared.stopped(None);
        }
        self.core.release();
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.core.release();
    }
}

impl Core {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> MutexGuard<'_, Option<View>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> Option<Arc<str>> {
        self.view().as_ref().map(|view| Arc::clone(&view.name))
    }

    /// How many bytes there is room for. `None` if the spool is let go of.
    fn room(&self) -> Option<u64> {
        self.view().as_ref().map(|view| self.most.saturating_sub(view.bytes()))
    }

    /// Does something with the files and shows what has become of them. Blocks.
    fn change(&self, change: impl FnOnce(&mut Files) -> Result<()>) -> Result<()> {
        let mut open = self.open();
        let Some(open) = open.as_mut() else { return Err(Error::unexpected("the spool is closed")) };
        let changed = change(&mut open.files);
        if let Some(view) = self.view().as_mut() {
            view.spans.clone_from(&open.files.spans);
        }
        changed
    }

    /// Lets go of the files.
    pub(super) fn release(&self) {
        self.view().take();
        self.open().take();
    }

    /// Opens the spool, unless it is open. Whether it was not.
    async fn begin(self: &Arc<Self>, shared: &Shared) -> Result<bool> {
        if self.view().is_some() {
            return Ok(false);
        }
        let mut waited = Duration::ZERO;
        let Opened { files, name, at, lock } = loop {
            // A file is long enough to be worth it and short enough that some can go before the spool is full.
            let (folder, longest) = (self.folder.clone(), (self.most / 8).clamp(64 << 10, 16 << 20));
            let opening = spawn_blocking(move || Files::open(&folder, longest));
            match opening.await.map_err(|cause| Error::unexpected("an opening panicked").caused_by(cause))? {
                Err(error) if error.kind() == ErrorKind::Conflict && waited < PATIENCE => {
                    sleep(REST).await;
                    waited += REST;
                }
                opened => break opened?,
            }
        };
        shared.session().seek(at.as_ref());
        shared.expect_session(at.is_some());
        let view = View { name: name.into(), spans: files.spans.clone() };
        *self.open() = Some(Open { files, _lock: lock });
        *self.view() = Some(view);
        Ok(true)
    }

    /// The place to read on from.
    fn find(&self, place: Option<Place>) -> Result<Place> {
        let view = self.view();
        let Some(View { spans, name }) = view.as_ref() else {
            return Err(Error::unexpected("the spool is closed"));
        };
        let first = spans.keys().next().copied().unwrap_or(1);
        let start = Place { spool: Arc::clone(name), file: first, offset: 0 };
        let Some(place) = place else { return Ok(start) };
        if place.spool != *name {
            tracing::error!(
                path = %self.folder.display(),
                "the spool is not the one of the last commit: what that one held and was not committed is not in the lake"
            );
            return Ok(start);
        }
        if place.file + 1 == first {
            // All of its file was committed.
            return Ok(start);
        }
        let known = spans.get(&place.file).is_some_and(|span| place.offset <= span.end);
        if !known {
            return Err(Error::new(
                ErrorKind::PositionInvalid,
                "the spool no longer has what follows the position",
            )
            .component(SYSTEM)
            .with("file", place.file)
            .with("offset", place.offset));
        }
        Ok(place)
    }

    /// The file to read next, what counts of it, and whether it is the last.
    fn next(&self, read: &Place) -> Option<(u64, Span, bool)> {
        let view = self.view();
        let spans = &view.as_ref()?.spans;
        let (file, span) = spans.range(read.file..).next()?;
        Some((*file, *span, spans.range(file + 1..).next().is_none()))
    }

    fn remaining(&self, read: &Place) -> u64 {
        let view = self.view();
        let Some(view) = view.as_ref() else { return 0 };
        let left = |(file, span): (&u64, &Span)| {
            let from = if *file == read.file { read.offset.max(span.start) } else { span.start };
            span.end.saturating_sub(from)
        };
        view.spans.range(read.file..).map(left).sum()
    }

    /// Writes what comes, group by group, and acknowledges each when it lasts. Ends when the spool is let go of.
    async fn fill(self: Arc<Self>, shared: &Shared) {
        let (retry, ambient) = (Retry::default(), Ambient::system());
        loop {
            let Some(room) = self.room() else { return };
            if room == 0 {
                tokio::select! {
                    () = self.room.notified() => {}
                    // The reader, who makes the room, may wait to hear how the connection is.
                    () = shared.until_arrived() => self.moved.notify_one(),
                }
                continue;
            }
            let given = shared.session().take(LARGEST, GROUP.min(usize::try_from(room).unwrap_or(GROUP)));
            let Some(given) = given else {
                shared.until_arrived().await;
                // The reader may wait for the connection too.
                self.moved.notify_one();
                continue;
            };
            shared.send();
            let batch = given.at.batch;
            let group = match record::group(&given.messages, &given.at) {
                Ok(group) => Arc::new((group, given.at)),
                // The broker keeps what has no answer, and nothing more is taken.
                Err(error) => return shared.stopped(Some(error)),
            };
            let mut failed = 0;
            while let Err(error) = self.write(&group).await {
                failed += 1;
                let pause = retry.delay(failed.min(6), &error, &ambient).unwrap_or(LONGEST_PAUSE);
                tracing::warn!(%error, ?pause, "the spool could not be written; trying again");
                shared.tell(error);
                self.moved.notify_one();
                sleep(pause).await;
                if self.view().is_none() {
                    return;
                }
            }
            if failed > 0 {
                shared.recovered();
            }
            shared.session().commit(batch);
            shared.send();
            self.moved.notify_one();
        }
    }

    async fn write(self: &Arc<Self>, group: &Arc<(Vec<u8>, At)>) -> Result<()> {
        let (core, group) = (Arc::clone(self), Arc::clone(group));
        let written = spawn_blocking(move || core.change(|files| files.append(&group.0, &group.1)));
        written.await.map_err(|cause| Error::unexpected("a write panicked").caused_by(cause))?
    }

    /// Makes a connection whenever there is none, also while the engine is busy: by the policy of the core, and when the
    /// engine asks. A failure is told to who asks for a batch and finds none.
    async fn keep_connected(&self, link: &Link, shared: &Shared) {
        let (retry, ambient) = (Retry::default(), Ambient::system());
        let mut failed = 0;
        loop {
            shared.starts();
            let before = shared.status.borrow().connections;
            let ended = link.run(shared).await;
            if shared.status.borrow().connections > before {
                failed = 0;
                retry.refund();
            }
            failed += 1;
            let mut poked = std::pin::pin!(self.poked.notified());
            poked.as_mut().enable();
            let Err(error) = ended else { return shared.stopped(None) };
            let pause = retry.delay(failed.min(6), &error, &ambient).unwrap_or(LONGEST_PAUSE);
            shared.stopped(Some(error));
            drop(timeout(pause, poked).await);
        }
    }
}

fn place(position: &Position) -> Result<Place> {
    position.decode(SPOOL).map_err(|error| error.component(SYSTEM))
}
