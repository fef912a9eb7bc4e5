//! Draining a pipeline within an invocation.

use std::time::Duration;

use datalake_core::pipeline::{Budget, Ended};
use datalake_core::{Counts, Pipeline, PipelineId, Result};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Feed;
use super::invocation::Invocation;
use super::margin::Margin;

/// A pipeline that is kept from one invocation to the next.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) pipeline: Pipeline,
    pub(super) feed: Option<Feed>,
    margin: Option<Margin>,
}

/// What an invocation has done with a pipeline.
#[derive(Debug, Serialize)]
pub(super) struct Drained {
    pub(super) pipeline: PipelineId,
    pub(super) ended: Ending,
    /// Whether there may be more to read.
    pub(super) more: bool,
    pub(super) counts: Counts,
    pub(super) commits: u64,
    pub(super) bytes_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lost_slots: Option<u64>,
}

/// Why it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ending {
    /// The source has nothing now.
    Idle,
    /// The source will never have anything again.
    Exhausted,
    /// The time for reading is over, or the worker was asked to stop; what was read is committed.
    Budget,
    /// A commit took longer than any before. What it was to hold is read again.
    Deadline,
}

impl Served {
    pub(super) fn new(pipeline: Pipeline, feed: Option<Feed>) -> Self {
        Self { pipeline, feed, margin: None }
    }

    /// Takes what there is, until the time is over, less what the commits need.
    ///
    /// What is not committed by the deadline is dropped, which is as if the process had been killed: the next
    /// invocation goes on from the last commit.
    pub(super) async fn drain(
        &mut self,
        invocation: &Invocation,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Drained> {
        self.pipeline.invoked(Some(invocation.request_id.clone()), invocation.trace.clone());
        if self.margin.is_none() && invocation.left().is_some() {
            let mut margin = Margin::default();
            margin.learn(self.pipeline.ledger(), self.pipeline.id()).await;
            self.margin = Some(margin);
        }
        let margin = self.margin.get_or_insert_default();
        let began = Instant::now();
        let plan = invocation.left().map(|left| margin.plan(left));
        let mut budget = Budget::unlimited();
        budget.time = plan.map(|plan| plan.read);
        let stopped = async move {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let progress = self.pipeline.progress();
        let from = *progress.borrow();
        let report = tokio::select! {
            biased;
            report = self.pipeline.drain_until(budget, stopped) => report?,
            () = at(plan.map(|plan| began + plan.give_up)) => {
                let plan = plan.map_or(Duration::ZERO, |plan| plan.give_up - plan.read);
                margin.observe(plan.saturating_mul(2));
                tracing::warn!(pipeline = %self.pipeline.id(), "the deadline came before the last commit");
                let now = *progress.borrow();
                let now = if now.started == from.started { Default::default() } else { now };
                return Ok(Drained {
                    pipeline: self.pipeline.id().clone(),
                    ended: Ending::Deadline,
                    more: true,
                    counts: now.counts,
                    commits: now.commits,
                    bytes_in: now.bytes_committed,
                    lost_slots: None,
                });
            }
        };
        if let (Ended::Budget, Some(plan)) = (report.why, plan) {
            margin.observe(began.elapsed().saturating_sub(plan.read));
        }
        let ended = match report.why {
            Ended::Idle => Ending::Idle,
            Ended::Exhausted => Ending::Exhausted,
            _ => Ending::Budget,
        };
        Ok(Drained {
            pipeline: report.pipeline,
            ended,
            more: ended == Ending::Budget,
            counts: report.counts,
            commits: report.commits,
            bytes_in: report.bytes_in,
            lost_slots: Some(report.lost_slots),
        })
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
