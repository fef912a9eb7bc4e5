//! Real requests over the loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datalake_core::{Dataset, Document, Next, Source as _, SourceBatch};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{CollectorSource, CollectorSourceBuilder};

mod commits;
mod events;
mod lakes;
mod origins;
mod refusals;
mod suite;
mod trackers;
mod visitors;

const TP2: &str = "/com.snowplowanalytics.snowplow/tp2";

fn builder() -> CollectorSourceBuilder {
    CollectorSource::builder(Dataset::new("clicks").unwrap(), ([127, 0, 0, 1], 0).into()).snowplow().segment()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("the test takes too long")
}

async fn batch(source: &mut CollectorSource) -> SourceBatch {
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
    body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// Why it was refused.
    fn reason(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["error"].as_str().unwrap().to_owned()
    }
}

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn ask(to: SocketAddr, method: &str, path: &str, headers: Headers<'_>, body: &[u8]) -> Answer {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    within(async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: answer[end + 4..].to_vec() }
    })
    .await
}

/// A body as Snowplow's trackers send it.
fn tp2(ids: &[&str]) -> String {
    let events: Vec<_> =
        ids.iter().map(|id| json!({ "e": "pv", "eid": id, "p": "web", "tv": "t-1" })).collect();
    let schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4";
    json!({ "schema": schema, "data": events }).to_string()
}

/// A body as Segment's libraries send it.
fn segment(ids: &[&str]) -> String {
    let event = |id: &&str| json!({ "type": "track", "event": "Clicked", "userId": "u", "messageId": id });
    let events: Vec<_> = ids.iter().map(event).collect();
    json!({ "batch": events, "sentAt": "2026-11-26T10:00:00.000Z" }).to_string()
}

fn sending(to: SocketAddr, path: &'static str, body: String) -> JoinHandle<Answer> {
    tokio::spawn(async move { ask(to, "POST", path, &[], body.as_bytes()).await })
}

/// Commits all that comes and keeps it.
struct Lake {
    at: SocketAddr,
    documents: Arc<Mutex<Vec<Document>>>,
    task: JoinHandle<()>,
}

impl Lake {
    async fn on(builder: CollectorSourceBuilder) -> Self {
        let mut source = builder.commit_within(Duration::ZERO).build().await.unwrap();
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

    async fn post(&self, path: &str, headers: Headers<'_>, body: impl AsRef<[u8]>) -> Answer {
        ask(self.at, "POST", path, headers, body.as_ref()).await
    }

    async fn get(&self, path: &str, headers: Headers<'_>) -> Answer {
        ask(self.at, "GET", path, headers, b"").await
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
