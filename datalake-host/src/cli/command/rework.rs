//! `replay` and `rebuild`: go over what is in the lake again.

use datalake_core::Result;

use super::{no_lake, summary};
use crate::Host;
use crate::cli::args::Pipelines;
use crate::cli::exit::Exit;
use crate::cli::out::Out;

#[derive(Clone, Copy)]
pub(super) enum Again {
    Replay,
    Rebuild,
}

/// Goes over the pipelines one after the other. One that fails does not stop the others.
pub(super) async fn run(host: Host, args: &Pipelines, again: Again, out: &mut Out) -> Result<Exit> {
    let (worker, known) = (host.name().to_owned(), host.lake.clone());
    let mut exit = Exit::Done;
    for mut pipeline in host.pipelines(&args.only).await? {
        let lake = pipeline.lake().or(known.as_ref()).cloned().ok_or_else(no_lake)?;
        let id = pipeline.id().clone();
        let bar = out.bars().watch(&pipeline);
        let ended = match again {
            Again::Replay => pipeline.replay(&lake).await,
            Again::Rebuild => pipeline.rebuild(&lake).await,
        };
        pipeline.close().await;
        drop(bar);
        exit = exit.and(summary::tell(&worker, &id, &ended, out)?);
    }
    Ok(exit)
}
