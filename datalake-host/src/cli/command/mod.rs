//! What the commands do, one file each.

use datalake_core::lake::Lake;
use datalake_core::{Error, PipelineId, Result};

use super::args::Command;
use super::exit::Exit;
use super::out::Out;
use crate::Host;

mod cat;
mod clean;
mod compact;
mod describe;
mod drain;
mod health;
mod ls;
mod rework;
mod run;
mod status;
mod summary;
mod trace;
mod verify;

pub(super) async fn run(host: Host, command: Command, out: &mut Out) -> Result<Exit> {
    match command {
        Command::Drain(args) => drain::run(host, &args, out).await,
        Command::Run(args) => run::run(host, &args, out).await,
        Command::Health(args) => health::run(&args, out).await,
        Command::Status(args) => status::run(host, &args, out).await,
        Command::Ls(args) => ls::run(host, args, out).await,
        Command::Cat(args) => cat::run(host, args, out).await,
        Command::Trace(args) => trace::run(host, &args, out).await,
        Command::Verify(args) => verify::run(host, &args, out).await,
        Command::Replay(args) => rework::run(host, &args, rework::Again::Replay, out).await,
        Command::Rebuild(args) => rework::run(host, &args, rework::Again::Rebuild, out).await,
        Command::Compact(args) => compact::run(host, &args, out).await,
        Command::Clean(args) => clean::run(host, &args, out).await,
        Command::Describe(args) => describe::run(host, &args, out).await,
    }
}

/// The lake that was named, or that of the first pipeline that has one.
async fn lake(mut host: Host) -> Result<Lake> {
    if let Some(lake) = host.lake.take() {
        return Ok(lake);
    }
    let pipelines = host.pipelines(&[]).await?;
    pipelines.iter().find_map(|pipeline| pipeline.lake().cloned()).ok_or_else(no_lake)
}

fn no_lake() -> Error {
    Error::config("the worker has no lake to look into")
}

/// The pipelines of a lake that were named; all of them if none was.
async fn lanes(lake: &Lake, only: &[String]) -> Result<Vec<PipelineId>> {
    let known = lake.pipelines().await?;
    if only.is_empty() {
        return Ok(known);
    }
    let mut lanes = Vec::new();
    for name in only {
        let id = PipelineId::new(name)?;
        if !known.contains(&id) {
            return Err(Error::new(
                datalake_core::ErrorKind::NotFound,
                "the lake has no pipeline of that name",
            )
            .with("pipeline", id));
        }
        lanes.push(id);
    }
    Ok(lanes)
}
