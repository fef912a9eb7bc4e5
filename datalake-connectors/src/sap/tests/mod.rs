//! Against a simulated gateway on the loopback interface.

use std::time::Duration;

use bytes::Bytes;
use datalake_core::split::split;
use datalake_core::{Dataset, Error, Next, Position, Result, Source, SourceBatch};
use datalake_simulators::sap::{Builder, Gateway, SALES_ORDERS, order};

use super::{Auth, Mode, SapSource, SapSourceBuilder};

mod access;
mod deltas;
mod odd;
mod property;
mod suite;
mod tls;
mod traps;

const USER: &str = "LAKE_ORDERS";
const PASSWORD: &str = "s3cr3t-0123";
const FACTS: &str = "FactsOfZSALESORDERS";

/// The services of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    V2,
    V4,
    Queue,
}

impl Service {
    fn root(self, gateway: &Gateway) -> String {
        match self {
            Self::V2 => gateway.v2(),
            Self::V4 => gateway.v4(),
            Self::Queue => gateway.odp(),
        }
    }

    fn set(self) -> &'static str {
        if self == Self::Queue { FACTS } else { SALES_ORDERS }
    }

    /// A source of this service that does not wait.
    fn source(self, gateway: &Gateway, mode: Mode) -> SapSourceBuilder {
        SapSource::builder(Dataset::new("d").unwrap(), self.root(gateway), self.set())
            .mode(mode)
            .auth(Auth::basic(USER, PASSWORD))
            .poll_every(Duration::from_millis(5))
            .timeout(Duration::from_secs(10))
    }
}

/// A gateway with so many orders.
async fn gateway(settings: Builder, orders: u64) -> Gateway {
    let gateway = settings.user(USER, PASSWORD).start().await.unwrap();
    (0..orders).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    gateway
}

/// A source that goes on after a position.
async fn at(builder: &SapSourceBuilder, position: Option<&Position>) -> SapSource {
    let mut source = builder.clone().build().unwrap();
    source.seek(position).await.unwrap();
    source
}

/// All batches until the source idles, in a minute at most.
async fn drain(source: &mut SapSource) -> Result<Vec<SourceBatch>> {
    let all = async {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = source.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("the source idles")
}

/// What a source that has been told of everything gives next.
async fn more(source: &mut SapSource, batches: &[SourceBatch]) -> Vec<SourceBatch> {
    if let Some(batch) = batches.last() {
        source.commit(&batch.position).await.unwrap();
    }
    drain(source).await.unwrap()
}

/// The error a source runs into.
async fn error(source: &mut SapSource) -> Error {
    drain(source).await.unwrap_err()
}

/// The bodies of all records.
fn bodies(batches: &[SourceBatch]) -> Vec<Bytes> {
    let mut bodies = Vec::new();
    for document in batches.iter().flat_map(|batch| &batch.documents) {
        split(document, |piece| {
            assert_eq!(piece.error, None);
            bodies.push(piece.body);
        });
    }
    bodies
}

/// A text member of a record.
fn text(body: &[u8], name: &str) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body[name].as_str().unwrap_or_default().to_owned()
}

/// The orders that records are of.
fn orders(batches: &[SourceBatch]) -> Vec<String> {
    bodies(batches).iter().map(|body| text(body, "SalesOrder")).collect()
}
