//! Against simulated services on the loopback interface.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::web::Auth;
use crate::web::hook::HookSource;
use crate::web::poll::{PollSource, PollSourceBuilder};
use datalake_core::split::Decoders;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{
    Dataset, Error, ErrorKind, Next, Position, Result, Source, SourceBatch, SourceInfo, async_trait,
};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::social::{Social, TOKEN};

mod bluesky;
mod feed;
mod mastodon;
mod meta;
mod shopify;
mod stripe;
mod youtube;

fn dataset() -> Dataset {
    Dataset::new("d").unwrap()
}

/// A preset that asks a simulated service, without waiting.
fn at(social: &Social, preset: PollSourceBuilder) -> PollSourceBuilder {
    preset
        .origin(social.url())
        .auth(Auth::bearer(TOKEN))
        .rate_limit(100_000, Duration::from_millis(1))
        .poll_every(Duration::from_millis(2))
        .timeout(Duration::from_secs(10))
}

/// All batches until the source idles, in a minute at most.
async fn drain(source: &mut dyn Source) -> Result<Vec<SourceBatch>> {
    let all = async {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = source.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("the source idles")
}

/// What a new source reads after a position, and where it stopped.
async fn read(builder: &PollSourceBuilder, from: Option<&Position>) -> (Vec<Value>, Option<Position>) {
    let mut source = builder.clone().build().unwrap();
    source.seek(from).await.unwrap();
    let batches = drain(&mut source).await.unwrap();
    let position = batches.last().map(|batch| batch.position.clone()).or(from.cloned());
    (records(&source, &batches), position)
}

/// The error that a new source runs into.
async fn error(builder: &PollSourceBuilder) -> Error {
    drain(&mut builder.clone().build().unwrap()).await.unwrap_err()
}

fn records(source: &PollSource, batches: &[SourceBatch]) -> Vec<Value> {
    let decoders: Decoders = source.decoders().into_iter().collect();
    let mut records = Vec::new();
    for document in batches.iter().flat_map(|batch| &batch.documents) {
        decoders.split(document, |piece| {
            assert!(piece.error.is_none(), "{:?}", piece.error);
            records.push(serde_json::from_slice(&piece.body).unwrap());
        });
    }
    records
}

/// The ids of records, in order.
fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["id"].as_str().unwrap()).collect()
}

/// Delivers an event to a receiver, as its sender does, and gives the answer when it comes.
fn deliver(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> JoinHandle<String> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    tokio::spawn(async move {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
}

/// The next batch of a receiver, in 20 seconds at most.
async fn received(source: &mut HookSource) -> SourceBatch {
    let next = async {
        loop {
            if let Next::Batch(batch) = source.next_batch().await.unwrap() {
                return batch;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), next).await.expect("an event comes")
}

/// The HMAC-SHA256 of a text.
fn mac(secret: &str, text: &str) -> Vec<u8> {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// A source that is asked again when it fails for a while, as a pipeline does.
#[derive(Debug)]
struct Stubborn(PollSource);

#[async_trait]
impl Source for Stubborn {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    async fn next_batch(&mut self) -> Result<Next> {
        for _ in 0..10 {
            match self.0.next_batch().await {
                Err(error) if error.is_retryable() => {}
                answer => return answer,
            }
        }
        self.0.next_batch().await
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.0.seek(position).await
    }

    async fn close(&mut self) -> Result<()> {
        self.0.close().await
    }
}

/// A way to fail: status, code, and the kind of error it is.
type Failure = (u16, &'static str, ErrorKind);

/// A list of a service that a preset reads.
struct Silo {
    social: Social,
    path: &'static str,
    source: PollSourceBuilder,
    /// The records in the order of the pages.
    paged: fn(Vec<Value>) -> Vec<Value>,
    /// A record as it is given.
    body: fn(&Value) -> String,
    /// The n-th record, if the list grows.
    grows: Option<fn(u64) -> Value>,
    failures: &'static [Failure],
    secrets: Vec<&'static str>,
    next_failure: Mutex<usize>,
    shaky: bool,
}

impl Silo {
    fn new(path: &'static str, preset: PollSourceBuilder, make: fn(u64) -> Value, count: u64) -> Self {
        let social = Social::builder().start().unwrap();
        let source = at(&social, preset);
        Self::on(social, path, source, make, count)
    }

    /// A list of a service that is there, read by a source of it.
    fn on(
        social: Social,
        path: &'static str,
        source: PollSourceBuilder,
        make: fn(u64) -> Value,
        count: u64,
    ) -> Self {
        (0..count).for_each(|n| social.push(path, make(n)));
        Self {
            social,
            path,
            source,
            paged: |records| records,
            body: Value::to_string,
            grows: None,
            failures: FAILURES,
            secrets: vec![TOKEN],
            next_failure: Mutex::new(0),
            shaky: false,
        }
    }

    fn shaky(mut self) -> Self {
        self.shaky = true;
        self.shake();
        self
    }

    fn shake(&self) {
        if self.shaky {
            self.social.faults().one_in(10, 7);
        }
    }
}

const FAILURES: &[Failure] = &[
    (503, "", ErrorKind::Unavailable),
    (429, "", ErrorKind::RateLimited),
    (401, "", ErrorKind::Unauthenticated),
    (403, "", ErrorKind::PermissionDenied),
    (404, "", ErrorKind::NotFound),
    (302, "", ErrorKind::ConfigInvalid),
];

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(Stubborn(self.source.clone().build()?)))
    }

    fn expected(&self) -> Vec<Bytes> {
        let records = (self.paged)(self.social.list(self.path));
        records.iter().map(|record| Bytes::from((self.body)(record))).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        let record = self.grows?(self.social.list(self.path).len() as u64);
        self.social.push(self.path, record.clone());
        Some(Fed::new([(self.body)(&record)]))
    }

    fn decoders(&self) -> Decoders {
        self.source.clone().build().unwrap().decoders().into_iter().collect()
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut next = self.next_failure.lock().unwrap();
        let now = self.failures.get(*next);
        *next = now.map_or(0, |_| *next + 1);
        self.social.faults().clear();
        let (status, code, kind) = now?;
        let refusal = Refusal::new(*status, *code).message(TOKEN);
        self.social.faults().add(Rule::any().always(), Fault::Refused(refusal));
        Some(*kind)
    }

    async fn mend(&self) {
        self.social.faults().clear();
        self.shake();
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets.iter().map(|secret| (*secret).to_owned()).collect()
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build())]
    }
}
