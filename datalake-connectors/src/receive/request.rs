//! One request, from its head to its answer.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use datalake_core::codec::{Compression, Expansion};
use datalake_core::{Cpu, Document, ErrorKind, Sha256, async_trait};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::queue::{Outcome, Queue, Room, Submitted};
use super::refusal::{
    BROKEN, CLOSED, DAMAGED, FULL, NO_SUCH_PATH, OTHER_METHOD, Refusal, TOO_LARGE, TOO_SLOW, UNCOMMITTED,
    UNKNOWN_CODING, committed, empty,
};

/// Bytes out for a byte in that a compressed body may give, beyond the first mebibyte.
const RATIO: u64 = 200;
/// How much of a refused body is read and dropped at least, so that its sender gets to see the answer; twice what is taken if
/// that is more.
const LINGER_BYTES: usize = 4 << 20;
const LINGER: Duration = Duration::from_secs(2);

/// What a kind of receiver makes of a request. The head of a request has the address of its sender, a [`SocketAddr`], among
/// its extensions.
#[async_trait]
pub(crate) trait Intake: Send + Sync + 'static {
    /// What the head of a request claims.
    type Claim: Send + Sync;

    /// The methods that bring events to a path, as the header `Allow` lists them.
    fn allow(&self, _path: &str) -> &'static str {
        "POST"
    }

    /// Answers a request that brings no event.
    async fn aside(&self, _head: &Parts) -> Option<Response<Full<Bytes>>> {
        None
    }

    /// Looks at the head, before the body is read.
    async fn claim(&self, head: &Parts) -> Result<Self::Claim, Refusal>;

    /// Checks who sent it, over the body as it came.
    async fn check(&self, _claim: &Self::Claim, _raw: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    /// Makes an event of a request that was checked. The content is the body without its content encoding.
    async fn event(
        &self,
        claim: &Self::Claim,
        head: &Parts,
        raw: &Bytes,
        content: Bytes,
    ) -> Result<Event, Refusal>;

    /// What the sender of a committed event is told.
    fn committed(&self, _claim: &Self::Claim, _head: &Parts, id: &str) -> Response<Full<Bytes>> {
        committed(id)
    }

    /// Adds what every answer has, be it good or bad.
    fn dress(&self, _head: &Parts, _response: &mut Response<Full<Bytes>>) {}
}

/// An event on its way into the queue.
pub(crate) struct Event {
    /// What its sender is told.
    pub(crate) id: String,
    /// By which it is known again.
    pub(crate) key: Option<Sha256>,
    pub(crate) document: Document,
}

/// What answers requests.
pub(crate) struct Receiver<I> {
    pub(crate) paths: Vec<String>,
    pub(crate) health: Option<String>,
    pub(crate) max_body: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) commit_timeout: Duration,
    pub(crate) queue: Queue,
    pub(crate) cpu: Cpu,
    pub(crate) intake: I,
}

impl<I: Intake> Receiver<I> {
    /// Answers a request: 2xx only after the commit of its event.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, mut body) = request.into_parts();
        if self.health.as_deref() == Some(head.uri.path())
            && matches!(head.method, Method::GET | Method::HEAD)
        {
            let open = self.queue.is_open();
            return empty(if open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE });
        }
        let mut response = match self.intake.aside(&head).await {
            Some(response) => response,
            None => self.receive(&head, &mut body).await.unwrap_or_else(|refusal| {
                tracing::debug!(
                    status = refusal.status.as_u16(),
                    reason = refusal.reason,
                    "refused an event"
                );
                linger(&head, body, LINGER_BYTES.max(2 * self.max_body));
                refusal.response()
            }),
        };
        self.intake.dress(&head, &mut response);
        response
    }

    async fn receive(&self, head: &Parts, body: &mut Incoming) -> Result<Response<Full<Bytes>>, Refusal> {
        let path = self.paths.iter().find(|path| *path == head.uri.path()).ok_or(NO_SUCH_PATH)?;
        let allow = self.intake.allow(path);
        if !allow.split(", ").any(|method| method == head.method) {
            return Err(Refusal { allow: Some(allow), ..OTHER_METHOD });
        }
        if !self.queue.is_open() {
            return Err(CLOSED);
        }
        let claim = self.intake.claim(head).await?;
        let (Event { id, key, document }, room) = self.event(&claim, head, body).await?;
        match self.queue.submit(document, key, room, Instant::now()) {
            Submitted::Known => {}
            Submitted::Full => return Err(FULL),
            Submitted::Closed => return Err(CLOSED),
            Submitted::Waits(outcome) => self.until_committed(outcome).await?,
        }
        Ok(self.intake.committed(&claim, head, &id))
    }

    /// Reads and checks an event.
    async fn event(
        &self,
        claim: &I::Claim,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<(Event, Room), Refusal> {
        let coding = content_coding(&head.headers)?;
        let sent = timeout(self.read_timeout, self.read(&head.headers, body));
        let (raw, room) = sent.await.map_err(|_| TOO_SLOW)??;
        self.intake.check(claim, &raw).await?;
        let (content, room) = self.decode(coding, &raw, room).await?;
        Ok((self.intake.event(claim, head, &raw, content).await?, room))
    }

    /// Reads the body, at most as long as allowed whatever its sender declares.
    async fn read(&self, headers: &HeaderMap, body: &mut Incoming) -> Result<(Bytes, Room), Refusal> {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|bytes| bytes > self.max_body as u64) {
            return Err(TOO_LARGE);
        }
        let (mut bytes, mut room) = (BytesMut::new(), Room::default());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BROKEN)?.into_data() else { continue };
            if bytes.len() + data.len() > self.max_body {
                return Err(TOO_LARGE);
            }
            if !self.queue.hold(&mut room, data.len()) {
                return Err(FULL);
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes.freeze(), room))
    }

    /// The body without its content encoding. Only a body that was checked comes here.
    async fn decode(&self, coding: Compression, raw: &Bytes, room: Room) -> Result<(Bytes, Room), Refusal> {
        if coding.is_none() {
            return Ok((raw.clone(), room));
        }
        let (raw, bounds) = (raw.clone(), Expansion { ratio: RATIO, total: self.max_body as u64 });
        let decoded = self.cpu.run(move || coding.decompress(&raw, bounds)).await.and_then(|decoded| decoded);
        let content = decoded.map_err(|error| match error.kind() {
            ErrorKind::RecordTooLarge => TOO_LARGE,
            _ => DAMAGED,
        })?;
        drop(room);
        let mut room = Room::default();
        if self.queue.hold(&mut room, content.len()) { Ok((content, room)) } else { Err(FULL) }
    }

    async fn until_committed(
        &self,
        mut outcome: tokio::sync::watch::Receiver<Outcome>,
    ) -> Result<(), Refusal> {
        let told = timeout(self.commit_timeout, outcome.wait_for(|outcome| *outcome != Outcome::Waiting));
        match told.await.map_err(|_| UNCOMMITTED)?.as_deref() {
            Ok(Outcome::Committed) => Ok(()),
            _ => Err(CLOSED),
        }
    }
}

impl<I> fmt::Debug for Receiver<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("paths", &self.paths).finish_non_exhaustive()
    }
}

fn content_coding(headers: &HeaderMap) -> Result<Compression, Refusal> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(Compression::None) };
    let coding = coding.to_str().map_err(|_| UNKNOWN_CODING)?.trim().to_ascii_lowercase();
    match (coding.as_str(), codings.next()) {
        ("" | "identity", None) => Ok(Compression::None),
        ("gzip" | "x-gzip", None) => Ok(Compression::Gzip),
        ("zstd", None) => Ok(Compression::Zstd),
        _ => Err(UNKNOWN_CODING),
    }
}

/// Goes on reading a refused body for a moment: a connection closed over unread bytes is reset, and its sender may
/// never see why.
fn linger(head: &Parts, mut body: Incoming, bytes: usize) {
    if body.is_end_stream() || head.headers.contains_key(EXPECT) {
        return;
    }
    let drain = async move {
        let mut left = bytes;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    drop(tokio::spawn(timeout(LINGER, drain)));
}
