//! A task that holds the connection: it loads, streams, and tells the server what is durable.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datalake_core::{Document, Error, ErrorKind, Result};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::SYSTEM;
use super::connect::connect;
use super::error::{broken, gone, silent};
use super::frame::{Frame, HEADER};
use super::growth::{Growth, Watch};
use super::history;
use super::load::load;
use super::lsn::Lsn;
use super::message::{Kind, Message};
use super::position::{At, Log, Origin, Place};
use super::publication::{Table, ensure};
use super::relation::Types;
use super::slot::Slot;
use super::time;
use super::types::look_up;
use super::wire::Wire;
use crate::sql::connection::Server;

/// How many bytes are handed over at once, and how often that may lie ready.
const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 3;
/// How long the server may be silent before it is asked, and before it is given up.
const ASK: Duration = Duration::from_secs(20);
const GIVE_UP: Duration = Duration::from_secs(60);
/// How long the last word to the server may take.
const LAST_WORD: Duration = Duration::from_secs(3);

/// What decides how the log is read.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) server: Server,
    pub(super) slot: String,
    pub(super) publication: String,
    pub(super) tables: Vec<Table>,
    pub(super) create: bool,
    pub(super) first_load: bool,
    pub(super) locator: Arc<str>,
    pub(super) document_bytes: usize,
    pub(super) status_every: Duration,
    pub(super) check_every: Duration,
    pub(super) warn_above: u64,
}

/// What the task hands over.
pub(super) enum Came {
    /// A document of the first load, and the place after it.
    Loaded(Document, At),
    /// The stream begins.
    Streaming {
        origin: Origin,
        log: Log,
        /// The end of the server's log now: whoever is here has everything that was committed before.
        target: Lsn,
    },
    /// Messages of the stream, and how far the server has sent everything after them.
    Frames {
        frames: Vec<Bytes>,
        sent: Option<Lsn>,
        /// Whether the server asks what is durable: if it stops, it waits until everything is.
        asked: bool,
        types: Types,
    },
    Failed(Error),
}

/// Where the task hands things over.
pub(super) struct Gate(mpsc::Sender<Came>);

impl Gate {
    /// Waits until there is room. If nobody takes anything any more, the task is about to be stopped.
    pub(super) async fn send(&self, came: Came) {
        self.0.send(came).await.ok();
    }
}

/// The other side of the task. Dropping it ends the task and closes the connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) came: mpsc::Receiver<Came>,
    pub(super) growth: watch::Receiver<Growth>,
    ask: Arc<Notify>,
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Session {
    /// Begins after a place, or at the beginning.
    pub(super) fn begin(settings: &Arc<Settings>, at: Option<At>, durable: watch::Receiver<Lsn>) -> Self {
        let (out, came) = mpsc::channel(CHUNKS);
        let (grows, growth) = watch::channel(Growth::default());
        let (ask, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let run = Run {
            settings: Arc::clone(settings),
            gate: Gate(out),
            durable,
            ask: Arc::clone(&ask),
            stop: Arc::clone(&stop),
        };
        let task = tokio::spawn(async move {
            let gate = Gate(run.gate.0.clone());
            if let Err(error) = run.run(at, grows).await {
                gate.send(Came::Failed(error)).await;
            }
        });
        Self { came, growth, ask, stop, task }
    }

    /// Asks the server how far it is.
    pub(super) fn ask(&self) {
        self.ask.notify_one();
    }

    /// Tells the server what is durable for the last time, and waits until it has taken it.
    pub(super) async fn end(mut self) {
        self.stop.notify_one();
        let drained = async { while self.came.recv().await.is_some() {} };
        timeout(LAST_WORD, drained).await.ok();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Run {
    settings: Arc<Settings>,
    gate: Gate,
    durable: watch::Receiver<Lsn>,
    ask: Arc<Notify>,
    stop: Arc<Notify>,
}

impl Run {
    async fn run(self, at: Option<At>, grows: watch::Sender<Growth>) -> Result<()> {
        let settings = &self.settings;
        let mut wire = connect(&settings.server).await?;
        let who = wire.query("IDENTIFY_SYSTEM").await?;
        let who = who.first().ok_or_else(|| broken("the server does not say who it is"))?;
        let (system, timeline) = (who.text(0).to_owned(), who.parse(1).unwrap_or_default());
        let watch = Watch::new(Arc::clone(settings), grows);
        let _watching = watch.clone().begin();
        let (origin, log) = self.place(&mut wire, at, (&system, timeline)).await?;
        let slot = Slot::read(&mut wire, &settings.slot).await?;
        let slot = slot.ok_or_else(|| gone("the slot is gone", &settings.slot))?;
        watch.take(&slot);
        Slot::start(&mut wire, &settings.slot, &settings.publication, log.lsn).await?;
        self.gate.send(Came::Streaming { origin, log, target: slot.end }).await;
        self.stream(wire).await
    }

    /// Checks that the slot has what follows a place, or makes what there must be to begin.
    async fn place(
        &self,
        wire: &mut Wire,
        at: Option<At>,
        (system, timeline): (&str, u32),
    ) -> Result<(Origin, Log)> {
        let settings = &self.settings;
        let (name, database) = (&settings.slot, &settings.server.url.database);
        let slot = Slot::read(wire, name).await?;
        if let Some(At { origin, place: Place::Log(log) }) = at {
            if origin.system != system {
                return Err(gone("the server is another one, or was made anew", name));
            }
            let slot = slot.ok_or_else(|| gone("the slot is gone, and with it what follows", name))?;
            slot.usable(name, database)?;
            slot.reaches(name, &log)?;
            if origin.timeline != 0 && origin.timeline != timeline {
                history::leads_here(wire, name, (origin.timeline, log.lsn), timeline).await?;
            }
            return Ok((Origin { timeline, ..origin }, log));
        }
        ensure(wire, &settings.publication, &settings.tables, settings.create).await?;
        if settings.first_load || at.is_some() {
            return load(wire, settings, (system, timeline), &self.gate).await;
        }
        let begin = match slot {
            Some(slot) => {
                slot.usable(name, database)?;
                slot.confirmed
            }
            None if settings.create => Slot::create(wire, name, false).await?.1,
            None => {
                let error = Error::new(ErrorKind::NotFound, "there is no such slot");
                return Err(error.component(SYSTEM).with("slot", name));
            }
        };
        let origin = Origin { system: system.into(), slot: name.clone(), begin, timeline };
        Ok((origin, Log { lsn: begin, offset: 0, part: None }))
    }

    async fn stream(self, mut wire: Wire) -> Result<()> {
        let Self { settings, gate, mut durable, ask, stop } = self;
        let mut every = interval(settings.status_every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut frames, mut bytes, mut sent, mut types) = (Vec::new(), 0, None, Types::default());
        let (mut heard, mut asked, mut asks) = (Instant::now(), false, false);
        loop {
            let has = !frames.is_empty() || sent.is_some();
            let patience = heard + if asked { GIVE_UP } else { ASK };
            tokio::select! {
                biased;
                () = stop.notified() => {
                    tell(&mut wire, &mut durable, false).await?;
                    return wire.end().await;
                }
                changed = durable.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    tell(&mut wire, &mut durable, false).await?;
                }
                _ = every.tick() => tell(&mut wire, &mut durable, false).await?,
                () = ask.notified() => tell(&mut wire, &mut durable, true).await?,
                room = gate.0.reserve(), if has => {
                    let Ok(room) = room else { return Ok(()) };
                    room.send(Came::Frames {
                        frames: std::mem::take(&mut frames),
                        sent: sent.take(),
                        asked: std::mem::take(&mut asks),
                        types: std::mem::take(&mut types),
                    });
                    bytes = 0;
                    // While nobody took anything, nobody read either.
                    heard = Instant::now();
                }
                frame = wire.frame(), if bytes < CHUNK => {
                    (heard, asked) = (Instant::now(), false);
                    let mut next = Some(frame?);
                    while let Some(frame) = next {
                        match Frame::of(&frame) {
                            Some(Frame::Data { .. }) => {
                                if Kind::of(frame.get(HEADER..).unwrap_or_default()) == Kind::Relation {
                                    types.0.extend(types_of(&settings.server, &frame).await?.0);
                                }
                                bytes += frame.len();
                                frames.push(frame);
                                sent = None;
                            }
                            // Of several that lie here, the last is handed over alone: that the server says the
                            // same again, which tells that it has nothing more, is counted over time.
                            Some(Frame::KeepAlive { sent: lsn, reply }) => {
                                sent = Some(lsn);
                                if reply {
                                    asks = true;
                                    tell(&mut wire, &mut durable, false).await?;
                                }
                            }
                            None => return Err(broken("the server sends what is no part of a stream")),
                        }
                        next = if bytes < CHUNK { wire.frame_now()? } else { None };
                    }
                }
                () = sleep_until(patience), if bytes < CHUNK => {
                    if asked {
                        return Err(silent());
                    }
                    asked = true;
                    tell(&mut wire, &mut durable, true).await?;
                }
            }
        }
    }
}

/// Looks up the types of a table that the database has of its own, if the message describes one.
async fn types_of(server: &Server, frame: &Bytes) -> Result<Types> {
    match Message::parse(frame.get(HEADER..).unwrap_or_default()) {
        Ok(Message::Relation(relation)) => {
            look_up(server, relation.columns.iter().map(|column| column.oid)).await
        }
        _ => Ok(Types::default()),
    }
}

/// Tells the server what is durable, and nothing else.
async fn tell(wire: &mut Wire, durable: &mut watch::Receiver<Lsn>, reply: bool) -> Result<()> {
    let durable = *durable.borrow_and_update();
    let now = time::now();
    let mut status = Vec::with_capacity(34);
    status.push(b'r');
    for _ in ["written", "flushed", "applied"] {
        status.extend_from_slice(&durable.0.to_be_bytes());
    }
    status.extend_from_slice(&now.to_be_bytes());
    status.push(reply.into());
    wire.say(&status).await
}
