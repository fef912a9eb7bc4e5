//! The health endpoint of a running worker: `/livez` and `/readyz` over plain HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use datalake_core::pipeline::Progress;
use datalake_core::{Error, ErrorKind, Pipeline, PipelineId, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest head of a request, bytes.
const HEAD: usize = 8 << 10;
/// How long one request with its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many requests are answered at once.
const CONNECTIONS: usize = 32;

/// What a worker says of itself. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    pipelines: Vec<One>,
}

#[derive(Debug)]
struct One {
    id: PipelineId,
    progress: watch::Receiver<Progress>,
    ended: Option<Option<ErrorKind>>,
}

/// A health endpoint, open until it is dropped.
#[derive(Debug)]
pub(super) struct Endpoint(JoinHandle<()>);

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Health {
    /// Answers at an address. Port 0 takes a free port; the log names it.
    pub(super) async fn listen(&self, address: SocketAddr) -> Result<Endpoint> {
        let failed = |cause: std::io::Error| {
            Error::config("the address of the health endpoint cannot be used")
                .with("health", address)
                .caused_by(cause)
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        tracing::info!(health = %listener.local_addr().map_err(failed)?, "answering for the worker's health");
        Ok(Endpoint(tokio::spawn(serve(listener, self.clone()))))
    }

    /// A pipeline begins.
    pub(super) fn begins(&self, pipeline: &Pipeline) {
        let one = One { id: pipeline.id().clone(), progress: pipeline.progress(), ended: None };
        self.state().pipelines.push(one);
    }

    /// A pipeline has ended, by an error or because it was asked to.
    pub(super) fn ended(&self, pipeline: &PipelineId, error: Option<&Error>) {
        for one in self.state().pipelines.iter_mut().filter(|one| one.id == *pipeline) {
            one.ended = Some(error.map(Error::kind));
        }
    }

    /// The worker was asked to stop.
    pub(super) fn stops(&self) {
        self.state().stopping = true;
    }

    /// Whether the worker is ready, and how each pipeline gets on.
    fn report(&self) -> (bool, Value) {
        let state = self.state();
        let failed = state.pipelines.iter().any(|one| matches!(one.ended, Some(Some(_))));
        let status = match (state.stopping, failed, state.pipelines.is_empty()) {
            (true, ..) => "stopping",
            (_, true, _) => "failed",
            (.., true) => "starting",
            _ => "ready",
        };
        let pipelines: Vec<_> = state.pipelines.iter().map(One::report).collect();
        (status == "ready", json!({ "status": status, "pipelines": pipelines }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    fn report(&self) -> Value {
        let progress = *self.progress.borrow();
        let lag = progress.oldest_uncommitted.map(|oldest| (Utc::now() - oldest).as_seconds_f64().max(0.0));
        json!({
            "pipeline": self.id,
            "status": match self.ended {
                None => "running",
                Some(None) => "ended",
                Some(Some(_)) => "failed",
            },
            "error": self.ended.flatten(),
            "since": progress.started,
            "updated": progress.updated,
            "commits": progress.commits,
            "counts": progress.counts,
            "bytes_read": progress.bytes_read,
            "bytes_committed": progress.bytes_committed,
            "bytes_remaining": progress.remaining.bytes,
            "records_remaining": progress.remaining.records,
            "behind_seconds": progress.remaining.behind.map(|behind| behind.as_secs_f64()),
            "lag_seconds": lag.unwrap_or_default(),
        })
    }
}

async fn serve(listener: TcpListener, health: Health) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, for instance. There is no event to wait for.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let health = health.clone();
        tokio::spawn(async move {
            if !matches!(timeout(PATIENCE, answer(stream, &health)).await, Ok(Ok(()))) {
                tracing::debug!("a question for the worker's health was not answered");
            }
            drop(permit);
        });
    }
}

async fn answer(mut stream: TcpStream, health: &Health) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&head);
    let mut line = text.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        ("GET" | "HEAD", "/livez") => ("200 OK", json!({ "status": "live" })),
        ("GET" | "HEAD", "/readyz") => {
            let (ready, report) = health.report();
            (if ready { "200 OK" } else { "503 Service Unavailable" }, report)
        }
        ("GET" | "HEAD", _) => ("404 Not Found", json!({ "error": "there are /livez and /readyz" })),
        _ => ("405 Method Not Allowed", json!({ "error": "ask by GET" })),
    };
    let body = if method == "HEAD" { String::new() } else { format!("{body}\n") };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datalake_core::lake::Lake;
    use datalake_core::store::MemoryStore;
    use datalake_core::testkit::VecSource;
    use datalake_sinks::lake::LakeSink;

    use super::*;

    fn pipeline(name: &str) -> Pipeline {
        let lake = Lake::new(Arc::new(MemoryStore::new()));
        let source = VecSource::json(["1"]);
        Pipeline::builder(name).source(source).lake(&LakeSink::builder(&lake).build()).build().unwrap()
    }

    #[test]
    fn a_worker_is_ready_while_all_its_pipelines_run() {
        let health = Health::default();
        assert_eq!((health.report().0, &health.report().1["status"]), (false, &json!("starting")));
        let (one, two) = (pipeline("one"), pipeline("two"));
        health.begins(&one);
        health.begins(&two);
        assert_eq!((health.report().0, &health.report().1["status"]), (true, &json!("ready")));
        health.ended(one.id(), Some(&Error::new(ErrorKind::PermissionDenied, "no grant")));
        let (ready, report) = health.report();
        assert_eq!((ready, &report["status"]), (false, &json!("failed")));
        assert_eq!(report["pipelines"][0]["error"], "permission-denied");
        assert_eq!(report["pipelines"][1]["status"], "running");
        health.stops();
        assert_eq!(health.report().1["status"], "stopping");
    }

    #[tokio::test]
    async fn what_is_no_question_gets_an_answer_and_harms_nobody() {
        let health = Health::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, health));
        let long = vec![b'x'; HEAD];
        for (question, status) in [
            (&b"POST /livez HTTP/1.1\r\n\r\n"[..], "405"),
            (b"GET /livez?x=1 HTTP/1.1\r\n\r\n", "200"),
            (b"HEAD /readyz HTTP/1.1\r\n\r\n", "503"),
            (b"\xff\x00\r\n\r\n", "405"),
            (&long, "405"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(question).await.unwrap();
            let mut answer = String::new();
            timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        serving.abort();
    }
}
