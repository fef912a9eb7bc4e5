//! The reading.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datalake_core::split::Decoder;
use datalake_core::{
    Document, Error, ErrorKind, Next, Position, Remaining, Result, Secret, Source, SourceBatch, SourceInfo,
    async_trait,
};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::SYSTEM;
use super::assembly::Assembly;
use super::builder::CdcSourceBuilder;
use super::decoder::PgOutputDecoder;
use super::load_decoder::PgLoadDecoder;
use super::lsn::Lsn;
use super::position::{At, Origin, Place};
use super::progress::Progress;
use super::session::{Came, Session, Settings};
use super::time;

/// How long changes wait for others to share a document.
const LINGER: Duration = Duration::from_millis(20);
/// How often the server is asked how far it is, while it has not said that it is through.
const ASK: Duration = Duration::from_millis(200);

/// How a source gives what came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) batch_bytes: usize,
    pub(super) wait: Duration,
    pub(super) advance_after: u64,
}

/// The changes of tables of PostgreSQL, read from a replication slot. See the [module](super).
#[derive(Debug)]
pub struct CdcSource {
    info: SourceInfo,
    settings: Arc<Settings>,
    pace: Pace,
    /// After what was given last.
    given: Option<At>,
    durable: watch::Sender<Lsn>,
    session: Option<Session>,
    loaded: VecDeque<(Document, At)>,
    reading: Option<Reading>,
}

/// A stream that has begun.
#[derive(Debug)]
struct Reading {
    origin: Origin,
    assembly: Assembly,
    /// What came and was not looked at yet, and how far the server had sent everything after it.
    frames: VecDeque<Bytes>,
    after: Option<Lsn>,
    progress: Progress,
    /// The place that was given last, to tell how far it has moved.
    moved: Lsn,
    /// Whether the server asks what is durable, and has not been told of everything that it has sent.
    asked: bool,
}

impl Reading {
    /// Puts frames together until there is enough for a batch.
    fn put_together(&mut self, enough: usize) -> Result<()> {
        while self.assembly.ready() < enough {
            let Some(frame) = self.frames.pop_front() else {
                if let Some(sent) = self.after.take() {
                    self.assembly.sent(sent);
                    self.progress.says(sent);
                }
                self.asked &= self.assembly.is_within() || self.assembly.log().lsn > self.moved;
                return Ok(());
            };
            self.progress.moved();
            self.assembly.push(frame)?;
        }
        Ok(())
    }

    /// Whether so much log has gone by since what was given last that the slot should move on, or the server waits for that.
    fn should_move(&self, advance_after: u64) -> bool {
        let moved = self.assembly.log().lsn.0.saturating_sub(self.moved.0);
        moved > 0
            && (moved >= advance_after || self.asked && self.frames.is_empty() && !self.assembly.is_within())
    }

    fn at(&self) -> At {
        At { origin: self.origin.clone(), place: Place::Log(self.assembly.log()) }
    }
}

impl CdcSource {
    pub(super) fn new(info: SourceInfo, settings: Settings, pace: Pace) -> Self {
        Self {
            info,
            settings: Arc::new(settings),
            pace,
            given: None,
            durable: watch::Sender::new(Lsn(0)),
            session: None,
            loaded: VecDeque::new(),
            reading: None,
        }
    }

    /// Begins to describe a source that reads the changes of a database, `postgres://user@host:port/database`, by the
    /// slot and the publication of these names.
    pub fn builder(
        url: impl Into<Secret>,
        slot: impl Into<String>,
        publication: impl Into<String>,
        dataset: datalake_core::Dataset,
    ) -> CdcSourceBuilder {
        CdcSourceBuilder::new(url.into(), slot.into(), publication.into(), dataset)
    }

    /// Ends the connection and forgets what was not given.
    fn forget(&mut self) {
        self.session = None;
        self.reading = None;
        self.loaded.clear();
    }

    fn take(&mut self, came: Came) -> Result<()> {
        match came {
            Came::Loaded(document, at) => self.loaded.push_back((document, at)),
            Came::Streaming { origin, log, target } => {
                let locator = Arc::clone(&self.settings.locator);
                let assembly = Assembly::new(locator, origin.name(), self.settings.document_bytes, log);
                self.reading = Some(Reading {
                    origin,
                    assembly,
                    frames: VecDeque::new(),
                    after: None,
                    progress: Progress::new(target),
                    moved: log.lsn,
                    asked: false,
                });
            }
            Came::Frames { frames, sent, asked, types } => {
                let Some(reading) = &mut self.reading else { return Ok(()) };
                reading.assembly.learn(types);
                reading.frames.extend(frames);
                reading.after = sent;
                reading.asked |= asked;
            }
            Came::Failed(error) => return Err(error),
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        let loaded: usize = self.loaded.iter().map(|(document, _)| document.len()).sum();
        loaded + self.reading.as_ref().map_or(0, |reading| reading.assembly.ready())
    }

    fn is_within(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.assembly.is_within())
    }

    /// Gives what lies ready. Documents of the first load come in batches of their own.
    fn give(&mut self) -> Result<Option<Next>> {
        let mut documents = Vec::new();
        if !self.loaded.is_empty() {
            let mut bytes = 0;
            let mut last = None;
            while let Some((document, at)) = self.loaded.pop_front() {
                bytes += document.len();
                documents.push(document);
                last = Some(at);
                if bytes >= self.pace.batch_bytes {
                    break;
                }
            }
            self.given = last;
        } else if let Some(reading) = &mut self.reading {
            documents = reading.assembly.take();
            let at = reading.at();
            let first = !matches!(&self.given, Some(At { place: Place::Log(_), .. }));
            if documents.is_empty() && !first && !reading.should_move(self.pace.advance_after) {
                return Ok(None);
            }
            reading.asked &= !reading.frames.is_empty() || reading.assembly.is_within();
            reading.moved = at.lsn();
            self.given = Some(at);
        }
        let Some(at) = &self.given else { return Ok(None) };
        Ok(Some(Next::Batch(SourceBatch::new(documents, at.position()?))))
    }
}

#[async_trait]
impl Source for CdcSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn decoders(&self) -> Vec<Arc<dyn Decoder>> {
        vec![Arc::new(PgOutputDecoder), Arc::new(PgLoadDecoder)]
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let until = Instant::now() + self.pace.wait;
        let mut linger = None;
        loop {
            if self.session.is_none() {
                let durable = self.durable.subscribe();
                self.session = Some(Session::begin(&self.settings, self.given.clone(), durable));
            }
            let put = match &mut self.reading {
                Some(reading) => reading.put_together(self.pace.batch_bytes),
                None => Ok(()),
            };
            if let Err(error) = put {
                self.forget();
                return Err(error.component(SYSTEM));
            }
            let moves = self.loaded.is_empty()
                && self.reading.as_ref().is_some_and(|reading| reading.should_move(self.pace.advance_after));
            if (moves || self.ready() >= self.pace.batch_bytes)
                && let Some(next) = self.give()?
            {
                return Ok(next);
            }
            let Some(session) = &mut self.session else { continue };
            let came = match session.came.try_recv() {
                Ok(came) => Some(came),
                Err(TryRecvError::Disconnected) => {
                    Some(Came::Failed(Error::new(ErrorKind::Unavailable, "the connection is gone")))
                }
                Err(TryRecvError::Empty) => None,
            };
            if let Some(came) = came {
                if let Err(error) = self.take(came) {
                    self.forget();
                    return Err(error.component(SYSTEM));
                }
                continue;
            }
            let now = Instant::now();
            let through = self.reading.as_ref().is_some_and(|reading| reading.progress.is_through());
            let ready = self.ready() > 0;
            let deadline = match (ready, self.is_within()) {
                (true, false) => *linger.get_or_insert(now + LINGER),
                _ if through || ready => until.max(now),
                _ => now + ASK,
            };
            let Some(session) = &mut self.session else { continue };
            if let Ok(came) = timeout_at(deadline, session.came.recv()).await {
                let gone = || Came::Failed(Error::new(ErrorKind::Unavailable, "the connection is gone"));
                if let Err(error) = self.take(came.unwrap_or_else(gone)) {
                    self.forget();
                    return Err(error.component(SYSTEM));
                }
                continue;
            }
            if ready || through {
                if let Some(next) = self.give()? {
                    return Ok(next);
                }
                if through {
                    return Ok(Next::Idle(LINGER));
                }
            }
            if let (Some(session), Some(_)) = (&self.session, &self.reading) {
                session.ask();
            }
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let at = position.map(|position| At::parse(position, &self.settings.slot)).transpose();
        let at = at.map_err(|error| error.component(SYSTEM))?;
        self.forget();
        self.given = at;
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let at = At::parse(position, &self.settings.slot)?;
        if let Some(lsn) = at.confirmed() {
            self.durable.send_if_modified(|durable| {
                let newer = lsn > *durable;
                *durable = lsn.max(*durable);
                newer
            });
        }
        Ok(())
    }

    /// Bytes: how much log there is between what was given and the end of the server's, when it was looked at last. It is
    /// more than the changes in it.
    fn remaining(&self) -> Remaining {
        let (Some(session), Some(reading)) = (&self.session, &self.reading) else {
            return Remaining::default();
        };
        let growth = *session.growth.borrow();
        let behind = match reading.assembly.time() {
            Some(told) => Duration::from_micros(u64::try_from(time::now() - told).unwrap_or_default()),
            None => Duration::ZERO,
        };
        Remaining {
            bytes: Some(growth.end.0.saturating_sub(reading.assembly.log().lsn.0)),
            records: None,
            behind: (reading.progress.is_through() || reading.assembly.time().is_some()).then_some(behind),
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.loaded.clear();
        if self.reading.take().is_some()
            && let Some(session) = self.session.take()
        {
            timeout(Duration::from_secs(5), session.end()).await.ok();
        }
        self.session = None;
        Ok(())
    }
}
