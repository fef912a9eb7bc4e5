//! Firehose in the test's own process.
//!
//! It speaks the JSON protocol of the service to any SDK, enforces its limits, and keeps what it is given. Signatures are
//! not checked.
//!
//! ```
//! use datalake_simulators::firehose::Firehose;
//!
//! let firehose = Firehose::start()?;
//! firehose.create("orders");
//! firehose.faults().records(|tried| (tried.call == 0).then_some("ServiceUnavailableException"));
//! println!("AWS_ENDPOINT_URL={}", firehose.url());
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod delivery;
mod put;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::faults::Faults;
use crate::json::{Answer, Refusal, Server, Service, lock};

/// A Firehose on a port of its own on loopback, until it is dropped.
#[derive(Debug)]
pub struct Firehose {
    server: Server,
    state: Arc<State>,
}

/// A record as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Given {
    /// The id that the service has answered.
    pub id: String,
    /// When it came.
    pub arrived: DateTime<Utc>,
    /// Its bytes.
    pub data: Bytes,
}

impl Firehose {
    /// Starts one without streams.
    ///
    /// # Errors
    /// There is no free port or no thread.
    pub fn start() -> io::Result<Self> {
        let faults = Faults::default();
        let state = Arc::new(State { faults: faults.clone(), streams: Mutex::default() });
        let server = Server::start(Arc::clone(&state), faults)?;
        Ok(Self { server, state })
    }

    /// Where it is, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// How often an operation was called, for instance `PutRecordBatch`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.server.calls(operation)
    }

    /// Creates a delivery stream, or leaves the one there is.
    pub fn create(&self, stream: &str) {
        lock(&self.state.streams).entry(stream.into()).or_default();
    }

    /// What a delivery stream was created with, and `null` if it was not by a call.
    #[must_use]
    pub fn configuration(&self, stream: &str) -> Value {
        lock(&self.state.streams).get(stream).map(|stream| stream.configuration.clone()).unwrap_or_default()
    }

    /// Everything that a delivery stream was given, in order.
    #[must_use]
    pub fn records(&self, stream: &str) -> Vec<Given> {
        lock(&self.state.streams).get(stream).map(|stream| stream.records.clone()).unwrap_or_default()
    }

    /// Takes everything that a delivery stream was given and has not been taken yet, in order.
    #[must_use]
    pub fn take(&self, stream: &str) -> Vec<Given> {
        let mut streams = lock(&self.state.streams);
        streams.get_mut(stream).map(|stream| std::mem::take(&mut stream.records)).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(crate) struct State {
    faults: Faults,
    streams: Mutex<BTreeMap<String, Stream>>,
}

#[derive(Debug, Default)]
struct Stream {
    configuration: Value,
    records: Vec<Given>,
    given: u64,
}

impl Service for State {
    fn call(&self, operation: &str, n: u64, body: &Bytes) -> Answer {
        match operation {
            "CreateDeliveryStream" => self.create_delivery_stream(body),
            "DeleteDeliveryStream" => self.delete_delivery_stream(body),
            "DescribeDeliveryStream" => self.describe_delivery_stream(body),
            "ListDeliveryStreams" => self.list_delivery_streams(),
            "PutRecord" => self.put_record(n, body),
            "PutRecordBatch" => self.put_record_batch(n, body),
            other => Err(Refusal::new("UnknownOperationException", format!("{other:?} is not simulated"))),
        }
    }
}
