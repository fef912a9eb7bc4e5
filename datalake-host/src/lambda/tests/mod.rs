use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::lake::{Lake, Zone};
use datalake_core::store::MemoryStore;
use datalake_core::{Batch, Dataset, Error, ErrorKind, Receipt, Result, Retry, Sink, SinkInfo, async_trait};
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::InvocationSourceBuilder;
use super::function::Function;
use super::invocation::Invocation;
use crate::Host;

mod events;
mod fuzz;
mod schedule;
mod streams;

/// A worker in this process, and the lake it fills.
struct Worker {
    function: Function,
    lake: Lake,
    down: Down,
    stop: watch::Sender<bool>,
}

/// A sink that does not answer while it is given a record that begins so.
#[derive(Debug, Clone)]
struct Down {
    info: SinkInfo,
    on: Arc<Mutex<Option<&'static str>>>,
}

impl Down {
    fn on(&self, beginning: impl Into<Option<&'static str>>) {
        *self.on.lock().unwrap() = beginning.into();
    }
}

#[async_trait]
impl Sink for Down {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        let on = *self.on.lock().unwrap();
        let hit = |on: &str| batch.records.iter().any(|record| record.body().starts_with(on.as_bytes()));
        match on.is_some_and(hit) {
            true => Err(Error::new(ErrorKind::Unavailable, "the sink is down")),
            false => Ok(Receipt::default()),
        }
    }
}

impl Worker {
    async fn of(lake: &Lake, down: Down, host: Host) -> Self {
        let (stop, stopped) = watch::channel(false);
        let function = Function::new(host, stopped).await.unwrap();
        Self { function, lake: lake.clone(), down, stop }
    }

    /// A worker that lands what events bring.
    async fn fed() -> Self {
        Self::fed_by(|source| source).await
    }

    async fn fed_by(
        settings: impl FnOnce(InvocationSourceBuilder) -> InvocationSourceBuilder + Send + 'static,
    ) -> Self {
        let lake = Lake::new(Arc::new(MemoryStore::new()));
        let down = Down { info: SinkInfo::new("down"), on: Arc::default() };
        let (into, other) = (lake.clone(), down.clone());
        let host = Host::new("worker", "1").on_invocation("clicks", |pipeline, feed| async move {
            let source = settings(feed.source(Dataset::new("clicks")?)).build()?;
            let pipeline = pipeline.source(source).lake(&LakeSink::builder(&into).build()).sink(other);
            Ok(pipeline.target_bytes(1).retry(Retry::never()))
        });
        Self::of(&lake, down, host).await
    }

    async fn answer(&mut self, event: &Value) -> Result<Value> {
        self.answer_within(event, None).await
    }

    async fn answer_within(&mut self, event: &Value, left: Option<Duration>) -> Result<Value> {
        let invocation = Invocation::with_left(left);
        let answer = self.function.answer(Bytes::from(event.to_string()), &invocation).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    /// The `n` of every record in a zone, in the order of the ledger.
    async fn numbers(&self, zone: Zone) -> Vec<Value> {
        self.rows(zone).await.into_iter().map(|row| row["n"].clone()).collect()
    }

    async fn rows(&self, zone: Zone) -> Vec<Value> {
        let parts = self.lake.read(&Dataset::new("clicks").unwrap(), zone).await.unwrap();
        let parts: Vec<Bytes> = parts.try_collect().await.unwrap();
        let lines = parts.concat();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

/// Records of a stream, by their sequence numbers and bodies.
fn kinesis<'a>(records: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let record = |(sequence, body): (&str, String)| {
        json!({
            "eventSource": "aws:kinesis",
            "eventID": format!("shardId-000000000006:{sequence}"),
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:000000000000:stream/clicks",
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": sequence,
                "data": STANDARD.encode(body),
                "approximateArrivalTimestamp": 1_545_084_650.987,
            },
        })
    };
    json!({ "Records": records.into_iter().map(record).collect::<Vec<_>>() })
}

/// Messages of a queue, by their ids and bodies.
fn sqs<'a>(queue: &str, messages: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let message = |(id, body): (&str, String)| {
        json!({
            "messageId": id,
            "receiptHandle": "r",
            "body": body,
            "attributes": { "ApproximateReceiveCount": "1" },
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:eu-central-1:000000000000:{queue}"),
        })
    };
    json!({ "Records": messages.into_iter().map(message).collect::<Vec<_>>() })
}

fn body(n: u64) -> String {
    format!(r#"{{"n":{n}}}"#)
}

/// A body so long that it is landed in a commit of its own.
fn long(n: u64) -> String {
    format!(r#"{{"n":{n},"x":"{}"}}"#, "x".repeat(3 << 20))
}
