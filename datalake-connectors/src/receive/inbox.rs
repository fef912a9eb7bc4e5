//! The way of events from the listener to the engine, and of commits back.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datalake_core::{
    Entropy as _, Error, ErrorKind, Next, Position, Remaining, Result, SourceBatch, SystemEntropy,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::request::{Intake, Receiver};
use super::server;

/// How long [`Inbox::next_batch`] waits for an event.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the engine may rest after that.
pub(crate) const PAUSE: Duration = Duration::from_millis(5);
/// How many bytes a batch holds, unless one event has more.
const BATCH: usize = 4 << 20;

/// What a receiver is called: its kind, and the schema of its positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) system: &'static str,
    pub(crate) schema: &'static str,
}

/// A listener and what came through it. Dropping or closing it answers 503 to every sender that waits and stops
/// listening.
pub(crate) struct Inbox<I> {
    names: Names,
    local: SocketAddr,
    boot: Arc<str>,
    window: usize,
    pub(crate) receiver: Arc<Receiver<I>>,
    closing: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

/// A position: a batch of one life of the receiver.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    boot: Arc<str>,
    batch: u64,
}

impl<I: Intake> Inbox<I> {
    /// Takes events from a listener, on so many connections, so many in a batch.
    pub(super) fn open(
        names: Names,
        listener: TcpListener,
        local: SocketAddr,
        receiver: Receiver<I>,
        connections: usize,
        window: usize,
    ) -> Self {
        let receiver = Arc::new(receiver);
        let (closing, closed) = watch::channel(false);
        let served = server::serve(listener, Arc::clone(&receiver), connections, closed);
        Self {
            names,
            local,
            boot: format!("{:016x}", SystemEntropy.bits()).into(),
            window,
            receiver,
            closing,
            server: Some(tokio::spawn(served)),
        }
    }

    /// Where it listens.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The events that wait, or that there are none. Cancel safe.
    pub(crate) async fn next_batch(&mut self) -> Result<Next> {
        let Ok((batch, documents)) = timeout(PATIENCE, self.receiver.queue.take(self.window, BATCH)).await
        else {
            return Ok(Next::Idle(PAUSE));
        };
        let position = Position::new(self.names.schema, &At { boot: Arc::clone(&self.boot), batch })?;
        Ok(Next::Batch(SourceBatch::new(documents, position)))
    }

    /// Accepts every position of a receiver, and goes on with what is new. Senders whose events were given and not
    /// committed go on waiting: the engine keeps those events itself.
    pub(crate) fn seek(&self, position: Option<&Position>) -> Result<()> {
        position.map_or(Ok(()), |position| self.batch(position).map(drop))
    }

    /// Answers the senders of everything up to a position.
    pub(crate) fn commit(&self, position: &Position) -> Result<()> {
        if let Some(batch) = self.batch(position)? {
            self.receiver.queue.commit(batch, Instant::now());
        }
        Ok(())
    }

    /// What waits to be given.
    pub(crate) fn remaining(&self) -> Remaining {
        self.receiver.queue.remaining()
    }

    /// Stops, and waits a moment for the connections that are open.
    pub(crate) async fn close(&mut self) -> Result<()> {
        self.stop();
        match self.server.take() {
            Some(server) => server.await.map_err(|cause| {
                Error::unexpected("the listener broke").component(self.names.system).caused_by(cause)
            }),
            None => Ok(()),
        }
    }

    /// The number of a batch of this life; `None` for one of an earlier life.
    fn batch(&self, position: &Position) -> Result<Option<u64>> {
        let at: At =
            position.decode(self.names.schema).map_err(|error| error.component(self.names.system))?;
        if at.boot != self.boot {
            return Ok(None);
        }
        if at.batch > self.receiver.queue.last() {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position was never given")
                .component(self.names.system)
                .with("batch", at.batch));
        }
        Ok(Some(at.batch))
    }
}

impl<I> Inbox<I> {
    fn stop(&self) {
        self.receiver.queue.close();
        self.closing.send_replace(true);
    }
}

impl<I> fmt::Debug for Inbox<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { local, window, receiver, .. } = self;
        f.debug_struct("Inbox")
            .field("local", local)
            .field("window", window)
            .field("receiver", receiver)
            .finish_non_exhaustive()
    }
}

impl<I> Drop for Inbox<I> {
    fn drop(&mut self) {
        self.stop();
    }
}
