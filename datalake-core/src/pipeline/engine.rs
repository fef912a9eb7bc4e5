//! The loop that reads, and tells the source what is durable.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Fuse};
use serde_json::json;
use tokio::time::Instant;

use super::chain::Untouched;
use super::flow::{Committed, Flow, Interrupt};
use super::{Budget, Ended, Held, Pipeline, Progress, Report};
use crate::digest::Sha256;
use crate::document::Document;
use crate::envelope::Acquired;
use crate::position::Position;
use crate::source::Next;
use crate::{Error, Result};

/// The longest pause between two attempts to go on after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// When a run is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// When the source has nothing now, or the budget is spent.
    Drain(Budget),
    /// When it is asked to stop.
    Run,
}

/// What is ready when a run is asked to stop.
pub(super) type Shutdown<'a> = BoxFuture<'a, ()>;

/// Runs a pipeline from the head of its ledger until it is over. After a lost race, and in [`Mode::Run`] after a
/// temporary failure, it begins again at the head.
///
/// A box, and not an `async fn`, so that the engine is compiled with this crate, once, and not into every program again
/// and for every kind of shutdown.
pub(super) fn run<'a>(
    pipeline: &'a mut Pipeline,
    mode: Mode,
    shutdown: Shutdown<'a>,
) -> BoxFuture<'a, Result<Report>> {
    Box::pin(begin(pipeline, mode, shutdown))
}

async fn begin(pipeline: &mut Pipeline, mode: Mode, shutdown: Shutdown<'_>) -> Result<Report> {
    let started = pipeline.shared.ambient.now();
    let id = pipeline.shared.ambient.attempt().to_string();
    let budget = match mode {
        Mode::Drain(budget) => budget,
        Mode::Run => Budget::unlimited(),
    };
    let mut run = Run {
        mode,
        id: id.into(),
        deadline: budget.time.map(|time| Instant::now() + time),
        bytes_left: budget.bytes.unwrap_or(u64::MAX),
        stopping: None,
        report: Report::new(pipeline.shared.id.clone(), started),
        progress: Progress { started, updated: started, ..Progress::default() },
        failures: 0,
    };
    let mut shutdown = shutdown.fuse();
    tracing::info!(pipeline = %pipeline.shared.id, run = %run.id, source = pipeline.shared.info.system, "run begins");
    loop {
        let before = run.report.commits;
        let interrupt = match run.session(pipeline, &mut shutdown).await {
            Ok(why) => {
                run.report.why = why;
                run.report.ended = pipeline.shared.ambient.now();
                tracing::info!(pipeline = %pipeline.shared.id, run = %run.id, why = ?why,
                    commits = run.report.commits, records = run.report.counts.read, "run ends");
                return Ok(run.report);
            }
            Err(interrupt) => interrupt,
        };
        run.failures = if run.report.commits > before { 1 } else { run.failures + 1 };
        let pause = run.pause(pipeline, interrupt)?;
        // What it read was dropped, so the source may have more again.
        run.stopping.take_if(|why| matches!(why, Ended::Idle | Ended::Exhausted));
        tokio::select! {
            biased;
            () = &mut shutdown, if run.stopping.is_none() => run.stopping = Some(Ended::Shutdown),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Run {
    mode: Mode,
    id: Arc<str>,
    deadline: Option<Instant>,
    bytes_left: u64,
    /// Why no more is read.
    stopping: Option<Ended>,
    report: Report,
    progress: Progress,
    /// Interrupts without a commit between them.
    failures: u32,
}

/// What broke the wait for the source.
enum Turn {
    Read(Result<Next>),
    /// The source must be told of a commit before it is asked again.
    Tell,
    Stop(Ended),
}

impl Run {
    /// How long to wait before going on after an interrupt, or the error that ends the run.
    fn pause(&mut self, pipeline: &Pipeline, interrupt: Interrupt) -> Result<Duration> {
        let ambient = &pipeline.shared.ambient;
        let share = (ambient.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        match interrupt {
            Interrupt::Lost => {
                self.report.lost_slots += 1;
                tracing::info!(pipeline = %pipeline.shared.id, "another worker took the slot; reading the head again");
                let most = Duration::from_millis(20).saturating_mul(1 << self.failures.min(6));
                Ok(most.mul_f64(share))
            }
            Interrupt::Failed(error) => {
                self.report.restarts += 1;
                let stopped = matches!(self.stopping, Some(Ended::Shutdown | Ended::Budget));
                let goes_on = matches!(self.mode, Mode::Run) && error.is_temporary() && !stopped;
                if !goes_on {
                    return Err(error);
                }
                let most =
                    Duration::from_secs(1).saturating_mul(1 << self.failures.min(6)).min(LONGEST_PAUSE);
                let pause = (most / 4 + (most - most / 4).mul_f64(share))
                    .max(error.retry_after().unwrap_or_default());
                tracing::warn!(pipeline = %pipeline.shared.id, %error, ?pause, "going back to the last commit");
                Ok(pause)
            }
        }
    }

    /// Reads and commits from the head of the ledger until there is nothing more to read and all is committed.
    async fn session(
        &mut self,
        pipeline: &mut Pipeline,
        shutdown: &mut Fuse<Shutdown<'_>>,
    ) -> Result<Ended, Interrupt> {
        let shared = Arc::clone(&pipeline.shared);
        // What is held must be committed first, and for that the head is needed.
        let nothing_held = pipeline.held.is_empty();
        if nothing_held && matches!(self.stopping, Some(Ended::Shutdown)) {
            return Ok(Ended::Shutdown);
        }
        let head = tokio::select! {
            biased;
            head = shared.ledger.head(&shared.id) => head?,
            () = &mut *shutdown, if nothing_held => return Ok(Ended::Shutdown),
        };
        let position = head.as_ref().map(|head| head.commit.to.clone());
        shared.chain.reset();
        let mut tries = 0;
        while let Err(error) = pipeline.source.seek(position.as_ref()).await {
            tries += 1;
            let delay = shared.options.retry.delay(tries, &error, &shared.ambient);
            let delay = delay.ok_or_else(|| error.exhausted())?;
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = &mut *shutdown, if nothing_held => return Ok(Ended::Shutdown),
            }
        }
        self.report.position = position;
        if let Some(head) = &head {
            let_go(pipeline, head.commit.seq).await?;
            // Whoever made the last commit may have been killed before the source was told.
            if shared.info.can_seek && (shared.info.wants_commit || shared.info.window.is_some()) {
                pipeline.untold = Some(head.commit.to.clone());
            }
        }
        // What can come again is named by what came before it; what cannot, by the run.
        let run = Arc::clone(&self.id);
        let reading = |before: Option<&Position>| {
            let run = if shared.info.can_seek { "" } else { &*run };
            Sha256::of(json!([shared.id, run, before]).to_string().as_bytes())
        };
        let mut reading_now = reading(self.report.position.as_ref());
        let mut flow = Flow::new(Arc::clone(&shared), Arc::clone(&self.id), head.as_ref());
        for held in &pipeline.held {
            flow.push(held.untouched());
        }

        // What an earlier session, or an earlier process, could not tell is told now.
        let mut tell = true;
        let mut idle: Option<Instant> = None;
        let mut failed: Option<Error> = None;
        let mut read_failures = 0;
        loop {
            if std::mem::take(&mut tell) {
                self.tell(pipeline, shutdown).await;
            }
            if (self.stopping.is_some() || failed.is_some()) && flow.is_empty() {
                return match (failed, self.stopping) {
                    (Some(error), _) => Err(error.into()),
                    (None, why) => Ok(why.unwrap_or(Ended::Done)),
                };
            }
            let start = shared.ambient.now();
            let turn = {
                let mut next = pin!(pipeline.source.next_batch());
                loop {
                    let over = self.stopping.is_some() || failed.is_some();
                    let read = !over && idle.is_none() && flow.has_room();
                    if (over && !flow.is_transforming()) || (!flow.has_room() && !flow.is_moving()) {
                        flow.flush();
                    }
                    if over && flow.is_empty() {
                        break Turn::Tell;
                    }
                    let (moving, deadline) = (flow.is_moving(), flow.deadline());
                    tokio::select! {
                        biased;
                        () = &mut *shutdown, if self.stopping.is_none() => break Turn::Stop(Ended::Shutdown),
                        done = flow.next(), if moving => {
                            let Some(done) = done? else { continue };
                            let position = self.committed(&mut pipeline.held, &flow, done);
                            pipeline.untold = Some(position);
                            tell = true;
                            if shared.info.wants_commit || shared.info.window.is_some() {
                                break Turn::Tell;
                            }
                        }
                        () = until(deadline), if deadline.is_some() => flow.flush(),
                        () = until(self.deadline), if self.deadline.is_some() && !over => break Turn::Stop(Ended::Budget),
                        () = until(idle), if idle.is_some() && !over => idle = None,
                        read = &mut next, if read => break Turn::Read(read),
                    }
                }
            };
            match turn {
                Turn::Tell => {}
                Turn::Stop(why) => self.stopping = Some(why),
                Turn::Read(Ok(Next::Batch(mut batch))) => {
                    read_failures = 0;
                    let stamp = |document: Document| document.in_reading(reading_now);
                    batch.documents = batch.documents.into_iter().map(stamp).collect();
                    reading_now = reading(Some(&batch.position));
                    let end = shared.ambient.now();
                    let held = Held { batch, acquired: Acquired { start, end } };
                    self.read(pipeline, &held);
                    flow.push(held.untouched());
                    self.publish(pipeline, &flow);
                    if !shared.info.can_seek {
                        pipeline.held.push_back(held);
                    }
                }
                Turn::Read(Ok(Next::Idle(pause))) => {
                    read_failures = 0;
                    // A source may have nothing because it has not been told.
                    let told = pipeline.untold.is_some() && self.tell(pipeline, shutdown).await;
                    match self.mode {
                        _ if told => {}
                        Mode::Drain(_) => self.stopping = Some(Ended::Idle),
                        Mode::Run => idle = Some(Instant::now() + pause),
                    }
                }
                Turn::Read(Ok(Next::End)) => self.stopping = Some(Ended::Exhausted),
                Turn::Read(Err(error)) => {
                    read_failures += 1;
                    let error = error.component(shared.info.system.clone()).with("pipeline", &shared.id);
                    match shared.options.retry.delay(read_failures, &error, &shared.ambient) {
                        Some(delay) => {
                            tracing::warn!(%error, ?delay, "the source could not be read; trying again");
                            idle = Some(Instant::now() + delay);
                        }
                        None => failed = Some(error.exhausted()),
                    }
                }
            }
            if self.bytes_left == 0 && self.stopping.is_none() {
                self.stopping = Some(Ended::Budget);
            }
        }
    }

    fn read(&mut self, pipeline: &Pipeline, held: &Held) {
        let bytes = held.batch.bytes() as u64;
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.progress.bytes_read += bytes;
        self.progress.remaining = pipeline.source.remaining();
    }

    fn publish(&mut self, pipeline: &Pipeline, flow: &Flow) {
        self.progress.updated = pipeline.shared.ambient.now();
        self.progress.oldest_uncommitted = flow.oldest();
        pipeline.shared.progress.send_replace(self.progress);
    }

    /// Writes a commit into the books. Gives the position to tell the source.
    fn committed(
        &mut self,
        held: &mut std::collections::VecDeque<Held>,
        flow: &Flow,
        done: Committed,
    ) -> Position {
        let Committed { commit, batches } = done;
        held.drain(..batches.min(held.len()));
        self.report.add(&commit);
        self.progress.counts = self.report.counts;
        self.progress.bytes_committed = self.report.bytes_in;
        self.progress.commits = self.report.commits;
        self.progress.oldest_uncommitted = flow.oldest();
        tracing::debug!(commit = %commit.name(), counts = ?commit.counts, "committed");
        commit.to
    }

    /// Tells the source what is durable. If it cannot be told it is told again with the next commit, or when it has
    /// nothing to give. When the run is asked to stop there is one more try, at once.
    async fn tell(&mut self, pipeline: &mut Pipeline, shutdown: &mut Fuse<Shutdown<'_>>) -> bool {
        let shared = Arc::clone(&pipeline.shared);
        let Some(position) = &pipeline.untold else { return true };
        self.progress.updated = shared.ambient.now();
        shared.progress.send_replace(self.progress);
        let (mut failed, mut last) = (0, false);
        while let Err(error) = pipeline.source.commit(position).await {
            failed += 1;
            let delay = shared.options.retry.delay(failed, &error, &shared.ambient);
            let Some(delay) = delay.filter(|_| !last) else {
                tracing::warn!(%error, "the source could not be told of a commit; it may deliver again");
                return false;
            };
            last = matches!(self.stopping, Some(Ended::Shutdown));
            if !last {
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = &mut *shutdown => {
                        self.stopping = Some(Ended::Shutdown);
                        last = true;
                    }
                }
            }
        }
        pipeline.untold = None;
        true
    }
}

/// Lets go of what a commit covers whose answer was lost. At most one of those begun was made: the next is begun only
/// after a look at the ledger, or in the same slot.
async fn let_go(pipeline: &mut Pipeline, head: u64) -> Result<()> {
    let shared = Arc::clone(&pipeline.shared);
    loop {
        let Some((seq, attempt, batches)) =
            shared.begun().first().map(|begun| (begun.seq, begun.attempt.clone(), begun.batches))
        else {
            return Ok(());
        };
        if seq > head {
            return Ok(());
        }
        let entry = shared.ledger.entry(&shared.id, seq).await?;
        let mut begun = shared.begun();
        if entry.commit.attempt == attempt {
            begun.clear();
            pipeline.held.drain(..batches.min(pipeline.held.len()));
            pipeline.untold = Some(entry.commit.to);
        } else {
            begun.remove(0);
        }
    }
}

impl Held {
    fn untouched(&self) -> Untouched {
        let batch = self.batch.clone();
        Untouched {
            documents: batch.documents,
            acquired: self.acquired,
            requests: batch.requests,
            derived_from: batch.derived_from,
            position: batch.position,
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
