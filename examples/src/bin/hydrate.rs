//! A ready worker: files or an HTTP interface into a lake on disk or, built with the feature `s3`, on S3.
//!
//! ```text
//! cargo run --release -p datalake-examples --bin hydrate -- --input orders.ndjson --dataset orders --lake ./lake
//! cargo run --release -p datalake-examples --bin hydrate -- --lake ./lake ls
//! cargo run --release -p datalake-examples --bin hydrate -- --lake ./lake --dataset orders cat --zone raw
//! ```
//!
//! The input is a file, a directory, a glob, or an `http(s)` URL. Without a command it drains: it takes what there is
//! and ends; a last line without its end is a record. `run` goes on until ctrl-c and follows files that are still written
//! to; a half-written last line waits, as it does for a drain with `--follow`. Started again it goes on where the ledger says. Documents go to `raw/` byte for byte, records to `curated/`,
//! records that do not parse to `quarantine/`. Built with the feature `parquet`, `--curated-format parquet` makes the
//! curated zone Parquet, which the other commands then read too.
//!
//! Built with the feature `s3`, `--lake s3://bucket/prefix` works as a directory does.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, ValueEnum};
use datalake_connectors::files::{FileFormat, FilesSource};
use datalake_connectors::web::poll::PollSource;
use datalake_core::codec::Compression;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::{Csv, Dataset, Error, Format, PipelineId, Result, Source};
use datalake_examples::{lake_at, lake_to_look_into};
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::{LakeSink, Partition};

/// Hydrates a lake from files or an HTTP interface.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// What to read: a file, a directory, a glob, or an http(s) URL
    #[arg(long, value_name = "PATH|GLOB|URL")]
    input: Option<String>,
    /// The dataset it becomes
    #[arg(long)]
    dataset: Option<Dataset>,
    /// The lake: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, default_value = "./lake", value_name = "PATH|URL")]
    lake: String,
    /// The name of the pipeline, which is its lane in the ledger; by default the name of the dataset
    #[arg(long, value_name = "NAME")]
    pipeline: Option<PipelineId>,
    /// What the input holds; by extension or content type by default
    #[arg(long, value_enum, default_value_t)]
    format: InputFormat,
    /// Read directories in directories too
    #[arg(long)]
    recursive: bool,
    /// Files may still be written to: wait for the end of a line, as `run` always does
    #[arg(long)]
    follow: bool,
    /// The longest a batch waits for others to share its commit, for instance 500ms or 1m
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = datalake_host::cli::duration)]
    commit_within: Duration,
    /// How raw documents are compressed: none, zstd or gzip, with a level such as zstd:1
    #[arg(long, default_value = "zstd:3", value_name = "CODEC", value_parser = codec)]
    raw_compression: (Compression, i32),
    /// How curated records are compressed
    #[arg(long, default_value = "zstd:3", value_name = "CODEC", value_parser = codec)]
    compression: (Compression, i32),
    /// How curated records are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    curated_format: CuratedFormat,
    /// Divide curated records by day:/POINTER, hour:/POINTER or NAME:/POINTER, a JSON Pointer into the record; can be
    /// given several times. By the day of acquisition by default
    #[arg(long, value_name = "BY", value_parser = partition)]
    partition: Vec<Partition>,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum InputFormat {
    #[default]
    Auto,
    Ndjson,
    Json,
    JsonArray,
    Csv,
    Tsv,
    Lines,
    Whole,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum CuratedFormat {
    /// Lines of JSON
    #[default]
    Ndjson,
    /// Parquet
    #[cfg(feature = "parquet")]
    Parquet,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match host(&arguments).await {
        Ok(host) => host.run(arguments.command, &arguments.globals).await,
        Err(error) => datalake_host::fail(Arguments::command().get_name(), &error),
    }
}

async fn host(arguments: &Arguments) -> Result<Host> {
    let looks = arguments.command.as_ref().is_some_and(|command| !command.needs_pipelines());
    if arguments.command.as_ref().is_some_and(|command| !command.needs_lake()) {
        return Ok(Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")));
    }
    let lake =
        if looks { lake_to_look_into(&arguments.lake).await? } else { lake_at(&arguments.lake).await? };
    #[cfg(feature = "parquet")]
    let lake = lake.with_format(datalake_sinks::lake::ParquetFormat::new());
    let mut host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).lake(&lake);
    if let Some(dataset) = &arguments.dataset {
        host = host.dataset(dataset.clone());
    }
    if looks {
        return Ok(host);
    }
    let missing = |option| Error::config("an option is needed to read").with("option", option);
    let input = arguments.input.clone().ok_or_else(|| missing("--input"))?;
    let dataset = arguments.dataset.clone().ok_or_else(|| missing("--dataset"))?;
    let name = match &arguments.pipeline {
        Some(name) => name.clone(),
        None => PipelineId::new(dataset.as_str().to_ascii_lowercase().replace('/', "."))?,
    };
    let (raw, curated) = (arguments.raw_compression, arguments.compression);
    let sink = LakeSink::builder(&lake).raw_compression(raw.0, raw.1).compression(curated.0, curated.1);
    let sink = match arguments.curated_format {
        CuratedFormat::Ndjson => sink,
        #[cfg(feature = "parquet")]
        CuratedFormat::Parquet => sink.parquet(datalake_sinks::lake::ParquetSettings::new()),
    };
    let sink = arguments.partition.iter().cloned().fold(sink, |sink, by| sink.partition(by)).build();
    let source = source(arguments, &input, dataset)?;
    let within = arguments.commit_within;
    let make = move |pipeline: PipelineBuilder| async move {
        Ok(pipeline.boxed_source(source).lake(&sink).commit_within(within))
    };
    Ok(host.pipeline(name.as_str(), make))
}

fn source(arguments: &Arguments, input: &str, dataset: Dataset) -> Result<Box<dyn Source>> {
    if input.starts_with("http://") || input.starts_with("https://") {
        let poll = PollSource::builder(dataset, input);
        let poll = match arguments.format.of_page() {
            Some(format) => poll.format(format),
            None => poll,
        };
        return Ok(Box::new(poll.build()?));
    }
    let follow = arguments.follow || matches!(arguments.command, Some(Command::Run(_)));
    let files = FilesSource::builder(dataset, input).format(arguments.format.of_file());
    Ok(Box::new(files.recursive(arguments.recursive).follow(follow).build()?))
}

impl InputFormat {
    fn of_file(self) -> FileFormat {
        match self {
            Self::Auto => FileFormat::Auto,
            Self::Ndjson => FileFormat::Ndjson,
            Self::Json => FileFormat::Json,
            Self::JsonArray => FileFormat::JsonArray(String::new()),
            Self::Csv => FileFormat::Csv { delimiter: ',' },
            Self::Tsv => FileFormat::Csv { delimiter: '\t' },
            Self::Lines => FileFormat::Lines,
            Self::Whole => FileFormat::Whole,
        }
    }

    fn of_page(self) -> Option<Format> {
        let csv = |delimiter| Format::Csv(Csv::new(delimiter));
        Some(match self {
            Self::Auto => return None,
            Self::Ndjson => Format::Ndjson,
            Self::Json => Format::Json,
            Self::JsonArray => Format::json_array(),
            Self::Csv => csv(','),
            Self::Tsv => csv('\t'),
            Self::Lines => Format::Lines,
            Self::Whole => Format::Whole,
        })
    }
}

fn codec(text: &str) -> Result<(Compression, i32), String> {
    let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
    let (compression, usual) = match name {
        "none" => (Compression::None, 0),
        "zstd" => (Compression::Zstd, 3),
        "gzip" => (Compression::Gzip, 6),
        _ => return Err("it is none, zstd or gzip, with a level such as zstd:1".into()),
    };
    let level =
        level.map_or(Ok(usual), |level| level.parse().map_err(|_| "the level is a number".to_owned()))?;
    Ok((compression, level))
}

fn partition(text: &str) -> Result<Partition, String> {
    let (by, pointer) = text.split_once(':').ok_or("it is day:/POINTER, hour:/POINTER or NAME:/POINTER")?;
    match by {
        "day" => Partition::day(pointer),
        "hour" => Partition::hour(pointer),
        name => Partition::field(name, pointer),
    }
    .map_err(|error| error.to_string())
}
