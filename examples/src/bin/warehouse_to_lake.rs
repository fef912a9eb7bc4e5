//! A ready worker: a table of PostgreSQL into a lake.
//!
//! ```text
//! PGPASSWORD=… cargo run --release -p datalake-examples --features warehouse --bin warehouse_to_lake -- \
//!     --url postgres://lake@db.example/shop --table sales.orders --mode keyset:updated_at,id --lake ./lake
//! cargo run --release -p datalake-examples --features warehouse --bin warehouse_to_lake -- --lake ./lake ls
//! ```
//!
//! | `--mode` | what is read |
//! |---|---|
//! | `full` | everything, once; with another `--edition`, everything again |
//! | `keyset:TS,ID` | everything at first, then rows with a greater `(TS, ID)`; rows that commit late can be missed |
//! | `xid` | everything at first, then rows by the transaction that wrote them, of a column of the type `xid8`; none is missed |
//! | `cdc` | everything at first, then every insert, update and delete, by a replication slot that is made for it |
//!
//! What the server wrote goes to the raw zone byte for byte, and rows as JSON to the curated zone. Without a command it
//! drains; `run` goes on until ctrl-c. Started again it goes on where the ledger says.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use datalake_connectors::sql::cdc::CdcSource;
use datalake_connectors::sql::postgres::{Mode, PostgresSource};
use datalake_core::{Credential, Dataset, Error, Result, Secrets};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

/// The name of the pipeline, which is its lane in the ledger.
const PIPELINE: &str = "warehouse";

/// Puts a table of PostgreSQL into a lake.
///
/// The password is that of the URL, or of the variable `PGPASSWORD`.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The database, `postgres://user@host:port/database`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The table or view, as SQL names it
    #[arg(long, value_name = "TABLE", requires = "url")]
    table: Option<String>,
    /// What is read: everything once, what is new by a timestamp and an id or by transactions, or every change
    #[arg(long, value_name = "full|keyset:TS,ID|xid|cdc", default_value = "full", value_parser = reads)]
    mode: Reads,
    /// A name for the read of everything: with another name everything is read again
    #[arg(long, value_name = "NAME", default_value = "")]
    edition: String,
    /// The columns that name a row, where the table has no primary key
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    key: Vec<String>,
    /// The replication slot and the publication of the mode `cdc`
    #[arg(long, value_name = "NAME", default_value = "datalake")]
    slot: String,
    /// Trust the certificate authorities of this file (PEM) too
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// The dataset it becomes
    #[arg(long, default_value = "warehouse")]
    dataset: Dataset,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What is read.
#[derive(Debug, Clone)]
enum Reads {
    Rows(Mode),
    Changes,
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
    let host =
        Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).dataset(arguments.dataset.clone());
    let Some(lake) = lake_for(command, &arguments.lake).await? else { return Ok(host) };
    let host = host.lake(&lake);
    if command.is_some_and(|command| !command.needs_pipelines()) {
        return Ok(host);
    }
    let needed = |option| Error::config("an option is needed to read").with("option", option);
    let url = arguments.url.as_deref().ok_or_else(|| needed("--url"))?;
    let table = arguments.table.as_deref().ok_or_else(|| needed("--table"))?;
    let sink = LakeSink::builder(&lake).build();
    Ok(match &arguments.mode {
        Reads::Rows(mode) => {
            let source = rows(arguments, url, table, mode.clone())?;
            host.pipeline(PIPELINE, |pipeline| async move { Ok(pipeline.source(source).lake(&sink)) })
        }
        Reads::Changes => {
            let source = changes(arguments, url, table)?;
            host.pipeline(PIPELINE, |pipeline| async move { Ok(pipeline.source(source).lake(&sink)) })
        }
    })
}

/// A source of the rows of a table.
fn rows(arguments: &Arguments, url: &str, table: &str, mode: Mode) -> Result<PostgresSource> {
    let mut source = PostgresSource::table(arguments.dataset.clone(), url, table)
        .mode(mode.edition(&arguments.edition))
        .key(&arguments.key)
        .trust(trusted(arguments)?);
    if let Some(password) = password()? {
        source = source.password(password);
    }
    source.build()
}

/// A source of the changes of a table.
fn changes(arguments: &Arguments, url: &str, table: &str) -> Result<CdcSource> {
    let mut source = CdcSource::builder(url, &arguments.slot, &arguments.slot, arguments.dataset.clone())
        .tables([table])
        .create()
        .first_load()
        .trust(trusted(arguments)?);
    if let Some(password) = password()? {
        source = source.password(password);
    }
    source.build()
}

/// The password of the environment. It is looked up again if the server refuses it.
fn password() -> Result<Option<Credential>> {
    let is_set = std::env::var_os("PGPASSWORD").is_some();
    is_set.then(|| Secrets::new().credential("env:PGPASSWORD")).transpose()
}

fn trusted(arguments: &Arguments) -> Result<Vec<u8>> {
    let Some(file) = &arguments.trust else { return Ok(Vec::new()) };
    std::fs::read(file).map_err(|cause| Error::io("the certificates cannot be read", cause))
}

fn reads(text: &str) -> Result<Reads, String> {
    match (text, text.strip_prefix("keyset:").and_then(|columns| columns.split_once(','))) {
        ("full", _) => Ok(Reads::Rows(Mode::full())),
        ("xid", _) => Ok(Reads::Rows(Mode::xid())),
        ("cdc", _) => Ok(Reads::Changes),
        (_, Some((timestamp, id))) if !timestamp.is_empty() && !id.is_empty() => {
            Ok(Reads::Rows(Mode::keyset(timestamp, id.split(','))))
        }
        _ => Err("it is full, keyset:TIMESTAMP,ID, xid or cdc".into()),
    }
}
