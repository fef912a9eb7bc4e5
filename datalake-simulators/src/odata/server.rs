//! The server, and what it does to requests that have a fault.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::fault::{Fault, Faults};
use super::lock;

/// A request with its whole body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path as it was sent.
    pub(crate) path: String,
    /// The query as it was sent, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// Path and query as they were sent.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All parameters of the query, decoded, in their order.
    pub(crate) fn params(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.params().into_iter().find(|(param, _)| param == name).map(|(_, value)| value)
    }

    /// The user and the password of basic authentication.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let text = self.header("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// The value of a preference, with or without `odata.` before its name; empty if it has none.
    pub(crate) fn preference(&self, name: &str) -> Option<String> {
        let headers = self.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let mut parts = headers.flat_map(|value| value.split([',', ';'])).map(str::trim);
        parts.find_map(|part| {
            let (found, value) = part.split_once('=').unwrap_or((part, ""));
            (found.strip_prefix("odata.").unwrap_or(found) == name).then(|| value.trim().to_owned())
        })
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(cookie, _)| *cookie == name).map(|(_, value)| value)
    }
}

/// Names and values of a query or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(n, v)| (decode(n), decode(v)))
        .collect()
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A request that came, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// `GET` and the like.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Its headers, names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// The status of the answer, or `None` if the connection was closed without one.
    pub status: Option<u16>,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}

impl Seen {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// What answers requests. Does not wait.
pub(crate) trait Service: Send + Sync + 'static {
    fn answer(&self, request: &Request) -> Answer;
    /// An error that was asked for.
    fn refuse(&self, request: &Request, status: u16, xml: bool) -> Answer;
    /// An answer whose link to the next page is the link that was asked for.
    fn with_same_link(&self, request: &Request, answer: Answer) -> Answer;
}

/// A service on a free port of loopback, until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) faults: Faults,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(service: Arc<impl Service>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let faults = Faults::default();
        let seen = Arc::default();
        let shared = Shared { service, faults: faults.clone(), seen: Arc::clone(&seen) };
        let task = tokio::spawn(serve(listener, Arc::new(shared)));
        Ok(Self { address, faults, seen, task })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub(crate) fn forget(&self) {
        lock(&self.seen).clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared<S> {
    service: Arc<S>,
    faults: Faults,
    seen: Arc<Mutex<Vec<Seen>>>,
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn serve<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    stream.set_nodelay(true).ok();
                    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
                    // Ends with an error where a fault closes the connection.
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle<S: Service>(
    shared: Arc<Shared<S>>,
    request: hyper::Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let fault = shared.faults.of(&request);
    let answer = answer(&*shared.service, &request, fault.as_ref());
    let status = answer.as_ref().map(|answer| answer.status);
    let silent = matches!(fault, Some(Fault::Lost | Fault::Silent));
    note(&shared.seen, &request, status.filter(|_| !silent), fault.clone());
    match (answer, fault) {
        (None, _) | (_, Some(Fault::Lost)) => Err(closed()),
        (_, Some(Fault::Silent)) => std::future::pending().await,
        (Some(answer), Some(Fault::Slow(time))) => {
            tokio::time::sleep(time).await;
            respond(answer, None)
        }
        (Some(answer), fault) => respond(answer, fault),
    }
}

/// Does what is to be done, and gives what would be answered.
fn answer(service: &impl Service, request: &Request, fault: Option<&Fault>) -> Option<Answer> {
    Some(match fault {
        Some(Fault::Reset) => return None,
        Some(Fault::Refused { status, retry_after }) => {
            let refused = service.refuse(request, *status, false);
            match retry_after {
                Some(time) => refused.with("retry-after", time),
                None => refused,
            }
        }
        Some(Fault::RefusedInXml(status)) => service.refuse(request, *status, true),
        Some(Fault::Login) => Answer::new(200, "text/html; charset=utf-8", LOGIN),
        Some(Fault::Redirect(place)) => Answer::empty(302).with("location", place),
        Some(Fault::SameLink) => service.with_same_link(request, service.answer(request)),
        _ => service.answer(request),
    })
}

const LOGIN: &str = "<!DOCTYPE html><html><head><title>Logon</title></head><body>\
                     <form action=\"/login\" method=\"post\"><input name=\"sap-user\"/></form></body></html>";

fn note(seen: &Mutex<Vec<Seen>>, request: &Request, status: Option<u16>, fault: Option<Fault>) {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers =
        request.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let (method, target, body) = (request.method.clone(), request.target(), request.body.clone());
    lock(seen).push(Seen { method, target, headers, body, status, fault });
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection is closed by a fault")
}

fn respond(answer: Answer, fault: Option<Fault>) -> io::Result<Response<Body>> {
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let mut response = Response::builder().status(status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let mut content = answer.body;
    if fault == Some(Fault::Short) {
        content.truncate(content.len() - content.len().div_ceil(8));
    }
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response = response.header("content-length", content.len());
    }
    let body = if fault == Some(Fault::Truncated) {
        let half = content.slice(..content.len() / 2);
        let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(async {
            // What came so far goes out before the connection ends.
            tokio::task::yield_now().await;
            Err(closed())
        }));
        BodyExt::boxed_unsync(StreamBody::new(frames))
    } else {
        Full::new(content).map_err(|never| match never {}).boxed_unsync()
    };
    response.body(body).map_err(io::Error::other)
}
