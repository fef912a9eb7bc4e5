//! A service that speaks AWS's JSON protocol over HTTP, on loopback.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::Deserialize;
use tokio::runtime::Runtime;

use crate::faults::{Fault, Faults};

/// What the service refuses, with the status and the code it gives.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into() }
    }
}

/// The body of an answer, or a refusal.
pub(crate) type Answer = Result<Vec<u8>, Refusal>;

/// What answers calls.
pub(crate) trait Service: Send + Sync + 'static {
    /// Answers a call, which is the n-th of its operation, from 0. Does not wait.
    fn call(&self, operation: &str, n: u64, body: &Bytes) -> Answer;
}

/// Reads a request.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new("SerializationException", error.to_string()))
}

/// Writes an answer.
pub(crate) fn answer(value: &impl Serialize) -> Answer {
    serde_json::to_vec(value).map_err(|error| Refusal {
        status: 500,
        code: "InternalFailure".into(),
        message: error.to_string(),
    })
}

/// The service on a port of its own, in threads of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    calls: Calls,
    runtime: Option<Runtime>,
}

type Calls = Arc<Mutex<BTreeMap<String, u64>>>;

impl Server {
    pub(crate) fn start(service: Arc<impl Service>, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let calls = Calls::default();
        let shared = Arc::new(Shared { service, faults, calls: Arc::clone(&calls) });
        let _guard = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                let respond = service_fn(move |request| respond(Arc::clone(&shared), request));
                tokio::spawn(async move {
                    // A connection that breaks is the client's to notice.
                    let served = stream.set_nodelay(true);
                    let served = served.map(|()| TokioIo::new(stream));
                    if let Ok(io) = served {
                        http1::Builder::new().serve_connection(io, respond).await.ok();
                    }
                });
            }
        });
        Ok(Self { address, calls, runtime: Some(runtime) })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often an operation was called.
    pub(crate) fn calls(&self, operation: &str) -> u64 {
        lock(&self.calls).get(operation).copied().unwrap_or_default()
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
    calls: Calls,
}

/// Why a connection ends without an answer.
#[derive(Debug)]
struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was made to end")
    }
}

impl std::error::Error for NoAnswer {}

async fn respond<S: Service>(
    shared: Arc<Shared<S>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.map_err(|_| NoAnswer)?.to_bytes();
    let n = {
        let mut calls = lock(&shared.calls);
        let count = calls.entry(operation.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let fault = shared.faults.of_call(&operation);
    match &fault {
        Some(Fault::Reset) => return Err(NoAnswer),
        Some(Fault::Slow(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Refuse { status, code }) => {
            let message = "made to fail".into();
            return Ok(reply(Err(Refusal { status: *status, code: (*code).into(), message })));
        }
        Some(Fault::LoseReply) | None => {}
    }
    let answer = shared.service.call(&operation, n, &body);
    match fault {
        Some(Fault::LoseReply) => Err(NoAnswer),
        _ => Ok(reply(answer)),
    }
}

fn reply(answer: Answer) -> Response<Full<Bytes>> {
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(Refusal { status, code, message }) => {
            let body = serde_json::json!({ "__type": code, "message": message });
            (status, body.to_string().into_bytes())
        }
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000")
        .body(Full::new(Bytes::from(body)));
    response.unwrap_or_default()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time by the machine's clock, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// The name at the end of an ARN, after a prefix such as `stream/`.
#[cfg(feature = "kinesis")]
pub(crate) fn of_arn<'a>(arn: &'a str, prefix: &str) -> Option<&'a str> {
    arn.rsplit(':').next()?.strip_prefix(prefix)
}
