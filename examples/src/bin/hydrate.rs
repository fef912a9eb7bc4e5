//! A ready worker: files or an HTTP interface into a lake on disk or, built with the feature `s3`, on S3.
//!
//! ```text
//! cargo run --release -p datalake-examples --bin hydrate -- --input orders.ndjson --dataset orders --lake ./lake-of-orders
//! cargo run --release -p datalake-examples --bin hydrate -- --lake ./lake-of-orders ls
//! cargo run --release -p datalake-examples --bin hydrate -- --lake ./lake-of-orders --dataset orders cat --zone raw
//! ```
//!
//! The input is a file, a directory, a glob, an `http(s)` URL or, with the feature `s3`, `s3://bucket/prefix` or a glob of keys. Without a command it drains: it takes what there is
//! and ends; a last line without its end is a record. `run` goes on until ctrl-c and follows files that are still written
//! to; a half-written last line waits, as it does for a drain with `--follow`. Started again it goes on where the ledger says. Documents go to `raw/` byte for byte, records to `curated/`,
//! records that do not parse to `quarantine/`. Built with the feature `parquet`, `--curated-format parquet` makes the
//! curated zone Parquet, which the other commands then read too.
//!
//! Built with the feature `s3`, `--lake s3://bucket/prefix` works as a directory does.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, ValueEnum};
use datalake_connectors::files::{AccessLog, CsvDialect, FileFormat, FilesSource, Finished, ObjectsSource};
use datalake_connectors::web::poll::PollSource;
use datalake_core::codec::Compression;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::store::ObjectStore;
use datalake_core::{Csv, Dataset, Encoding, Error, Format, PipelineId, Result, Source};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::{LakeSink, Partition};

/// Hydrates a lake from files or an HTTP interface.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// What to read: a file, a directory, a glob, an http(s) URL, or s3://bucket/prefix in a build with the feature s3
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
    #[command(flatten)]
    table: Table,
    /// A file is finished once its marker is there: `.done` for orders.csv.done or orders.done, or a name such as
    /// _SUCCESS for all files of a directory
    #[arg(long, value_name = "NAME", conflicts_with = "quiet")]
    marker: Option<String>,
    /// A file is finished once nobody has touched it for this long, for instance 1m
    #[arg(long, value_name = "TIME", value_parser = datalake_host::cli::duration)]
    quiet: Option<Duration>,
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
    #[arg(long, default_value = "zstd:1", value_name = "CODEC", value_parser = codec)]
    raw_compression: (Compression, i32),
    /// How curated records are compressed
    #[arg(long, default_value = "zstd:1", value_name = "CODEC", value_parser = codec)]
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

/// How delimited text is written. What is not said is found out from each file.
#[derive(Debug, Args)]
struct Table {
    /// The character between the fields of delimited text
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// How delimited text is encoded, for instance utf-16le or cp1252
    #[arg(long, value_name = "NAME")]
    encoding: Option<Encoding>,
    /// The header is below so many lines
    #[arg(long, value_name = "LINES", conflicts_with = "header_with")]
    header_after: Option<usize>,
    /// The header is the first row with this column; can be given several times
    #[arg(long, value_name = "COLUMN")]
    header_with: Vec<String>,
    /// This text without quotes is null; can be given several times
    #[arg(long, value_name = "TEXT")]
    null: Vec<String>,
    /// A row that begins with this word is no record; can be given several times
    #[arg(long, value_name = "WORD")]
    footer: Vec<String>,
    /// Keep rows with too many or too few fields
    #[arg(long)]
    keep_ragged: bool,
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
    /// Delimited text of any dialect, whatever the extension
    Table,
    /// Access logs of Apache and nginx
    AccessCombined,
    /// Access logs with one JSON object a line
    AccessJson,
    /// Standard logs of CloudFront
    AccessCloudfront,
    /// The extended log format of the W3C, as of IIS
    AccessW3c,
    /// Access logs of an Application Load Balancer
    AccessAlb,
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
    let command = arguments.command.as_ref();
    let mut host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
    let Some(lake) = lake_for(command, &arguments.lake).await? else { return Ok(host) };
    #[cfg(feature = "parquet")]
    let lake = lake.with_format(datalake_sinks::lake::ParquetFormat::new());
    host = host.lake(&lake);
    if let Some(dataset) = &arguments.dataset {
        host = host.dataset(dataset.clone());
    }
    if command.is_some_and(|command| !command.needs_pipelines()) {
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
    let source = source(arguments, &input, dataset).await?;
    let within = arguments.commit_within;
    let make = move |pipeline: PipelineBuilder| async move {
        Ok(pipeline.boxed_source(source).lake(&sink).commit_within(within))
    };
    Ok(host.pipeline(name.as_str(), make))
}

async fn source(arguments: &Arguments, input: &str, dataset: Dataset) -> Result<Box<dyn Source>> {
    if input.starts_with("http://") || input.starts_with("https://") {
        let poll = PollSource::builder(dataset, input);
        if arguments.table.dialect().is_some() || arguments.marker.is_some() || arguments.quiet.is_some() {
            return Err(Error::config("dialects, markers and quiet times are for files"));
        }
        let poll = match arguments.format.of_page()? {
            Some(format) => poll.format(format),
            None => poll,
        };
        return Ok(Box::new(poll.build()?));
    }
    let follow = arguments.follow || matches!(arguments.command, Some(Command::Run(_)));
    let finished = match (&arguments.marker, arguments.quiet) {
        (Some(marker), _) => Finished::Marker(marker.clone()),
        (None, Some(quiet)) => Finished::Quiet(quiet),
        (None, None) => Finished::AsItStands,
    };
    let format = arguments.format.of_file(&arguments.table)?;
    if let Some(place) = input.strip_prefix("s3://") {
        let (bucket, keys) = place.split_once('/').unwrap_or((place, ""));
        let store = bucket_at(bucket).await?;
        let objects = ObjectsSource::builder(dataset, store, keys).format(format).finished(finished);
        return Ok(Box::new(objects.build()?));
    }
    let files = FilesSource::builder(dataset, input).format(format).finished(finished);
    Ok(Box::new(files.recursive(arguments.recursive).follow(follow).build()?))
}

#[cfg(feature = "s3")]
async fn bucket_at(bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    Ok(Arc::new(datalake_sinks::s3::S3Store::builder(bucket).build().await?))
}

#[cfg(not(feature = "s3"))]
async fn bucket_at(bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    Err(Error::config("a bucket is read in a build with the feature s3").with("bucket", bucket))
}

impl InputFormat {
    fn of_file(self, table: &Table) -> Result<FileFormat> {
        if let Some(dialect) = table.dialect() {
            return match self {
                Self::Auto | Self::Csv | Self::Table => Ok(FileFormat::Dialect(dialect)),
                Self::Tsv => Ok(FileFormat::Dialect(dialect.delimiter('\t'))),
                _ => Err(Error::config("only delimited text has a dialect")),
            };
        }
        Ok(match self {
            Self::Auto => FileFormat::Auto,
            Self::Ndjson => FileFormat::Ndjson,
            Self::Json => FileFormat::Json,
            Self::JsonArray => FileFormat::JsonArray(String::new()),
            Self::Csv => FileFormat::Csv { delimiter: ',' },
            Self::Tsv => FileFormat::Csv { delimiter: '\t' },
            Self::Table => FileFormat::Dialect(CsvDialect::detected()),
            Self::AccessCombined => FileFormat::AccessLog(AccessLog::Combined),
            Self::AccessJson => FileFormat::AccessLog(AccessLog::Json),
            Self::AccessCloudfront => FileFormat::AccessLog(AccessLog::CloudFront),
            Self::AccessW3c => FileFormat::AccessLog(AccessLog::W3c),
            Self::AccessAlb => FileFormat::AccessLog(AccessLog::Alb),
            Self::Lines => FileFormat::Lines,
            Self::Whole => FileFormat::Whole,
        })
    }

    fn of_page(self) -> Result<Option<Format>> {
        let csv = |delimiter| Format::Csv(Csv::new(delimiter));
        Ok(Some(match self {
            Self::Auto => return Ok(None),
            Self::Table
            | Self::AccessCombined
            | Self::AccessJson
            | Self::AccessCloudfront
            | Self::AccessW3c
            | Self::AccessAlb => return Err(Error::config("this format is for files")),
            Self::Ndjson => Format::Ndjson,
            Self::Json => Format::Json,
            Self::JsonArray => Format::json_array(),
            Self::Csv => csv(','),
            Self::Tsv => csv('\t'),
            Self::Lines => Format::Lines,
            Self::Whole => Format::Whole,
        }))
    }
}

impl Table {
    /// The dialect, if anything is said of it.
    fn dialect(&self) -> Option<CsvDialect> {
        let mut dialect = CsvDialect::detected();
        if let Some(delimiter) = self.delimiter {
            dialect = dialect.delimiter(delimiter);
        }
        if let Some(encoding) = self.encoding {
            dialect = dialect.encoding(encoding);
        }
        if let Some(lines) = self.header_after {
            dialect = dialect.header_after(lines);
        }
        if !self.header_with.is_empty() {
            dialect = dialect.header_with(self.header_with.iter().cloned());
        }
        dialect = self.null.iter().fold(dialect, |dialect, null| dialect.null(null));
        dialect = self.footer.iter().fold(dialect, |dialect, word| dialect.footer(word));
        if self.keep_ragged {
            dialect = dialect.keep_ragged();
        }
        (dialect != CsvDialect::detected()).then_some(dialect)
    }
}

fn codec(text: &str) -> Result<(Compression, i32), String> {
    let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
    let compression = match name {
        "none" => Compression::None,
        "zstd" => Compression::Zstd,
        "gzip" => Compression::Gzip,
        _ => return Err("it is none, zstd or gzip, with a level such as zstd:1".into()),
    };
    let level = match level {
        Some(level) => level.parse().map_err(|_| "the level is a number")?,
        None => compression.level(),
    };
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
