//! One row: a pipeline, its workers, and what goes wrong with them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_core::lake::Lake;
use datalake_core::pipeline::{Budget, Report};
use datalake_core::store::ObjectStore;
use datalake_core::testkit::VecSource;
use datalake_core::transform::try_map;
use datalake_core::{Pipeline, RecordError, Result, Retry};
use datalake_simulators::emulator::REGION;
use datalake_simulators::s3::{Fault, S3};
use datalake_sinks::lake::LakeSink;
use datalake_sinks::s3::S3Store;

use super::check;
use super::input::Kind;
use super::table::Strike;

/// Documents before the fault, and all.
const BEFORE: usize = 1;
const DOCUMENTS: usize = 2;
/// The tries of a worker with one request, and how many workers it takes at most.
const TRIES: u32 = 3;
const WORKERS: usize = 6;

/// A fault at a place, in a format, once or until a worker gives up.
pub(crate) struct Row {
    pub(crate) strike: Strike,
    pub(crate) fault: Fault,
    pub(crate) kind: Kind,
    pub(crate) times: u64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}, {:?}, {} times", self.fault, self.strike, self.kind, self.times)
    }
}

/// How all rows speak to S3.
pub(crate) async fn config() -> SdkConfig {
    let config = Settings::new().region(REGION).endpoint("http://127.0.0.1:1").load().await;
    let credentials = Credentials::new("test", "test", None, None, "test");
    config.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// Runs a row with the store as `wrap` makes it. An error says what is wrong in the end.
pub(crate) async fn run(
    row: &Row,
    config: &SdkConfig,
    wrap: impl Fn(S3Store) -> Arc<dyn ObjectStore>,
) -> Result<(), String> {
    let s3 = S3::start().await.map_err(|cause| cause.to_string())?;
    s3.create_bucket("lake");
    s3.smallest_part(1);
    let silent = row.fault == Fault::Silent;
    let store = async || {
        let builder = S3Store::builder("lake").prefix("p").config(config).endpoint(s3.endpoint());
        let builder = if row.strike.is_large() { builder.multipart(1_000, 1_000) } else { builder };
        let time = if silent { Duration::from_millis(400) } else { Duration::from_secs(20) };
        builder.timeout(time).build().await.map(&wrap).map_err(|error| error.to_string())
    };
    let padding = if row.strike.is_large() { 900 } else { 10 };
    let documents: Vec<_> = (0..DOCUMENTS).map(|n| row.kind.document(n, padding)).collect();
    let source = VecSource::new(documents[..BEFORE].to_vec());
    let silo = source.silo();
    work(row.kind, store().await?, source.reopen())
        .await
        .map_err(|error| format!("before the fault: {error}"))?;

    documents[BEFORE..].iter().for_each(|document| silo.push(document.clone()));
    s3.fail(row.strike.rule(row.fault, row.times));
    let mut errors = Vec::new();
    while let Err(error) = work(row.kind, store().await?, source.reopen()).await {
        errors.push(error.to_string());
        if errors.len() == WORKERS {
            return Err(format!("no worker came through: {}", errors.join("; ")));
        }
    }
    if !s3.seen().iter().any(|seen| seen.fault == Some(row.fault)) {
        return Err("the fault never struck".into());
    }
    s3.calm();
    s3.settle();
    let plain = store().await?;
    let last =
        work(row.kind, Arc::clone(&plain), source.reopen()).await.map_err(|error| error.to_string())?;
    if last.counts.read > 0 {
        return Err(format!("the last worker has read {} records again", last.counts.read));
    }
    check::all(&Lake::new(plain), &documents).await
}

/// The life of a worker.
async fn work(kind: Kind, store: Arc<dyn ObjectStore>, source: VecSource) -> Result<Report> {
    let lake = Lake::new(store);
    let retry = Retry::new(TRIES, Duration::from_millis(1), Duration::from_millis(4));
    let (compression, level) = kind.compression();
    let landing = LakeSink::builder(&lake)
        .raw_compression(compression, level)
        .compression(compression, level)
        .retry(retry.clone())
        .build();
    let refuse = try_map("refuse", "1", |body: &[u8]| {
        let bad = body.windows(4).any(|word| word == b"bad-");
        if bad { Err(RecordError::new("bad", "it is bad")) } else { Ok(body.to_vec()) }
    });
    let pipeline = Pipeline::builder("things").source(source).transform(refuse).lake(&landing);
    pipeline.target_bytes(1).retry(retry).build()?.drain(Budget::unlimited()).await
}
