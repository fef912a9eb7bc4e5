//! A ready worker: a stream of Kinesis into a lake.
//!
//! ```text
//! cargo run --release -p datalake-examples --features kinesis,s3 --bin kinesis_to_s3 -- \
//!     --stream orders --dataset orders --lake s3://bucket/prefix
//! ```
//!
//! It takes what there is and ends; `run` goes on. Region, credentials and `AWS_ENDPOINT_URL` come from where the SDK looks
//! for them, for the stream and for the lake.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, ValueEnum};
use datalake_aws::config::Settings;
use datalake_connectors::kinesis::{KinesisSource, Start};
use datalake_core::{Dataset, Error, PipelineId, Result};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

/// Takes the records of a stream of Kinesis into a lake.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The stream, by name or ARN
    #[arg(long, value_name = "NAME|ARN")]
    stream: Option<String>,
    /// The dataset it becomes; by default it is called `stream`
    #[arg(long)]
    dataset: Option<Dataset>,
    /// Where to begin, if the pipeline has never committed
    #[arg(long, value_enum, default_value = "horizon")]
    start: Begin,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Begin {
    /// With the oldest records of the stream
    Horizon,
    /// With records that arrive from now on
    Latest,
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
    let Arguments { stream, dataset, start, lake, globals, command } = arguments;
    let mut host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
    let Some(lake) = lake_for(command.as_ref(), &lake).await? else {
        return Ok(host.run(command, &globals).await);
    };
    host = host.lake(&lake);
    if let Some(dataset) = &dataset {
        host = host.dataset(dataset.clone());
    }
    if command.as_ref().is_some_and(|command| !command.needs_pipelines()) {
        return Ok(host.run(command, &globals).await);
    }
    let missing = || Error::config("an option is needed to read").with("option", "--stream");
    let stream = stream.ok_or_else(missing)?;
    let dataset = dataset.map_or_else(|| Dataset::new("stream"), Ok)?;
    let start = match start {
        Begin::Horizon => Start::Horizon,
        Begin::Latest => Start::Latest,
    };
    let name = PipelineId::new(dataset.as_str().to_ascii_lowercase().replace('/', "."))?;
    let host = host.pipeline(name.as_str(), move |pipeline| async move {
        let config = Settings::new().load().await;
        let source = KinesisSource::builder(&config, stream, dataset).start(start).build()?;
        Ok(pipeline.source(source).lake(&LakeSink::builder(&lake).build()))
    });
    Ok(host.run(command, &globals).await)
}
