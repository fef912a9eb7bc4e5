//! A ready worker: an HTTP interface onto a stream of Kinesis, or into a delivery stream of Firehose.
//!
//! ```text
//! cargo run --release -p datalake-examples --features kinesis --bin web_to_kinesis -- \
//!     --url https://shop.example/orders --records /items --dataset orders --stream orders --key /customer/id
//! cargo run --release -p datalake-examples --features kinesis --bin web_to_kinesis -- \
//!     --url https://shop.example/orders --dataset orders --firehose orders --bucket landing --role arn:aws:iam::…:role/…
//! ```
//!
//! It runs against AWS, an emulator or a simulator by the same flags: region, credentials and `AWS_ENDPOINT_URL` come
//! from where the SDK looks for them. A stream that is not there is made. Pages go to the raw zone of a lake
//! byte for byte, records that are refused to its quarantine, and its ledger says how far it has come; the records go to
//! the stream only, as CloudEvents, or as they are with `--bare`.

use std::process::ExitCode;

use clap::{ArgGroup, CommandFactory, Parser};
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_connectors::web::poll::{Pagination, PollSource};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::transform::Pointer;
use datalake_core::{Dataset, Error, PipelineId, Result};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::firehose::FirehoseSink;
use datalake_sinks::kinesis::{Aggregation, EventFormat, KinesisSink, PartitionKey};
use datalake_sinks::lake::LakeSink;

mod resources;

/// Puts the records of an HTTP interface onto a stream of Kinesis or into a delivery stream of Firehose.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version, group(ArgGroup::new("target").args(["stream", "firehose"])))]
struct Arguments {
    /// What to read
    #[arg(long)]
    url: Option<String>,
    /// Where the records are in a page, a JSON Pointer; the page itself by default. Pages follow the `Link` header
    #[arg(long, value_name = "POINTER")]
    records: Option<String>,
    /// The dataset it becomes
    #[arg(long, default_value = "web")]
    dataset: Dataset,
    /// The stream of Kinesis, by name or ARN
    #[arg(long, value_name = "NAME|ARN")]
    stream: Option<String>,
    /// The shards of the stream, if it is made
    #[arg(long, default_value_t = 1)]
    shards: i32,
    /// What decides which shard a record goes to, a JSON Pointer into it; its event id by default
    #[arg(long, value_name = "POINTER", value_parser = pointer, requires = "stream")]
    key: Option<Pointer>,
    /// Keep the order of the records of one key
    #[arg(long, requires = "key")]
    ordered: bool,
    /// Put several records into one record of the stream, in so many buckets
    #[arg(long, value_name = "BUCKETS", requires = "stream")]
    aggregate: Option<u32>,
    /// The delivery stream of Firehose
    #[arg(long, value_name = "NAME")]
    firehose: Option<String>,
    /// The bucket that the delivery stream delivers to, if it is made
    #[arg(long, requires = "firehose")]
    bucket: Option<String>,
    /// The role that it delivers as, if it is made
    #[arg(long, value_name = "ARN", requires = "firehose")]
    role: Option<String>,
    /// Put records as they are, and not as CloudEvents
    #[arg(long)]
    bare: bool,
    /// The lake with the raw pages, the quarantine and the ledger: a directory, or s3://bucket/prefix in a build with the
    /// feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    let (command, globals) = (arguments.command.take(), std::mem::take(&mut arguments.globals));
    match host(command.as_ref(), arguments).await {
        Ok(host) => host.run(command, &globals).await,
        Err(error) => datalake_host::fail(Arguments::command().get_name(), &error),
    }
}

async fn host(command: Option<&Command>, arguments: Arguments) -> Result<Host> {
    let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
    let Some(lake) = lake_for(command, &arguments.lake).await? else { return Ok(host) };
    let host = host.lake(&lake);
    let name = PipelineId::new(arguments.dataset.as_str().to_ascii_lowercase().replace('/', "."))?;
    Ok(host.pipeline(name.as_str(), move |pipeline| worker(pipeline, lake, arguments)))
}

async fn worker(pipeline: PipelineBuilder, lake: Lake, arguments: Arguments) -> Result<PipelineBuilder> {
    let url = arguments.url.as_deref().ok_or_else(|| Error::config("--url says what to read"))?;
    let source = PollSource::builder(arguments.dataset.clone(), url).pagination(Pagination::link_header());
    let source = match &arguments.records {
        Some(pointer) => source.records(pointer),
        None => source,
    }
    .build()?;
    let pipeline = pipeline.source(source).lake(&LakeSink::builder(&lake).raw_only().build());
    let config = Settings::new().load().await;
    match (&arguments.stream, &arguments.firehose) {
        (Some(stream), _) => Ok(pipeline.sink(kinesis(&config, stream, &arguments).await?)),
        (None, Some(stream)) => Ok(pipeline.sink(firehose(&config, stream, &arguments).await?)),
        (None, None) => Err(Error::config("--stream or --firehose says where records go")),
    }
}

async fn kinesis(config: &SdkConfig, stream: &str, arguments: &Arguments) -> Result<KinesisSink> {
    resources::stream(config, stream, arguments.shards).await?;
    let sink = KinesisSink::builder(config, stream).format(format(arguments)).ordered(arguments.ordered);
    let sink = match &arguments.key {
        Some(pointer) => sink.partition_key(PartitionKey::pointer(pointer.clone())),
        None => sink,
    };
    match arguments.aggregate {
        Some(buckets) => sink.aggregation(Aggregation::buckets(buckets)),
        None => sink,
    }
    .build()
}

async fn firehose(config: &SdkConfig, stream: &str, arguments: &Arguments) -> Result<FirehoseSink> {
    resources::delivery_stream(config, stream, arguments.bucket.as_deref(), arguments.role.as_deref())
        .await?;
    FirehoseSink::builder(config, stream).format(format(arguments)).build()
}

fn format(arguments: &Arguments) -> EventFormat {
    if arguments.bare { EventFormat::Bare } else { EventFormat::CloudEvents }
}

fn pointer(text: &str) -> Result<Pointer, String> {
    Pointer::parse(text).map_err(|error| error.to_string())
}
