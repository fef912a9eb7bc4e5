//! `run`: go on until asked to stop.

use datalake_core::{Pipeline, Result};

use super::summary;
use crate::Host;
use crate::cli::args::Pipelines;
use crate::cli::exit::Exit;
use crate::cli::out::Out;
use crate::cli::signals::Shutdown;

/// Runs the pipelines side by side until a signal comes. One that fails is told of at once and does not stop the
/// others.
pub(super) async fn run(host: Host, args: &Pipelines, out: &mut Out) -> Result<Exit> {
    let worker = host.name().to_owned();
    let shutdown = Shutdown::listen()?;
    let pipelines = host.pipelines(&args.only).await?;
    let begin = |mut pipeline: Pipeline| {
        let (id, bar, stop) = (pipeline.id().clone(), out.bars().watch(&pipeline), shutdown.wait());
        let task = tokio::spawn(async move {
            let ended = pipeline.run_until(stop).await;
            if let Err(error) = &ended {
                tracing::error!(pipeline = %pipeline.id(), ?error, "the pipeline has ended");
            }
            pipeline.close().await;
            ended
        });
        (id, bar, task)
    };
    let running: Vec<_> = pipelines.into_iter().map(begin).collect();
    let mut exit = Exit::Done;
    for (id, bar, task) in running {
        let ended = summary::joined(task.await);
        drop(bar);
        exit = exit.and(summary::tell(&worker, &id, &ended, out)?);
    }
    Ok(exit)
}
