//! `run`: go on until asked to stop.

use std::future::Future;
use std::time::Duration;

use datalake_core::pipeline::Progress;
use datalake_core::{Pipeline, Result};
use serde_json::json;

use super::summary;
use crate::Host;
use crate::cli::args::Run;
use crate::cli::exit::Exit;
use crate::cli::health::Health;
use crate::cli::out::Out;
use crate::cli::signals::Shutdown;

/// How the run of a pipeline ended.
enum Ending {
    /// By itself, or because it was asked to and has committed what it had read.
    Ended(Box<Result<datalake_core::pipeline::Report>>),
    /// It was asked to and has not done so within the grace.
    Late(Box<Progress>),
}

/// Runs the pipelines side by side until a signal comes. One that fails is told of at once and does not stop the
/// others. What is not committed within the grace after the signal is left for the next run.
pub(super) async fn run(host: Host, args: &Run, out: &mut Out) -> Result<Exit> {
    let worker = host.name().to_owned();
    let shutdown = Shutdown::listen()?;
    let health = Health::default();
    let _endpoint = match args.health {
        Some(address) => Some(health.listen(address).await?),
        None => None,
    };
    let pipelines = host.pipelines(&args.pipelines.only).await?;
    let stopping = tokio::spawn({
        let (health, stop) = (health.clone(), shutdown.wait());
        async move {
            stop.await;
            health.stops();
        }
    });
    let begin = |pipeline: Pipeline| {
        health.begins(&pipeline);
        let (id, bar) = (pipeline.id().clone(), out.bars().watch(&pipeline));
        let task = one(pipeline, shutdown.wait(), over(shutdown.wait(), args.grace), health.clone());
        (id, bar, tokio::spawn(task))
    };
    let running: Vec<_> = pipelines.into_iter().map(begin).collect();
    let (mut exit, mut late) = (Exit::Done, false);
    for (id, bar, task) in running {
        let ending = task.await;
        drop(bar);
        match ending {
            Ok(Ending::Late(progress)) => {
                late = true;
                if out.is_json() {
                    out.value(&json!({ "pipeline": id, "why": "grace", "counts": progress.counts,
                        "commits": progress.commits, "bytes_in": progress.bytes_committed }))?;
                } else {
                    let line = summary::late(&id, &progress, out);
                    out.line(line);
                }
            }
            Ok(Ending::Ended(ended)) => exit = exit.and(summary::tell(&worker, &id, &ended, out)?),
            Err(broke) => exit = exit.and(summary::tell(&worker, &id, &summary::joined(Err(broke)), out)?),
        }
    }
    stopping.abort();
    if late {
        // A thread that hangs in a peer's file system would keep the process for as long as it likes.
        out.flush();
        std::process::exit(exit as i32);
    }
    Ok(exit)
}

async fn one(
    mut pipeline: Pipeline,
    stop: impl Future<Output = ()> + Send,
    over: impl Future<Output = ()>,
    health: Health,
) -> Ending {
    let (id, progress) = (pipeline.id().clone(), pipeline.progress());
    let work = async {
        let ended = pipeline.run_until(stop).await;
        health.ended(&id, ended.as_ref().err());
        if let Err(error) = &ended {
            tracing::error!(pipeline = %id, ?error, "the pipeline has ended");
        }
        pipeline.close().await;
        ended
    };
    tokio::select! {
        ended = work => Ending::Ended(Box::new(ended)),
        () = over => {
            tracing::warn!(pipeline = %id, "the grace is over; what is not committed is left for the next run");
            Ending::Late(Box::new(*progress.borrow()))
        }
    }
}

/// Ready a grace after the signal; never without one.
async fn over(stop: impl Future<Output = ()>, grace: Option<Duration>) {
    stop.await;
    match grace {
        Some(grace) => tokio::time::sleep(grace).await,
        None => std::future::pending().await,
    }
}
