//! What a bulk job leads to, and what a refusal does.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Bulk;
use super::error::Refusal;
use super::fetch::{Ask, remove};
use super::page::JobInfo;
use super::position::{Job, Phase, Step, Window};
use super::source::{LEAST, SalesforceSource};
use super::walk::no_cycle;
use datalake_core::{Error, ErrorKind, Result, SourceBatch};

/// How long a commit or a close may take to remove jobs.
const TIDYING: Duration = Duration::from_secs(10);
/// The most jobs that are remembered to be removed.
const STRAY: usize = 20;

impl SalesforceSource {
    pub(super) fn job(&mut self, ask: &Ask, info: JobInfo) -> Result<Option<SourceBatch>> {
        let Some(run) = &mut self.state.run else { return Err(no_cycle()) };
        let job = match ask {
            Ask::Job { job, .. } => job.clone(),
            _ => {
                self.watched = 0;
                let job = Job { id: info.id, version: self.api.version.clone() };
                run.step = Step::Job(job);
                return self.hand_over(None, None);
            }
        };
        let message = info.message.unwrap_or_default();
        match info.state.as_str() {
            "JobComplete" => {
                run.step = Step::Results { job, locator: None };
                self.watched = 0;
                return Ok(None);
            }
            "Open" | "Queued" | "UploadComplete" | "InProgress" => {
                self.watched += 1;
                return Ok(None);
            }
            _ => {}
        }
        run.step = Step::Create;
        self.stray.push(job.clone());
        let text = message.to_ascii_lowercase();
        let error = Error::new(ErrorKind::Unavailable, "a bulk job has failed or was aborted")
            .with("job", &job.id)
            .with("state", format_args!("{:?}", info.state));
        let error = if message.is_empty() || self.session.reveals(&message) {
            error
        } else {
            error.with("message", format_args!("{:?}", message.chars().take(300).collect::<String>()))
        };
        let refusal = if text.contains("timeout") || text.contains("timed out") {
            Refusal::Timeout(error)
        } else if text.contains("not supported by the bulk api") || text.contains("compound data") {
            Refusal::NoBulk(error)
        } else if text.contains("invalid_field") || text.contains("no such column") {
            Refusal::Field(error.permanent())
        } else {
            Refusal::Other(error)
        };
        self.refused(ask, refusal)?;
        Ok(None)
    }

    /// What a refusal leads to: another way, or the error.
    pub(super) fn refused(&mut self, ask: &Ask, refusal: Refusal) -> Result<()> {
        let bulk = self.plan.bulk != Bulk::Never && !self.no_bulk;
        let is_new = self.state.run.as_ref().is_some_and(|run| run.phase == Phase::New);
        let after = match self.state.run.as_ref().map(|run| &run.step) {
            Some(Step::Page { after, .. } | Step::Query { after }) => after.clone(),
            _ => None,
        };
        match (refusal, ask) {
            (Refusal::Locator(error) | Refusal::Gone(error), Ask::Page { .. }) => {
                tracing::warn!(%error, "the next page is gone; asking for what follows the last record");
                self.state.restart(Step::Query { after });
            }
            (Refusal::Locator(error) | Refusal::Gone(error), Ask::Job { .. } | Ask::Results { .. }) => {
                self.stray.extend(self.state.run.as_ref().and_then(|run| run.step.job().cloned()));
                self.state.restart(Step::Create);
                if std::mem::replace(&mut self.made_again, true) {
                    return Err(Error::new(
                        ErrorKind::Unavailable,
                        "the results of bulk jobs are gone time and again",
                    )
                    .caused_by(error));
                }
                tracing::warn!(%error, "the results are gone; they are made again, and come again");
            }
            (Refusal::Timeout(error), Ask::Query { .. }) if bulk && is_new => {
                tracing::info!(%error, "the query takes too long and becomes a bulk job");
                self.state.restart(Step::Create);
            }
            (Refusal::Timeout(error), Ask::Deleted { start, end }) => {
                let Some(run) = &mut self.state.run else { return Err(error) };
                let window = Window { lo: Some(*start), hi: Some(*end) };
                let half = window.half(None).filter(|half| half.hi.is_some_and(|hi| hi - *start >= LEAST));
                let Some(half) = half else { return Err(error) };
                tracing::info!(%error, "asking for the deletes of half of the time");
                run.window = half;
                self.cut = true;
            }
            (Refusal::Timeout(error), _) => {
                let Some(run) = &mut self.state.run else { return Err(error) };
                let at = after.as_ref().and_then(|mark| mark.at);
                let Some(half) = run.window.half(at) else { return Err(error) };
                tracing::info!(%error, "asking for half of the window");
                let lo = at.max(half.lo);
                self.state.span = half.hi.zip(lo).map(|(hi, lo)| (hi - lo).num_seconds()).or(self.state.span);
                run.window = half;
                self.cut = true;
                if !matches!(run.step, Step::Create) {
                    run.step = Step::Query { after };
                }
            }
            (Refusal::Field(error), ask) if !matches!(ask, Ask::Describe { .. }) && !self.missed_field => {
                tracing::info!(%error, "describing the object again");
                self.missed_field = true;
                self.described = None;
            }
            (Refusal::NoBulk(error), Ask::Create { .. } | Ask::Job { .. }) if !self.no_bulk => {
                if self.plan.bulk == Bulk::Always {
                    return Err(Error::config("bulk jobs cannot read the object").caused_by(error));
                }
                self.no_bulk = true;
                self.state.restart(Step::Query { after });
            }
            (Refusal::TooLong(_), Ask::Query { .. }) if bulk => self.state.restart(Step::Create),
            (Refusal::Other(error), Ask::Results { .. })
                if error.kind() == ErrorKind::RecordTooLarge && self.rows > 1 =>
            {
                self.rows /= 2;
            }
            (refusal, _) => return Err(refusal.into_error()),
        }
        Ok(())
    }

    /// Takes jobs away that are no longer needed, within the time that is left for it. What cannot be done now is tried
    /// again later.
    pub(super) async fn clean(&mut self) {
        let until = Instant::now() + self.api.timeout.min(TIDYING);
        let mut at = 0;
        while let Some(job) = self.stray.get(at) {
            match timeout_at(until, remove(&self.session, job)).await {
                Ok(Ok(())) => drop(self.stray.remove(at)),
                Ok(Err(error)) => {
                    tracing::debug!(%error, job = %job.id, "a bulk job could not be removed");
                    at += 1;
                }
                Err(_) => {
                    tracing::debug!(job = %job.id, "there was no time to remove a bulk job");
                    break;
                }
            }
        }
        self.stray.truncate(STRAY);
    }
}
