//! The server, and what it does to requests that have a fault.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;

use super::answer::Answer;
use super::fault::{Fault, Refusal};
use super::plan::Faults;
use super::request::Request;

/// Bodies below this are not compressed.
const WORTH_COMPRESSING: usize = 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    /// The name of the operation that a request asks for.
    fn operation(&self, request: &Request) -> &'static str;

    /// Answers a request. Does not wait.
    fn answer(&self, operation: &'static str, request: &Request) -> Answer;

    /// Says no in the form of the service.
    fn refuse(&self, operation: &'static str, refusal: &Refusal) -> Answer;

    /// Whether it compresses for clients that ask for it.
    fn compresses(&self) -> bool;
}

/// A service on a port of its own, in a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    /// Takes a free port, and gives the service that is made for its URL.
    pub(crate) fn start<S: Service>(
        faults: Faults,
        service: impl FnOnce(&str) -> Arc<S>,
    ) -> io::Result<(Self, Arc<S>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let service = service(&format!("http://{address}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let guard = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(guard);
        let shared = Arc::new(Shared { service: Arc::clone(&service), faults });
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    stream.set_nodelay(true).ok();
                    let handle = service_fn(move |request| handle(Arc::clone(&shared), request));
                    // Ends with an error where a fault closes the connection.
                    http1::Builder::new().serve_connection(TokioIo::new(stream), handle).await.ok();
                });
            }
        });
        Ok((Self { address, runtime: Some(runtime) }, service))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Shared<S> {
    service: Arc<S>,
    faults: Faults,
}

async fn handle<S: Service>(
    shared: Arc<Shared<S>>,
    request: hyper::Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::new(&parts, body);
    let operation = shared.service.operation(&request);
    let (n, deeds, fault) = shared.faults.begin(operation, &request);
    deeds.iter().for_each(|deed| deed());
    let done = || shared.service.answer(operation, &request);
    let answer = match &fault {
        Some(Fault::Reset) => return Err(closed()),
        Some(Fault::Refused(refusal)) => shared.service.refuse(operation, refusal),
        Some(Fault::RefusedAfter(refusal)) => {
            done();
            shared.service.refuse(operation, refusal)
        }
        Some(Fault::Lost) => {
            done();
            return Err(closed());
        }
        Some(Fault::Slow(time)) => {
            let answer = done();
            tokio::time::sleep(*time).await;
            answer
        }
        Some(Fault::Silent) => {
            done();
            std::future::pending().await
        }
        Some(Fault::Foreign) => {
            let page =
                "<!DOCTYPE html><html><head><title>Log in</title></head><body><form></form></body></html>";
            Answer::new(200, "text/html; charset=utf-8", page)
        }
        Some(Fault::BadGateway) => {
            Answer::new(502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>")
        }
        None | Some(Fault::Truncated | Fault::Short) => done(),
    };
    shared.faults.end(n, answer.status);
    let compress = shared.service.compresses()
        && answer.body.len() >= WORTH_COMPRESSING
        && request.header("accept-encoding").is_some_and(|codings| codings.contains("gzip"));
    respond(answer, compress, fault.as_ref())
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection is closed by a fault")
}

fn respond(mut answer: Answer, compress: bool, fault: Option<&Fault>) -> io::Result<Response<Body>> {
    if fault == Some(&Fault::Short) {
        answer.body.truncate(answer.body.len() - answer.body.len().div_ceil(8));
    }
    if compress {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&answer.body)?;
        answer.body = encoder.finish()?.into();
        answer = answer.with("content-encoding", "gzip");
    }
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let mut response = Response::builder().status(status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let content = answer.body;
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response = response.header("content-length", content.len());
    }
    let body = match fault {
        Some(Fault::Truncated) if content.is_empty() => return Err(closed()),
        Some(Fault::Truncated) => {
            let half = content.slice(..content.len() / 2);
            let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(async {
                // What came so far goes out before the connection ends.
                tokio::task::yield_now().await;
                Err(closed())
            }));
            BodyExt::boxed_unsync(StreamBody::new(frames))
        }
        _ => Full::new(content).map_err(|never| match never {}).boxed_unsync(),
    };
    response.body(body).map_err(io::Error::other)
}
