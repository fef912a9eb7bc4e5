//! A ready worker: an object of Salesforce, HubSpot or Dynamics 365 into a lake.
//!
//! ```text
//! cargo run --release -p datalake-examples --features crm --bin crm_to_lake                     # a simulated Salesforce: a load, changes, a delete
//! cargo run --release -p datalake-examples --features crm --bin crm_to_lake -- --system hubspot # likewise
//! SALESFORCE_CLIENT_ID=… SALESFORCE_CLIENT_SECRET=… cargo run --release -p datalake-examples --features crm --bin crm_to_lake -- \
//!     --system salesforce --url https://shop.my.salesforce.com --object Account --lake ./lake
//! cargo run --release -p datalake-examples --features crm --bin crm_to_lake -- ls
//! ```
//!
//! Pages go to the raw zone byte for byte, records to the curated zone, with what has happened to each in the member `_op`:
//! `upsert`, `delete`, or `link`. Without a command it drains; `run` goes on until ctrl-c. Started again it goes on where
//! the ledger says.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, ValueEnum};
use datalake_connectors::crm::changes;
use datalake_connectors::crm::dynamics::DynamicsSource;
use datalake_connectors::crm::hubspot::HubSpotSource;
use datalake_connectors::crm::salesforce::{SalesforceAuth, SalesforceSource, same_shape};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::{Credential, Dataset, Error, PipelineId, Result, Secrets, Source};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

mod story;

/// Puts an object of a CRM system into a lake. Without a URL it shows what that looks like with a simulated one.
///
/// Who we are is taken from variables. Salesforce: SALESFORCE_CLIENT_ID, and SALESFORCE_CLIENT_SECRET or SALESFORCE_USER
/// with SALESFORCE_PRIVATE_KEY (PEM). HubSpot: HUBSPOT_TOKEN. Dynamics 365: DYNAMICS_TENANT, DYNAMICS_CLIENT_ID and
/// DYNAMICS_CLIENT_SECRET.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The kind of system
    #[arg(long, value_enum, default_value = "salesforce")]
    system: System,
    /// Where it is, for instance `https://acme.my.salesforce.com`, `https://api.hubapi.com` or `https://acme.crm4.dynamics.com`
    #[arg(long)]
    url: Option<String>,
    /// The object: Account, contacts, accounts, … With Dynamics 365 the name of its set
    #[arg(long, value_name = "NAME", requires = "url")]
    object: Option<String>,
    /// The fields, properties or columns to read; by default all
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    fields: Vec<String>,
    /// HubSpot: also tell to which records of these objects each is linked
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    associations: Vec<String>,
    /// The dataset it becomes; by default crm/ and the name of the object
    #[arg(long)]
    dataset: Option<Dataset>,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake-crm")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum System {
    Salesforce,
    Hubspot,
    Dynamics,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => datalake_host::fail(Arguments::command().get_name(), &error),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
    let Some(lake) = lake_for(arguments.command.as_ref(), &arguments.lake).await? else {
        return Ok(host.run(arguments.command, &arguments.globals).await);
    };
    let host = host.lake(&lake);
    if arguments.command.as_ref().is_some_and(|command| !command.needs_pipelines()) {
        let host = match arguments.dataset {
            Some(dataset) => host.dataset(dataset),
            None => host,
        };
        return Ok(host.run(arguments.command, &arguments.globals).await);
    }
    let (Some(url), Some(object)) = (arguments.url.clone(), arguments.object.clone()) else {
        if arguments.url.is_some() || arguments.command.is_some() {
            let missing = if arguments.url.is_some() { "--object" } else { "--url" };
            return Err(Error::config("an option is needed to read").with("option", missing));
        }
        return story::tell(arguments, &lake).await;
    };
    let dataset = dataset(&arguments, &object)?;
    let name = pipeline(&dataset)?;
    let shared = lake.clone();
    let command = arguments.command.clone();
    let globals = arguments.globals.clone();
    let host = host.dataset(dataset.clone()).pipeline(name.as_str(), move |pipeline| async move {
        match arguments.system {
            System::Salesforce => {
                let source = SalesforceSource::builder(dataset, url, object)
                    .fields(arguments.fields)
                    .auth(salesforce()?)
                    .build()?;
                into_lake_alike(pipeline, source, &shared).await
            }
            System::Hubspot => {
                let source = HubSpotSource::builder(dataset, object)
                    .url(url)
                    .properties(arguments.fields)
                    .associations(arguments.associations)
                    .token(secret("HUBSPOT_TOKEN")?)
                    .build()?;
                into_lake(pipeline, source, &shared)
            }
            System::Dynamics => {
                let (tenant, id) = (variable("DYNAMICS_TENANT")?, variable("DYNAMICS_CLIENT_ID")?);
                let source = DynamicsSource::builder(dataset, url, object)
                    .columns(arguments.fields)
                    .client_credentials(tenant, id, secret("DYNAMICS_CLIENT_SECRET")?)
                    .build()?;
                into_lake(pipeline, source, &shared)
            }
        }
    });
    Ok(host.run(command, &globals).await)
}

fn dataset(arguments: &Arguments, object: &str) -> Result<Dataset> {
    match &arguments.dataset {
        Some(dataset) => Ok(dataset.clone()),
        None => Dataset::new(format!("crm/{}", object.to_ascii_lowercase())),
    }
}

fn pipeline(dataset: &Dataset) -> Result<PipelineId> {
    PipelineId::new(dataset.as_str().to_ascii_lowercase().replace('/', "."))
}

/// How to log in to Salesforce, by what the environment holds. Secrets are looked up again if they are refused.
fn salesforce() -> Result<SalesforceAuth> {
    let id = variable("SALESFORCE_CLIENT_ID")?;
    match std::env::var("SALESFORCE_USER") {
        Ok(user) => Ok(SalesforceAuth::jwt_bearer(id, user, secret("SALESFORCE_PRIVATE_KEY")?)),
        Err(_) => Ok(SalesforceAuth::client_credentials(id, secret("SALESFORCE_CLIENT_SECRET")?)),
    }
}

fn secret(name: &str) -> Result<Credential> {
    Secrets::new().credential(&format!("env:{name}"))
}

fn variable(name: &'static str) -> Result<String> {
    std::env::var(name).map_err(|_| Error::config("a variable is missing").with("name", name))
}

/// Records with what has happened to them, into all zones of a lake.
fn into_lake(pipeline: PipelineBuilder, source: impl Source, lake: &Lake) -> Result<PipelineBuilder> {
    Ok(pipeline.source(source).transform(changes("_op")?).lake(&LakeSink::builder(lake).build()))
}

/// The same for Salesforce, where queries and bulk jobs write records in two ways.
async fn into_lake_alike(
    pipeline: PipelineBuilder,
    source: SalesforceSource,
    lake: &Lake,
) -> Result<PipelineBuilder> {
    let shape = same_shape(&source.describe().await?);
    let pipeline = pipeline.source(source).transform(shape).transform(changes("_op")?);
    Ok(pipeline.lake(&LakeSink::builder(lake).build()))
}
