//! A ready worker: a folder of reports into a lake, workbooks, Parquet, CSV, TSV and JSON side by side.
//!
//! ```text
//! cargo run --release -p datalake-examples --features reports --bin reports_to_lake -- --input ./reports --lake ./lake
//! cargo run --release -p datalake-examples --features reports --bin reports_to_lake -- --input ./reports --lake ./lake --header-row 3 run
//! cargo run --release -p datalake-examples --features reports --bin reports_to_lake -- --lake ./lake --dataset reports/sales cat
//! ```
//!
//! Each folder in the input is a dataset, `reports/` and its name, with all that is in it at any depth; the files beside
//! those folders are the dataset `reports`. Each dataset has a pipeline of its own. Files go to the raw zone byte for byte, rows
//! to the curated zone as JSON, what cannot be read to quarantine. Without a command it drains; `run` goes on until
//! ctrl-c and takes reports once they have been left alone for `--quiet`, or once their `--marker` is there. Started again it
//! goes on where the ledger says; a folder that is new is found when it is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use datalake_connectors::files::{FilesSource, Finished, Parquet, SheetHeader, Sheets};
use datalake_core::{Dataset, Error, ErrorKind, PipelineId, Result};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

/// Puts reports of every usual kind into a lake.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The folder of the reports; each folder in it is a dataset
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake")]
    lake: String,
    /// The dataset to look into
    #[arg(long)]
    dataset: Option<Dataset>,
    /// Only sheets of these names, in which * and ? are as in a glob; by default all that are not hidden
    #[arg(long, value_name = "NAME")]
    sheet: Vec<String>,
    /// The row with the names of the columns, from 1; by default the first that is not empty
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    header_row: Option<u32>,
    /// Each cell of merged ones has their value, not only the first
    #[arg(long)]
    fill_merged: bool,
    /// So many rows at the end of each table are no records, for instance the totals
    #[arg(long, value_name = "N", default_value_t)]
    footer: u32,
    /// A report is finished once nobody has touched it for so long, for instance 30s
    #[arg(long, value_name = "TIME", value_parser = datalake_host::cli::duration, conflicts_with = "marker")]
    quiet: Option<Duration>,
    /// A report is finished once a file of this name is there: .done for one beside each, or a name for one in each folder
    #[arg(long, value_name = "NAME")]
    marker: Option<String>,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
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
    host = host.lake(&lake);
    if let Some(dataset) = &arguments.dataset {
        host = host.dataset(dataset.clone());
    }
    if command.is_some_and(|command| !command.needs_pipelines()) {
        return Ok(host);
    }
    let input = arguments
        .input
        .as_deref()
        .ok_or_else(|| Error::config("an option is needed to read").with("option", "--input"))?;
    let sink = LakeSink::builder(&lake).build();
    for (dataset, place) in datasets(input)? {
        let name = PipelineId::new(dataset.as_str().replace('/', "."))?;
        let (source, sink) = (source(arguments, dataset, place)?, sink.clone());
        host = host
            .pipeline(name.as_str(), move |pipeline| async move { Ok(pipeline.source(source).lake(&sink)) });
    }
    Ok(host)
}

/// What is read into which dataset: the files of the folder, and each folder in it.
fn datasets(input: &Path) -> Result<BTreeMap<Dataset, PathBuf>> {
    let failed =
        |cause| Error::io("the folder of the reports cannot be read", cause).with("path", input.display());
    let mut found = BTreeMap::from([(Dataset::new("reports")?, input.join("*"))]);
    for entry in std::fs::read_dir(input).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.path().is_dir() || name.starts_with('.') {
            continue;
        }
        let plain =
            |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        let dataset = Dataset::new(format!("reports/{}", name.chars().map(plain).collect::<String>()))?;
        if let Some(other) = found.insert(dataset.clone(), entry.path()) {
            return Err(Error::new(ErrorKind::ConfigInvalid, "two folders would be one dataset")
                .with("dataset", dataset)
                .with("folders", format!("{} and {}", other.display(), entry.path().display())));
        }
    }
    Ok(found)
}

fn source(arguments: &Arguments, dataset: Dataset, place: PathBuf) -> Result<FilesSource> {
    let sheets = arguments.sheet.iter().fold(Sheets::new(), |sheets, name| sheets.named(name));
    let sheets = sheets.fill_merged(arguments.fill_merged).footer(arguments.footer);
    let sheets = match arguments.header_row {
        Some(row) => sheets.header(SheetHeader::Row(row)),
        None => sheets,
    };
    let finished = match (&arguments.marker, arguments.quiet) {
        (Some(marker), _) => Finished::Marker(marker.clone()),
        (None, Some(quiet)) => Finished::Quiet(quiet),
        (None, None) => Finished::AsItStands,
    };
    FilesSource::builder(dataset, place)
        .recursive(true)
        .sheets(sheets)
        .parquet(Parquet::new())
        .finished(finished)
        .build()
}
