//! What a bulk job leads to, and what a refusal does.

use super::Bulk;
use super::error::Refusal;
use super::fetch::{Ask, remove};
use super::page::JobInfo;
use super::position::{Job, Phase, Step};
use super::source::SalesforceSource;
use super::walk::no_cycle;
use datalake_core::{Error, ErrorKind, Result, SourceBatch};

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
                tracing::warn!(%error, "the results are gone; they are made again, and come again");
                self.state.restart(Step::Create);
            }
            (Refusal::Timeout(error), Ask::Query { .. }) if bulk && is_new => {
                tracing::info!(%error, "the query takes too long and becomes a bulk job");
                self.state.restart(Step::Create);
            }
            (Refusal::Timeout(error), _) => {
                let Some(run) = &mut self.state.run else { return Err(error) };
                let at = after.as_ref().and_then(|mark| mark.at);
                let Some(half) = run.window.half(at) else { return Err(error) };
                tracing::info!(%error, "asking for half of the window");
                let lo = at.max(half.lo);
                self.span = half.hi.zip(lo).map(|(hi, lo)| hi - lo).or(self.span);
                run.window = half;
                if !matches!(run.step, Step::Create) {
                    run.step = Step::Query { after };
                }
            }
            (Refusal::Field(error), ask) if !matches!(ask, Ask::Describe { .. }) && !self.missed_field => {
                tracing::info!(%error, "describing the object again");
                self.missed_field = true;
                self.described = None;
            }
            (Refusal::NoBulk(error), _) => {
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

    /// Takes jobs away that are no longer needed. What cannot be done now is tried again later.
    pub(super) async fn clean(&mut self) {
        let mut left = Vec::new();
        for job in std::mem::take(&mut self.stray) {
            if let Err(error) = remove(&self.session, &job).await {
                tracing::debug!(%error, job = %job.id, "a bulk job could not be removed");
                left.push(job);
            }
        }
        left.truncate(20);
        self.stray = left;
    }
}
