//! A collector of clickstream events into a lake, with a page that sends some and shows them in the lake.
//!
//! ```text
//! cargo run --release -p datalake-examples --features clickstream --bin clickstream_collector            # then open http://127.0.0.1:8080/
//! cargo run --release -p datalake-examples --features clickstream --bin clickstream_collector -- --listen 0.0.0.0:8080 --lake ./lake \
//!     --allow-origin https://shop.example
//! cargo run --release -p datalake-examples --features clickstream --bin clickstream_collector -- --lake ./lake cat
//! ```
//!
//! Trackers of Snowplow and libraries of Segment send to it as they are. They get their 2xx when their events are in the
//! ledger of the lake: what was sent byte for byte in the raw zone, rows with corrected times in the curated zone. Without a
//! command it runs until ctrl-c. The page shows the events of all visitors: elsewhere than on loopback only with `--page`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use datalake_connectors::web::collect::{
    Address, CollectorSource, QueryDecoder, segment_event, snowplow_event,
};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::split::Decoders;
use datalake_core::{Dataset, Result, Secrets};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals, Run};
use datalake_sinks::lake::LakeSink;

mod recent;
mod site;

/// The name of the pipeline, which is its lane in the ledger.
const PIPELINE: &str = "clicks";

/// Puts the events of web sites and apps into a lake, and shows a page that sends some.
///
/// If the variable SEGMENT_WRITE_KEY is set, Segment events are taken only with that key.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Show the page, and with it every event of every visitor, to all who reach the address; on loopback it is shown anyway
    #[arg(long)]
    page: bool,
    /// The origin of a page of yours that may send, for instance `https://shop.example`; can be given several times
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Keep user agents, and addresses without their last part
    #[arg(long)]
    visitors: bool,
    /// How many seconds a tracker may wait for the commit before it is told to send again
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    commit_timeout: u64,
    /// The dataset they become
    #[arg(long, default_value = "clicks")]
    dataset: Dataset,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    /// Whether the page is shown, which has what every visitor did.
    fn shows_page(&self) -> bool {
        self.page || self.listen.ip().is_loopback()
    }
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
    let command = arguments.command.clone().unwrap_or_else(|| Command::Run(Run::default()));
    let mut host =
        Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).dataset(arguments.dataset.clone());
    let Some(lake) = lake_for(Some(&command), &arguments.lake).await? else {
        return Ok(host.run(Some(command), &arguments.globals).await);
    };
    // Events in query strings lead back to their bytes by the decoder that read them.
    let lake = lake.with_decoders(&Decoders::default().with(Arc::new(QueryDecoder)));
    host = host.lake(&lake);
    if command.needs_pipelines() {
        let source = source(arguments, &lake).await?;
        if let Command::Run(_) = command {
            let what = if arguments.shows_page() { "the page is at" } else { "events are taken at" };
            say(&format!("{what} http://{}/", source.local_addr()));
        }
        host = host.pipeline(PIPELINE, |pipeline| async move { Ok(into_lake(pipeline, source, &lake)) });
    }
    Ok(host.run(Some(command), &arguments.globals).await)
}

/// The collector that the options describe.
async fn source(arguments: &Arguments, lake: &Lake) -> Result<CollectorSource> {
    let mut source = CollectorSource::builder(arguments.dataset.clone(), arguments.listen)
        .snowplow()
        .segment()
        .commit_timeout(Duration::from_secs(arguments.commit_timeout))
        .health("/healthz");
    if arguments.shows_page() {
        source = source.pages(site::Site::new(lake, &arguments.dataset)?);
    }
    if std::env::var_os("SEGMENT_WRITE_KEY").is_some() {
        source = source.write_key(Secrets::new().credential("env:SEGMENT_WRITE_KEY")?);
    }
    for origin in &arguments.allow_origin {
        source = source.allow_origin(origin);
    }
    if arguments.visitors {
        source = source.keep_address(Address::Truncated).keep_user_agent();
    }
    source.build().await
}

/// Rows of the events, into all zones of a lake.
fn into_lake(pipeline: PipelineBuilder, source: CollectorSource, lake: &Lake) -> PipelineBuilder {
    let pipeline = pipeline.source(source).transform(snowplow_event()).transform(segment_event());
    pipeline.lake(&LakeSink::builder(lake).build())
}

fn say(text: &str) {
    use std::io::Write;
    // A reader that has gone needs to be told nothing.
    writeln!(std::io::stderr().lock(), "{text}").ok();
}
