//! The words of the command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use datalake_core::lake::Zone;
use datalake_core::{Dataset, RecordId};

use super::units;

/// What a worker can be told to do.
#[derive(Debug, Clone, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Take what there is now, and end. What a worker does without a command
    Drain(Drain),
    /// Go on until SIGTERM or ctrl-c, then commit what was read and end
    Run(Run),
    /// Ask a worker that runs with --health how it is; ends with 0 if it is well, else with 1
    Health(Health),
    /// Show how far each pipeline is
    Status(Pipelines),
    /// List the datasets and zones of the lake, or their objects
    Ls(Ls),
    /// Write what a dataset holds to standard output
    Cat(Cat),
    /// Follow a record from the curated zone back to its raw bytes
    Trace(Trace),
    /// Check that the ledger is whole and every object is there as it was written
    Verify(Pipelines),
    /// Try the records in quarantine again
    Replay(Pipelines),
    /// Make the curated zone again from the raw one, without touching the source
    Rebuild(Pipelines),
    /// Join small objects of the curated zone into larger ones
    Compact(Compact),
    /// Remove objects that no commit names
    Clean(Clean),
    /// Show what the pipelines are made of
    Describe(Pipelines),
}

impl Default for Command {
    /// `drain`, without bounds.
    fn default() -> Self {
        Self::Drain(Drain::default())
    }
}

impl Command {
    /// Whether the command is about a lake. `health` only asks another process.
    #[must_use]
    pub fn needs_lake(&self) -> bool {
        !matches!(self, Self::Health(_))
    }

    /// Whether the command acquires data or makes it anew, and so needs pipelines and may begin a lake. The others
    /// look into one that is there.
    #[must_use]
    pub fn needs_pipelines(&self) -> bool {
        matches!(self, Self::Drain(_) | Self::Run(_) | Self::Replay(_) | Self::Rebuild(_) | Self::Describe(_))
    }
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// Write JSON for machines, one value a line
    #[arg(long, global = true)]
    pub json: bool,
    /// What to log: a level, or levels by target such as `info,datalake_core=debug`. Else by RUST_LOG, else `info`
    /// for `run` and `warn` for the others
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// How to log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The pipelines that a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Pipelines {
    /// Only this pipeline; can be given several times
    #[arg(long = "pipeline", value_name = "NAME")]
    pub only: Vec<String>,
}

/// Options of `drain`.
#[derive(Debug, Clone, Default, Args)]
pub struct Drain {
    /// Which pipelines.
    #[command(flatten)]
    pub pipelines: Pipelines,
    /// The longest time to read, for instance 30s or 5m; what was read is still committed
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub budget: Option<Duration>,
    /// The bytes to read, about, for instance 500MB or 2GiB
    #[arg(long, value_name = "BYTES", value_parser = units::bytes)]
    pub bytes: Option<u64>,
}

/// Options of `run`.
#[derive(Debug, Clone, Default, Args)]
pub struct Run {
    /// Which pipelines.
    #[command(flatten)]
    pub pipelines: Pipelines,
    /// Answer at /livez and /readyz of this address, for instance 0.0.0.0:8081. Plain HTTP, without a password
    #[arg(long, value_name = "ADDRESS")]
    pub health: Option<SocketAddr>,
    /// How long after SIGTERM or ctrl-c to commit what was read, for instance 25s; what is not committed by then is read
    /// again by the next run. As long as it takes by default
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub grace: Option<Duration>,
}

/// Options of `health`.
#[derive(Debug, Clone, Args)]
pub struct Health {
    /// The address that the worker was given with --health
    #[arg(value_name = "ADDRESS")]
    pub health: SocketAddr,
    /// Ask only whether it runs, not whether it is ready
    #[arg(long)]
    pub live: bool,
    /// How long to wait for its answer
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = units::duration)]
    pub timeout: Duration,
}

/// Options of `ls`.
#[derive(Debug, Clone, Default, Args)]
pub struct Ls {
    /// Only this dataset
    #[arg(long)]
    pub dataset: Option<Dataset>,
    /// Only this zone: raw, curated or quarantine
    #[arg(long)]
    pub zone: Option<Zone>,
    /// List every object
    #[arg(long)]
    pub objects: bool,
}

/// Options of `cat`.
#[derive(Debug, Clone, Args)]
pub struct Cat {
    /// The dataset; not needed if there is only one
    #[arg(long)]
    pub dataset: Option<Dataset>,
    /// The zone. raw: the documents, byte for byte, in the order of the ledger. curated, quarantine: lines of JSON
    #[arg(long, default_value = "curated")]
    pub zone: Zone,
}

/// Options of `trace`.
#[derive(Debug, Clone, Args)]
pub struct Trace {
    /// The record, as "b/i" of its `_lake` member: PIPELINE/BATCH/ORDINAL
    #[arg(value_name = "RECORD")]
    pub record: RecordId,
    /// Show lines and raw bytes in full
    #[arg(long)]
    pub full: bool,
}

/// Options of `compact`.
#[derive(Debug, Clone, Args)]
pub struct Compact {
    /// Which pipelines.
    #[command(flatten)]
    pub pipelines: Pipelines,
    /// About how large an object should become, as stored; those of less than half of it are joined
    #[arg(long, default_value = "64MiB", value_name = "BYTES", value_parser = units::bytes)]
    pub target: u64,
}

/// Options of `clean`.
#[derive(Debug, Clone, Args)]
pub struct Clean {
    /// Only objects older than this; less than a day is safe only while no worker runs
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = units::duration)]
    pub older_than: Duration,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
}
