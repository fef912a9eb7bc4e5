//! The suite of every sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_aws::SdkConfig;
use datalake_core::testkit::SinkHarness;
use datalake_core::{Error, ErrorKind, Output, RecordId, Result, Sink, async_trait, sink_suite};
use datalake_simulators::faults::Fault;
use datalake_simulators::firehose::Firehose;
use serde_json::Value;

use super::{SECRET, STREAM, TOKEN, config, simulator};
use crate::firehose::FirehoseSink;

/// A delivery stream on a simulator.
struct Harness {
    firehose: Firehose,
    config: SdkConfig,
    failed: AtomicUsize,
}

impl Harness {
    async fn new() -> Self {
        let firehose = simulator();
        Self { config: config(&firehose.url()).await, firehose, failed: AtomicUsize::new(0) }
    }
}

/// The record in an event.
pub(super) fn record(event: &Value) -> Result<(RecordId, Bytes)> {
    let text =
        |name: &str| event[name].as_str().ok_or_else(|| Error::unexpected("an event without a member"));
    let body = match (event.get("data_base64"), event["datacontenttype"].as_str()) {
        (Some(_), _) => STANDARD.decode(text("data_base64")?).unwrap().into(),
        (None, Some("application/json")) => event["data"].to_string().into(),
        (None, _) => text("data")?.to_owned().into(),
    };
    Ok((text("lakerecord")?.parse()?, body))
}

#[async_trait]
impl SinkHarness for Harness {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(FirehoseSink::builder(&self.config, STREAM).build()?))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        if outputs.is_empty() {
            return Ok(Vec::new());
        }
        let given = self.firehose.records(STREAM).into_iter();
        given.map(|given| record(&serde_json::from_slice(&given.data).unwrap())).collect()
    }

    fn is_stream(&self) -> bool {
        true
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let (fault, kind) = match self.failed.fetch_add(1, Ordering::Relaxed) {
            0 => (Fault::unavailable(), ErrorKind::Unavailable),
            1 => (Fault::denied(), ErrorKind::PermissionDenied),
            2 => (Fault::Reset, ErrorKind::Unavailable),
            3 => (Fault::Refuse { status: 400, code: "ThrottlingException" }, ErrorKind::RateLimited),
            4 => (
                Fault::Refuse { status: 400, code: "UnrecognizedClientException" },
                ErrorKind::Unauthenticated,
            ),
            _ => return None,
        };
        self.firehose.faults().always("PutRecordBatch", fault);
        Some(kind)
    }

    async fn mend(&self) {
        self.firehose.faults().clear();
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into(), TOKEN.into()]
    }

    fn shown(&self) -> Vec<String> {
        let builder = FirehoseSink::builder(&self.config, STREAM);
        vec![format!("{builder:?}"), format!("{:?}", builder.build())]
    }
}

sink_suite!(simulated, Harness::new().await);
