//! A sourcing worker on a schedule: an HTTP interface into a lake, with a secret by name, in AWS Lambda.
//!
//! ```text
//! SOURCE_URL=https://shop.example/orders SECRET=env:SHOP_TOKEN LAKE=./lake \
//!     cargo run --release -p datalake-examples --features lambda --bin sourcing_lambda
//! ```
//!
//! takes on this machine what there is, and the same program does it in Lambda, called by EventBridge Scheduler, until
//! its deadline is near. It says whether there is more. [Operations](../../../docs/operations.md) tell how to package and
//! configure it.
//!
//! | variable | what it says |
//! | --- | --- |
//! | `SOURCE_URL` | where the records are, page by page, the next by a `Link` header |
//! | `SECRET` | where the bearer token is, if the source wants one: `ssm:/path`, `env:NAME`, `file:PATH` |
//! | `RECORDS` | where in a page the records are, as a JSON Pointer; the page itself by default |
//! | `DATASET` | the dataset they become, `orders` by default |
//! | `LAKE` | the lake: a directory, or with the feature `s3` a URL such as `s3://bucket/prefix` |
//! | `KMS_KEY` | the key that objects on S3 are encrypted with, by its ARN; what the bucket says by default |
//! | `STREAM` | with the feature `kinesis`, a stream of Kinesis that records go to instead of the lake, which then keeps the documents, the quarantine and the ledger |

use std::process::ExitCode;

use datalake_connectors::web::Auth;
use datalake_connectors::web::poll::{Pagination, PollSource};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::{Dataset, Error, Result, Secrets, Source};
use datalake_host::Host;
use datalake_sinks::lake::LakeSink;

#[tokio::main]
async fn main() -> ExitCode {
    let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
    datalake_host::main(host.pipeline("orders", orders)).await
}

async fn orders(pipeline: PipelineBuilder) -> Result<PipelineBuilder> {
    let source = source().await?;
    let sink = LakeSink::builder(&lake(&needed("LAKE")?).await?);
    let pipeline = pipeline.source(source);
    #[cfg(feature = "kinesis")]
    if let Some(stream) = variable("STREAM") {
        let config = datalake_aws::config::Settings::new().load().await;
        let stream = datalake_sinks::kinesis::KinesisSink::builder(&config, stream).build()?;
        return Ok(pipeline.lake(&sink.raw_only().build()).sink(stream));
    }
    Ok(pipeline.lake(&sink.build()))
}

async fn lake(place: &str) -> Result<Lake> {
    #[cfg(feature = "s3")]
    if place.starts_with("s3://") {
        let store = datalake_sinks::s3::S3Store::at(place)?;
        let store = match variable("KMS_KEY") {
            Some(key) => store.kms_key(key),
            None => store,
        };
        return Ok(Lake::new(std::sync::Arc::new(store.build().await?)));
    }
    Lake::local(place)
}

async fn source() -> Result<impl Source> {
    let dataset = Dataset::new(variable("DATASET").as_deref().unwrap_or("orders"))?;
    let mut source =
        PollSource::builder(dataset, needed("SOURCE_URL")?).pagination(Pagination::link_header());
    if let Some(pointer) = variable("RECORDS") {
        source = source.records(pointer);
    }
    if let Some(secret) = variable("SECRET") {
        source = source.auth(Auth::bearer(secrets().await.credential(&secret)?));
    }
    source.build()
}

/// Secrets of the environment and of files, and in AWS those of the Parameter Store.
async fn secrets() -> Secrets {
    let secrets = Secrets::new();
    #[cfg(feature = "s3")]
    let secrets = {
        let config = datalake_aws::config::Settings::new().load().await;
        secrets.store(datalake_aws::ssm::SsmSecrets::new(&config))
    };
    secrets
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &'static str) -> Result<String> {
    variable(name).ok_or_else(|| Error::config("an environment variable is needed").with("variable", name))
}
