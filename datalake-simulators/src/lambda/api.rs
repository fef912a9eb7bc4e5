//! The interface that a runtime speaks to.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{FunctionError, Invocation, Outcome, RESPONSE_LIMIT, Settings, lock};

/// The most bytes of an answer that are read to tell how many there are.
const READ_LIMIT: usize = 64 << 20;

static INVOCATIONS: AtomicU64 = AtomicU64::new(0);

/// An interface on a port of its own, until it is dropped.
#[derive(Debug)]
pub(super) struct Api {
    address: SocketAddr,
    state: Arc<State>,
    jobs: mpsc::UnboundedSender<Job>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    jobs: tokio::sync::Mutex<mpsc::UnboundedReceiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    stage: watch::Sender<Stage>,
    extension: watch::Sender<bool>,
    arn: Mutex<String>,
}

/// How far the initialisation is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    Begun,
    /// The runtime has asked for its first event.
    Ready,
    Failed(FunctionError),
}

#[derive(Debug)]
struct Job {
    id: String,
    event: Bytes,
    arn: String,
    timeout: Duration,
    taken: oneshot::Sender<Instant>,
    outcome: oneshot::Sender<Outcome>,
}

impl Api {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            jobs: tokio::sync::Mutex::new(waiting),
            current: Mutex::default(),
            stage: watch::Sender::new(Stage::Begun),
            extension: watch::Sender::new(false),
            arn: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, state, jobs, task })
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn init_error(&self) -> Option<FunctionError> {
        match &*self.state.stage.borrow() {
            Stage::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }

    pub(super) fn has_extension(&self) -> bool {
        *self.state.extension.borrow()
    }

    /// Waits until the initialisation has succeeded or failed.
    pub(super) async fn initialised(&self) -> Stage {
        let mut stage = self.state.stage.subscribe();
        let over = stage.wait_for(|stage| *stage != Stage::Begun).await;
        over.map_or(Stage::Begun, |stage| stage.clone())
    }

    /// Gives an event to the runtime. The time begins when the runtime takes it; until then it may take as long as an
    /// initialisation.
    pub(super) async fn invoke(&self, settings: &Settings, event: Bytes) -> Invocation {
        let id = request_id();
        let (taken, was_taken) = oneshot::channel();
        let (outcome, told) = oneshot::channel();
        let began = Instant::now();
        let job =
            Job { id: id.clone(), event, arn: settings.arn(), timeout: settings.timeout, taken, outcome };
        let lost =
            |outcome| Invocation { request_id: id.clone(), outcome, took: began.elapsed(), cold_start: None };
        if self.jobs.send(job).is_err() {
            return lost(Outcome::Exited(None));
        }
        let began = match tokio::time::timeout(settings.initialisation, was_taken).await {
            Ok(Ok(began)) => began,
            Ok(Err(_)) => return lost(Outcome::Exited(None)),
            Err(_) => return lost(Outcome::InitFailed(self.init_error(), None)),
        };
        let left = settings.timeout.saturating_sub(began.elapsed());
        let outcome = match tokio::time::timeout(left, told).await {
            Ok(outcome) => outcome.unwrap_or(Outcome::Exited(None)),
            Err(_) => {
                lock(&self.state.current).take();
                Outcome::TimedOut
            }
        };
        Invocation { request_id: id, outcome, took: began.elapsed(), cold_start: None }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(state.answer(request).await) }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

type Reply = Response<Full<Bytes>>;

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.response(id, request).await
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                match read_error(request).await {
                    Ok(error) => self.resolve(id, Outcome::Failed(error)),
                    Err(refused) => refused,
                }
            }
            (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => match read_error(request).await {
                Ok(error) => {
                    self.stage.send_replace(Stage::Failed(error));
                    accepted()
                }
                Err(refused) => refused,
            },
            (&Method::POST, ["2020-01-01", "extension", "register"]) => self.register(&request),
            (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => std::future::pending().await,
            _ => reply(StatusCode::NOT_FOUND, r#"{"errorType":"NotFound","errorMessage":"no such path"}"#),
        }
    }

    async fn next(&self) -> Reply {
        // The process that asks again after an event without having answered it has lost the event.
        lock(&self.current).take();
        self.stage.send_replace(Stage::Ready);
        let job = loop {
            let Some(job) = self.jobs.lock().await.recv().await else { std::future::pending().await };
            if !job.outcome.is_closed() {
                break job;
            }
        };
        let now = Instant::now();
        let deadline = Utc::now() + job.timeout;
        *lock(&self.arn) = job.arn.clone();
        let built = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &job.id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.timestamp_millis())
            .header("Lambda-Runtime-Invoked-Function-Arn", &job.arn)
            .header("Lambda-Runtime-Trace-Id", trace_id())
            .body(Full::new(job.event));
        *lock(&self.current) = Some((job.id, job.outcome));
        job.taken.send(now).ok();
        built.unwrap_or_else(|error| {
            tracing::error!(%error, "an event cannot be put into an answer");
            reply(StatusCode::INTERNAL_SERVER_ERROR, "{}")
        })
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Reply {
        let Ok(body) = Limited::new(request.into_body(), READ_LIMIT).collect().await else {
            return reply(StatusCode::BAD_REQUEST, r#"{"errorType":"BadBody","errorMessage":"not read"}"#);
        };
        let body = body.to_bytes();
        if body.len() > RESPONSE_LIMIT {
            self.resolve(id, Outcome::AnswerTooLarge(body.len()));
            return reply(
                StatusCode::PAYLOAD_TOO_LARGE,
                r#"{"errorType":"RequestEntityTooLarge","errorMessage":"Exceeded maximum allowed payload size (6291556 bytes)."}"#,
            );
        }
        self.resolve(id, Outcome::Answer(body))
    }

    /// Tells whoever waits for the current event, if it is the one of this id.
    fn resolve(&self, id: &str, outcome: Outcome) -> Reply {
        let current = lock(&self.current).take_if(|(own, _)| own == id);
        let told = current.is_some_and(|(_, waiting)| waiting.send(outcome).is_ok());
        if told {
            return accepted();
        }
        let body = r#"{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}"#;
        reply(StatusCode::BAD_REQUEST, body)
    }

    fn register(&self, request: &Request<Incoming>) -> Reply {
        if request.headers().get("Lambda-Extension-Name").is_none() {
            return reply(StatusCode::BAD_REQUEST, r#"{"errorType":"Extension.MissingHeader"}"#);
        }
        self.extension.send_replace(true);
        let body = r#"{"functionName":"function","functionVersion":"$LATEST","handler":"bootstrap"}"#;
        let mut answer = reply(StatusCode::OK, body);
        if let Ok(id) = request_id().parse() {
            answer.headers_mut().insert("Lambda-Extension-Identifier", id);
        }
        answer
    }
}

async fn read_error(request: Request<Incoming>) -> Result<FunctionError, Reply> {
    let header = request.headers().get("Lambda-Runtime-Function-Error-Type");
    let header = header.and_then(|value| Some(value.to_str().ok()?.to_owned()));
    match Limited::new(request.into_body(), READ_LIMIT).collect().await {
        Ok(body) => Ok(FunctionError::read(&body.to_bytes(), header)),
        Err(_) => Err(reply(StatusCode::BAD_REQUEST, r#"{"errorType":"BadBody"}"#)),
    }
}

fn accepted() -> Reply {
    reply(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

fn reply(status: StatusCode, body: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *reply.status_mut() = status;
    reply
}

/// Ids of the form of the service, in the order they were given.
fn request_id() -> String {
    let n = INVOCATIONS.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0000-4000-8000-{n:012x}", std::process::id())
}

fn trace_id() -> String {
    let n = INVOCATIONS.load(Ordering::Relaxed);
    let (now, process) = (Utc::now().timestamp(), std::process::id());
    format!("Root=1-{now:08x}-{process:012x}{n:012x};Parent={n:016x};Sampled=1")
}
