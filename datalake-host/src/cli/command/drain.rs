//! `drain`: take what there is now, and end.

use datalake_core::pipeline::Budget;
use datalake_core::{Pipeline, Result};

use super::summary;
use crate::Host;
use crate::cli::args::Drain;
use crate::cli::exit::Exit;
use crate::cli::out::Out;

/// Drains the pipelines side by side. One that fails does not stop the others.
pub(super) async fn run(host: Host, args: &Drain, out: &mut Out) -> Result<Exit> {
    let worker = host.name().to_owned();
    let mut budget = Budget::unlimited();
    (budget.time, budget.bytes) = (args.budget, args.bytes);
    let pipelines = host.pipelines(&args.pipelines.only).await?;
    let begin = |mut pipeline: Pipeline| {
        let (id, bar) = (pipeline.id().clone(), out.bars().watch(&pipeline));
        let task = tokio::spawn(async move {
            let ended = pipeline.drain(budget).await;
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
