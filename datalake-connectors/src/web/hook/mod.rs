//! Webhooks and app events, received over HTTP: `web.hook`.
//!
//! [`HookSource`] listens for `POST` requests, checks that each was sent by who it says, gives its body to the engine
//! as a document, and answers when the engine has committed it.
//!
//! ```no_run
//! use datalake_connectors::web::hook::{HookSource, Verify};
//! use datalake_core::{Dataset, Result, Secret};
//!
//! # async fn example(secret: Secret) -> Result<HookSource> {
//! HookSource::builder(Dataset::new("shop-events")?, ([127, 0, 0, 1], 8080).into())
//!     .path("/events")
//!     .verify(Verify::standard_webhooks([secret]))
//!     .health("/healthz")
//!     .build()
//!     .await
//! # }
//! ```
//!
//! # Answers
//!
//! | status | when |
//! |---|---|
//! | 200 `{"id":…}` | the event is committed, now or by an earlier request |
//! | 400 | the body ended early, or its compression is damaged |
//! | 401 | no signature, one that does not hold, or a signed time too far from now |
//! | 404, 405 | another path; another method than `POST` |
//! | 408 | the body came too slowly |
//! | 413 | the body is longer than [`max_body`](HookSourceBuilder::max_body), as sent or decompressed |
//! | 415 | a content encoding other than gzip and zstd |
//! | 503, `Retry-After` | too much is under way, the commit did not come in time, a key cannot be looked up, or the receiver shuts down |
//!
//! After a 503 for want of a commit, and after a connection that broke, the event may still be committed. The sender
//! sends it again under the same id, and waits for the same commit or is told of it at once.
//!
//! An event that verified is taken whatever its body says. If it does not parse, the engine archives it and sends the
//! record to quarantine.
//!
//! # Signatures
//!
//! The HMAC is taken over the body as it came, before anything looks into it, and compared in constant time. A
//! compressed body (`Content-Encoding: gzip` or `zstd`) is signed as compressed. It is decompressed only once it has
//! verified, within bounds, and the document is then the decompressed body: content encoding belongs to the way and
//! not to the event, and records cannot be cut from compressed bytes. Without content encoding the document is the
//! body byte for byte.
//!
//! # Ids and duplicates
//!
//! Every document has an id: the one the sender gives in a header or in the body, else the SHA-256 digest of what was
//! signed. An event whose given id is under way or was committed within
//! [`remember`](HookSourceBuilder::remember) makes no second record (of the last 100,000 committed). Where the id is
//! in a header that is not signed, it counts only together with the body: else a forged id could keep a true event
//! out. An id made of the body is a name in lineage and holds nothing back, since two equal events without a name may
//! both be true.
//!
//! All this is in memory. After a restart an event may be recorded again; its id tells.
//!
//! # Transport
//!
//! Plain HTTP/1.1. TLS ends in front of it, at a load balancer or reverse proxy; without one, signatures protect what
//! is written and nothing protects what is read. Query strings are ignored and never logged.
//!
//! Connections, heads (32 KiB), bodies and bytes in memory are bounded, and whoever sends slowly is cut off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datalake_core::{
    Dataset, Error, ErrorKind, Next, Position, Remaining, Result, Source, SourceBatch, SourceInfo,
    async_trait,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

mod builder;
mod id;
mod keys;
mod queue;
mod refusal;
mod request;
mod server;
mod signature;
#[cfg(test)]
mod tests;
mod verify;

pub use builder::HookSourceBuilder;
pub use verify::{Encoding, Verify};

use request::Receiver;

const SYSTEM: &str = "web.hook";
const SCHEMA: &str = "web.hook/1";
/// How long [`Source::next_batch`] waits for an event.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the engine may rest after that.
const PAUSE: Duration = Duration::from_millis(5);
/// How many bytes a batch holds, unless one event has more.
const BATCH: usize = 4 << 20;

/// Receives webhooks and app events over HTTP. The [module](self) tells how.
///
/// It cannot go back: nothing is kept but in memory, and a sender whose event was not committed gets no 2xx and sends
/// it again. Dropping or closing it answers 503 to every sender that waits and stops listening.
#[derive(Debug)]
pub struct HookSource {
    info: SourceInfo,
    local: SocketAddr,
    boot: Arc<str>,
    window: usize,
    receiver: Arc<Receiver>,
    closing: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

/// A position: a batch of one life of the receiver.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    boot: Arc<str>,
    batch: u64,
}

impl HookSource {
    /// A receiver for a dataset, at an address. Port 0 takes a free port: see [`local_addr`](Self::local_addr).
    pub fn builder(dataset: Dataset, listen: SocketAddr) -> HookSourceBuilder {
        HookSourceBuilder::new(dataset, listen)
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The number of a batch of this life; `None` for one of an earlier life.
    fn batch(&self, position: &Position) -> Result<Option<u64>> {
        let at: At = position.decode(SCHEMA).map_err(|error| error.component(SYSTEM))?;
        if at.boot != self.boot {
            return Ok(None);
        }
        if at.batch > self.receiver.queue.last() {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position was never given")
                .component(SYSTEM)
                .with("batch", at.batch));
        }
        Ok(Some(at.batch))
    }

    fn stop(&self) {
        self.receiver.queue.close();
        self.closing.send_replace(true);
    }
}

#[async_trait]
impl Source for HookSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let Ok((batch, documents)) = timeout(PATIENCE, self.receiver.queue.take(self.window, BATCH)).await
        else {
            return Ok(Next::Idle(PAUSE));
        };
        let position = Position::new(SCHEMA, &At { boot: Arc::clone(&self.boot), batch })?;
        Ok(Next::Batch(SourceBatch::new(documents, position)))
    }

    /// Accepts every position of a receiver, and goes on with what is new. Senders whose events were given and not
    /// committed go on waiting: the engine keeps those events itself.
    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        position.map_or(Ok(()), |position| self.batch(position).map(drop))
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        if let Some(batch) = self.batch(position)? {
            self.receiver.queue.commit(batch, Instant::now());
        }
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        self.receiver.queue.remaining()
    }

    async fn close(&mut self) -> Result<()> {
        self.stop();
        match self.server.take() {
            Some(server) => server
                .await
                .map_err(|cause| Error::unexpected("the listener broke").component(SYSTEM).caused_by(cause)),
            None => Ok(()),
        }
    }
}

impl Drop for HookSource {
    fn drop(&mut self) {
        self.stop();
    }
}
