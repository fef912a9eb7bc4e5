//! One lake out of another: a zone read through its ledger, reshaped, and landed in a second lake.
//!
//! ```text
//! cargo run --release -p datalake-examples --features lake --bin raw_to_curated -- --lake ./lake --dataset orders --to ./marts
//! cargo run --release -p datalake-examples --features lake --bin raw_to_curated -- --lake ./lake --dataset orders --to ./marts upstream orders/1/0
//! ```
//!
//! Run again it takes only what is new; `run` follows the first lake. The commands that look into a lake (`ls`, `cat`,
//! `trace`, `verify`) look into the second one. `upstream` goes from a record of the second lake to the one of the first
//! that it was made from, and on to its raw bytes there.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use datalake_connectors::lake::{LakeSource, upstream};
use datalake_core::lake::Zone;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::transform::json::{drop_fields, mask};
use datalake_core::{Dataset, PipelineId, RecordId, Result};
use datalake_examples::{lake_for, lake_to_look_into};
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

/// Makes one lake out of another.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The lake to read: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE")]
    lake: String,
    /// The dataset to read
    #[arg(long)]
    dataset: Dataset,
    /// The zone to read: raw, or curated
    #[arg(long, default_value = "raw")]
    zone: Zone,
    /// The lake to fill, likewise
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// The dataset to fill; called as the one that is read by default
    #[arg(long)]
    into: Option<Dataset>,
    /// The name of the pipeline, which is its lane in the second ledger; by default that of the dataset
    #[arg(long, value_name = "NAME")]
    pipeline: Option<PipelineId>,
    /// Leave these members out, each a JSON Pointer
    #[arg(long, value_name = "POINTER")]
    drop: Vec<String>,
    /// Mask these members, each a JSON Pointer
    #[arg(long, value_name = "POINTER")]
    mask: Vec<String>,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Told>,
}

#[derive(Debug, Subcommand)]
enum Told {
    #[command(flatten)]
    Host(Command),
    /// Follow a record of the second lake to the raw bytes in the first
    Upstream {
        /// The record, as "b/i" of its `_lake` member: PIPELINE/BATCH/ORDINAL
        #[arg(value_name = "RECORD")]
        record: RecordId,
    },
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
    let into = arguments.into.unwrap_or_else(|| arguments.dataset.clone());
    let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).dataset(into.clone());
    let command = match arguments.command {
        Some(Told::Upstream { record }) => {
            let from = lake_to_look_into(&arguments.lake).await?;
            let to = lake_to_look_into(&arguments.to).await?;
            let made_from = upstream(&from, &to.trace(&record).await?).await?;
            let trace = datalake_host::cli::Trace { record: made_from, full: false };
            return Ok(host.lake(&from).run(Some(Command::Trace(trace)), &arguments.globals).await);
        }
        Some(Told::Host(command)) => Some(command),
        None => None,
    };
    // Before the lake to fill, which is made if it is not there.
    let from = match &command {
        Some(command) if !command.needs_pipelines() => None,
        _ => Some(lake_to_look_into(&arguments.lake).await?),
    };
    let Some(to) = lake_for(command.as_ref(), &arguments.to).await? else {
        return Ok(host.run(command, &arguments.globals).await);
    };
    let host = host.lake(&to);
    let Some(from) = from else { return Ok(host.run(command, &arguments.globals).await) };
    let name = match arguments.pipeline {
        Some(name) => name,
        None => PipelineId::new(into.as_str().to_ascii_lowercase().replace('/', "."))?,
    };
    let source = LakeSource::builder(&from, arguments.zone, arguments.dataset).dataset(into);
    let sink = LakeSink::builder(&to).build();
    let (zone, drop, masked) = (arguments.zone, arguments.drop, arguments.mask);
    let make = move |pipeline: PipelineBuilder| async move {
        let mut pipeline = pipeline.source(source.build()?);
        if zone == Zone::Curated {
            // Each record gets the stamp of the second lake; the raw zone keeps the line with that of the first.
            pipeline = pipeline.transform(drop_fields("unstamp", ["/_lake"])?);
        }
        if !drop.is_empty() {
            pipeline = pipeline.transform(drop_fields("drop", drop.iter().map(String::as_str))?);
        }
        for (n, pointer) in masked.iter().enumerate() {
            pipeline = pipeline.transform(mask(&format!("mask-{n}"), pointer)?);
        }
        Ok(pipeline.lake(&sink))
    };
    Ok(host.pipeline(name.as_str(), make).run(command, &arguments.globals).await)
}
