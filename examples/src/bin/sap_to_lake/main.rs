//! A ready worker: an entity set of a SAP system into a lake.
//!
//! ```text
//! cargo run --release -p datalake-examples --features sap --bin sap_to_lake                      # a simulated system: a load and three deltas
//! SAP_USER=LAKE_ORDERS SAP_PASSWORD=… cargo run --release -p datalake-examples --features sap --bin sap_to_lake -- \
//!     --url https://sap.example/sap/opu/odata/sap/ZSALES_ODP_SRV --entity FactsOfZSALESORDERS --mode delta --lake ./lake
//! cargo run --release -p datalake-examples --features sap --bin sap_to_lake -- ls
//! ```
//!
//! The version of the protocol, and whether changes come through a queue (ODP), is found out. Pages go to the raw zone
//! byte for byte, rows to the curated zone, with what has happened to each in the member `_op`: `upsert`, `delete`, or
//! `before` for what a row was before its change. Without a command it drains; `run` goes on until ctrl-c. Started again
//! it goes on where the ledger says.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use datalake_connectors::sap::{Auth, Mode, Renew, SapSource, SapSourceBuilder, changes};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::{Dataset, Error, Result, Secrets};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

mod story;

/// The name of the pipeline, which is its lane in the ledger.
const PIPELINE: &str = "sap";

/// Puts an entity set of a SAP system into a lake. Without a URL it shows what that looks like with a simulated one.
///
/// Name and password are taken from the variables `SAP_USER` and `SAP_PASSWORD`.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The root of the service, for instance `https://sap.example/sap/opu/odata/sap/ZSALES_SRV`
    #[arg(long, value_name = "SERVICE_ROOT")]
    url: Option<String>,
    /// The entity set
    #[arg(long, value_name = "SET", requires = "url")]
    entity: Option<String>,
    /// What is read: everything, what is new by a property that changes with every write, or changes with deletes
    #[arg(long, value_name = "full|keyset:FIELD|delta", default_value = "delta", value_parser = mode)]
    mode: Mode,
    /// The client of the system, where it is not the default one
    #[arg(long, value_name = "NUMBER")]
    client: Option<String>,
    /// Only the rows of a filter, in the language of the service
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Load everything again if the system does not know the delta token any more, and not stop
    #[arg(long)]
    reinitialise: bool,
    /// Subscribe even if the user has a subscription to the queue already, which ends that one
    #[arg(long)]
    take_over: bool,
    /// The dataset it becomes
    #[arg(long, default_value = "sap")]
    dataset: Dataset,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake-sap")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(code) => code,
        Err(error) => datalake_host::fail(Arguments::command().get_name(), &error),
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let host = host(arguments);
    let Some(lake) = lake_for(arguments.command.as_ref(), &arguments.lake).await? else {
        return Ok(host.run(arguments.command.clone(), &arguments.globals).await);
    };
    let host = host.lake(&lake);
    if arguments.command.as_ref().is_some_and(|command| !command.needs_pipelines()) {
        return Ok(host.run(arguments.command.clone(), &arguments.globals).await);
    }
    let Some(url) = &arguments.url else {
        if arguments.command.is_some() {
            return Err(Error::config("an option is needed to read").with("option", "--url"));
        }
        return story::tell(arguments, &lake).await;
    };
    let entity = arguments
        .entity
        .as_ref()
        .ok_or_else(|| Error::config("an option is needed to read").with("option", "--entity"))?;
    let source = settings(arguments, url, entity).auth(auth()?).build()?;
    let host = host.pipeline(PIPELINE, |pipeline| async move { into_lake(pipeline, source, &lake) });
    Ok(host.run(arguments.command.clone(), &arguments.globals).await)
}

fn host(arguments: &Arguments) -> Host {
    Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).dataset(arguments.dataset.clone())
}

/// The user and the password of the environment. The password is looked up again if the system refuses it.
fn auth() -> Result<Auth> {
    match std::env::var("SAP_USER") {
        Ok(user) => Ok(Auth::basic(user, Secrets::new().credential("env:SAP_PASSWORD")?)),
        Err(_) => Ok(Auth::none()),
    }
}

/// The source that the options describe, but for who we are.
fn settings(arguments: &Arguments, url: &str, entity: &str) -> SapSourceBuilder {
    let mut source = SapSource::builder(arguments.dataset.clone(), url, entity)
        .mode(arguments.mode.clone())
        .take_over(arguments.take_over)
        .when_expired(if arguments.reinitialise { Renew::Reinitialise } else { Renew::Stop });
    if let Some(client) = &arguments.client {
        source = source.client(client);
    }
    if let Some(filter) = &arguments.filter {
        source = source.filter(filter);
    }
    source
}

/// Rows with what has happened to them, into all zones of a lake.
fn into_lake(pipeline: PipelineBuilder, source: SapSource, lake: &Lake) -> Result<PipelineBuilder> {
    Ok(pipeline.source(source).transform(changes("_op")?).lake(&LakeSink::builder(lake).build()))
}

fn mode(text: &str) -> Result<Mode, String> {
    match text.split_once(':') {
        None if text == "full" => Ok(Mode::full()),
        None if text == "delta" => Ok(Mode::delta()),
        Some(("keyset", field)) if !field.is_empty() => Ok(Mode::keyset(field)),
        _ => Err("it is full, keyset:FIELD or delta".into()),
    }
}
