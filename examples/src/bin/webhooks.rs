//! A receiver of signed webhooks that lands them in a lake.
//!
//! ```text
//! export WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
//! cargo run --release -p datalake-examples --bin webhooks -- run            # listens on 127.0.0.1:8080, path /events
//! cargo run --release -p datalake-examples --bin webhooks -- ls             # in another terminal
//! cargo run --release -p datalake-examples --bin webhooks -- cat
//! ```
//!
//! Senders sign as [Standard Webhooks](https://www.standardwebhooks.com) says, and get their 2xx only once the event is
//! in the lake's ledger. `LISTEN` sets another address and `LAKE` another directory. The secret comes from the
//! environment and is written nowhere. Commands that only look into the lake do not listen and need no secret.

use std::net::SocketAddr;
use std::process::ExitCode;

use datalake_connectors::web::hook::{HookSource, Verify};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::{Dataset, Error, Result, Secret};
use datalake_host::Host;
use datalake_sinks::lake::LakeSink;

const NAME: &str = env!("CARGO_BIN_NAME");

async fn events(pipeline: PipelineBuilder, lake: Lake) -> Result<PipelineBuilder> {
    let secret = std::env::var("WEBHOOK_SECRET").map(Secret::new);
    let secret =
        secret.map_err(|_| Error::config("set WEBHOOK_SECRET to the secret that senders sign with"))?;
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let listen: SocketAddr =
        listen.parse().map_err(|cause| Error::config("LISTEN is no address and port").caused_by(cause))?;
    let source = HookSource::builder(Dataset::new("events")?, listen)
        .path("/events")
        .health("/healthz")
        .verify(Verify::standard_webhooks([secret]))
        .build()
        .await?;
    Ok(pipeline.source(source).lake(&LakeSink::builder(&lake).build()))
}

#[tokio::main]
async fn main() -> ExitCode {
    let directory = std::env::var("LAKE").unwrap_or_else(|_| "./lake-webhooks".into());
    let lake = match Lake::local(directory) {
        Ok(lake) => lake,
        Err(error) => return datalake_host::fail(NAME, &error),
    };
    let host = Host::new(NAME, env!("CARGO_PKG_VERSION")).lake(&lake);
    host.pipeline("events", move |pipeline| events(pipeline, lake)).main().await
}
