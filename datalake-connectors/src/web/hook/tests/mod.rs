//! Real requests over the loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use datalake_core::{Clock, Dataset, Document, Next, Source as _, SourceBatch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{HookSource, HookSourceBuilder, Verify};

mod commits;
mod limits;
mod pipeline;
mod rotation;
mod signatures;
mod suite;

/// What the clock of every test says.
const NOW: i64 = 1_614_265_330;

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }
}

fn builder(verify: Verify) -> HookSourceBuilder {
    HookSource::builder(Dataset::new("events").unwrap(), ([127, 0, 0, 1], 0).into())
        .path("/events")
        .verify(verify)
        .clock(FixedClock)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("the test takes too long")
}

async fn batch(source: &mut HookSource) -> SourceBatch {
    loop {
        if let Next::Batch(batch) = within(source.next_batch()).await.unwrap() {
            return batch;
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn post(path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len().to_string();
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n");
    for (name, value) in headers.iter().chain(&[("content-length", length.as_str())]) {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut request = request.into_bytes();
    request.extend_from_slice(body.as_ref());
    request
}

/// Sends bytes and reads what comes back until the connection ends.
async fn send(to: SocketAddr, request: Vec<u8>) -> Answer {
    within(async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(&request).await.unwrap();
        read(&mut stream).await
    })
    .await
}

async fn read(stream: &mut TcpStream) -> Answer {
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn sending(to: SocketAddr, headers: &[(&str, &str)], body: &str) -> JoinHandle<Answer> {
    tokio::spawn(send(to, post("/events", headers, body)))
}

/// Commits all that comes and keeps it.
struct Lake {
    at: SocketAddr,
    documents: Arc<Mutex<Vec<Document>>>,
    task: JoinHandle<()>,
}

impl Lake {
    async fn on(builder: HookSourceBuilder) -> Self {
        let mut source = builder.build().await.unwrap();
        let at = source.local_addr();
        let documents = Arc::<Mutex<Vec<Document>>>::default();
        let kept = Arc::clone(&documents);
        let task = tokio::spawn(async move {
            loop {
                if let Next::Batch(batch) = source.next_batch().await.unwrap() {
                    kept.lock().unwrap().extend(batch.documents);
                    source.commit(&batch.position).await.unwrap();
                }
            }
        });
        Self { at, documents, task }
    }

    async fn post(&self, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        send(self.at, post("/events", headers, body)).await
    }

    fn documents(&self) -> Vec<Document> {
        self.documents.lock().unwrap().clone()
    }
}

impl Drop for Lake {
    fn drop(&mut self) {
        self.task.abort();
    }
}
