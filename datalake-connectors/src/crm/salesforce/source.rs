//! The source: what is asked next.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use http::header::HeaderValue;

use super::error::Refusal;
use super::fetch::{Api, Ask, Told, fetch};
use super::position::{Job, Phase, SCHEMA, State, Step, back};
use super::schema::Schema;
use super::session::Session;
use super::soql::Query;
use super::{Bulk, KIND, SalesforceSourceBuilder};
use datalake_core::{
    Dataset, Error, ErrorKind, Next, Position, Remaining, Result, Source, SourceInfo, async_trait,
};

/// The least time that can be asked about for deletes.
pub(super) const LEAST: TimeDelta = TimeDelta::minutes(1);
/// How far back deletes are asked for once it is accepted that older ones are missed.
const MISSED: TimeDelta = TimeDelta::days(14);
/// Waits for a job double this often.
const DOUBLED: u32 = 4;

/// The settings, as the walk needs them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) fields: Vec<String>,
    pub(super) filter: Option<String>,
    pub(super) bulk: Bulk,
    pub(super) deleted: bool,
    pub(super) accept_missed: bool,
    pub(super) accept_other: bool,
    /// A digest of what is read.
    pub(super) reads: String,
    pub(super) look_back: TimeDelta,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) poll_every: Duration,
    pub(super) watch_every: Duration,
}

/// Reads an object of Salesforce, all of it and then what changes.
///
/// See the [module](super) for what it reads and how it goes on.
pub struct SalesforceSource {
    pub(super) info: SourceInfo,
    pub(super) plan: Arc<Plan>,
    pub(super) api: Arc<Api>,
    pub(super) session: Arc<Session>,
    pub(super) state: State,
    /// The state of the last position that was handed over or sought.
    pub(super) given: State,
    pub(super) described: Option<Described>,
    pub(super) flight: Option<(Ask, BoxFuture<'static, Result<Told, Refusal>>)>,
    /// Whether a cycle has ended and the wait is due.
    pub(super) rest: bool,
    /// Whether the object turned out to be none that bulk jobs can read.
    pub(super) no_bulk: bool,
    /// Whether a field was missed since the last page.
    pub(super) missed_field: bool,
    /// Whether results were gone since the last page.
    pub(super) made_again: bool,
    /// Whether a window was cut since the last batch.
    pub(super) cut: bool,
    /// Rows of a page of results.
    pub(super) rows: usize,
    /// How often the job under way was asked about.
    pub(super) watched: u32,
    /// Records of the query under way that are still to come, as far as it is known.
    pub(super) left: Option<u64>,
    /// Jobs that were made here and that no position needs any more.
    pub(super) stray: Vec<Job>,
}

/// The object, and what follows from its description.
pub(super) struct Described {
    pub(super) schema: Schema,
    pub(super) query: Query,
    /// Whether records in the recycle bin are asked for too.
    pub(super) all: bool,
    pub(super) modified: Option<HeaderValue>,
}

impl SalesforceSource {
    /// Reads an object, for instance `Account`, into a dataset. The URL is that of the organisation:
    /// `https://<my-domain>.my.salesforce.com`.
    pub fn builder(
        dataset: Dataset,
        url: impl Into<String>,
        object: impl Into<String>,
    ) -> SalesforceSourceBuilder {
        SalesforceSourceBuilder::new(dataset, url.into(), object.into())
    }

    pub(super) fn new(info: SourceInfo, plan: Plan, api: Api, session: Session, rows: usize) -> Self {
        let state = State::new(&api.object);
        Self {
            info,
            plan: Arc::new(plan),
            api: Arc::new(api),
            session: Arc::new(session),
            given: state.clone(),
            state,
            described: None,
            flight: None,
            rest: false,
            no_bulk: false,
            missed_field: false,
            made_again: false,
            cut: false,
            rows,
            watched: 0,
            left: None,
            stray: Vec::new(),
        }
    }

    /// The object as the system describes it now.
    ///
    /// # Errors
    /// The system cannot be asked, or refuses.
    pub fn describe(&self) -> impl Future<Output = Result<Schema>> + Send + use<> {
        let answer =
            fetch(Arc::clone(&self.session), Arc::clone(&self.api), Ask::Describe { modified: None });
        async move {
            match answer.await {
                Ok(Told::Schema { schema: Some(schema), .. }) => Ok(schema),
                Ok(_) => Err(Error::unexpected("the system describes nothing").component(KIND)),
                Err(refusal) => Err(refusal.into_error().component(KIND)),
            }
        }
    }

    /// How many requests of the rolling day the organisation has used, and how many it has, as the last answer said.
    #[must_use]
    pub fn requests_used(&self) -> Option<(u64, u64)> {
        self.session.used()
    }

    async fn step(&mut self) -> Result<Next> {
        loop {
            if std::mem::take(&mut self.rest) {
                return Ok(Next::Idle(self.plan.poll_every));
            }
            if self.flight.is_none() {
                let ask = self.ask()?;
                let work = fetch(Arc::clone(&self.session), Arc::clone(&self.api), ask.clone());
                self.flight = Some((ask, Box::pin(work)));
            }
            let Some((_, flight)) = &mut self.flight else { continue };
            let answer = flight.await;
            let Some((ask, _)) = self.flight.take() else { continue };
            let batch = match answer {
                Ok(told) => self.take(&ask, told)?,
                Err(refusal) => {
                    self.refused(&ask, refusal)?;
                    None
                }
            };
            let batch = match batch {
                None if self.cut => self.hand_over(None, None)?,
                batch => batch,
            };
            if let Some(batch) = batch {
                return Ok(Next::Batch(batch));
            }
        }
    }

    /// What to ask next.
    fn ask(&mut self) -> Result<Ask> {
        let described = self.described.as_ref();
        let modified = || described.and_then(|described| described.modified.clone());
        let (Some(described), Some(run)) = (described, &self.state.run) else {
            return Ok(Ask::Describe { modified: modified() });
        };
        let (query, all) = (&described.query, described.all);
        let cursor = query.cursor.clone();
        if run.phase == Phase::Deleted {
            let until = run.until.unwrap_or_default();
            let end = run.window.hi.unwrap_or(until);
            let since = self.state.deleted.unwrap_or(until);
            let since = run.window.lo.or(back(since, self.plan.look_back)).unwrap_or(since);
            let mut start = since.min(end - LEAST);
            if self.plan.accept_missed {
                start = start.max(until - MISSED);
            }
            return Ok(Ask::Deleted { start, end });
        }
        Ok(match &run.step {
            Step::Query { after } => {
                Ask::Query { soql: query.ordered(&run.window, after.as_ref()), all, cursor }
            }
            Step::Page { path, .. } => {
                let path = path.parse().map_err(|_| {
                    Error::new(ErrorKind::PositionInvalid, "the link in the position cannot be read")
                })?;
                Ask::Page { path, cursor }
            }
            Step::Create => Ask::Create { soql: query.unordered(&run.window), all },
            Step::Job(job) => {
                let wait = self.plan.watch_every * (1 << self.watched.min(DOUBLED));
                Ask::Job { job: job.clone(), wait: if self.watched == 0 { Duration::ZERO } else { wait } }
            }
            Step::Results { job, locator } => {
                Ask::Results { job: job.clone(), locator: locator.clone(), rows: self.rows }
            }
        })
    }
}

#[async_trait]
impl Source for SalesforceSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        self.step().await.map_err(|error| error.component(KIND))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let object = &self.api.object;
        let mut state = match position {
            None => State::new(object),
            Some(position) => position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?,
        };
        if state.of != *object {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another object")
                .component(KIND)
                .with("found", format_args!("{:?}", state.of))
                .with("expected", object));
        }
        if state.reads.as_ref().is_some_and(|reads| *reads != self.plan.reads) {
            if !self.plan.accept_other {
                return Err(Error::new(
                    ErrorKind::PositionInvalid,
                    "the position is of a read with other fields, another filter or start; read everything again, or \
                     accept it",
                )
                .component(KIND));
            }
            self.stray.extend(state.ask_anew());
        }
        state.reads = Some(self.plan.reads.clone());
        let job = |state: &State| state.run.as_ref().and_then(|run| run.step.job().cloned());
        if let Some(left) = job(&self.state).filter(|left| job(&state).as_ref() != Some(left))
            && !state.finished.contains(&left)
        {
            self.stray.push(left);
        }
        self.given = state.clone();
        self.state = state;
        self.described = None;
        self.flight = None;
        self.rest = false;
        self.missed_field = false;
        self.made_again = false;
        self.cut = false;
        self.watched = 0;
        self.left = None;
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        let records = if self.rest { Some(0) } else { self.left };
        Remaining { records, ..Remaining::default() }
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let state = position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?;
        let done = |job: &Job| state.finished.contains(job);
        self.state.finished.retain(|job| !done(job));
        let known = |job: &Job| self.stray.contains(job);
        let finished: Vec<_> = state.finished.iter().filter(|job| !known(job)).cloned().collect();
        self.stray.extend(finished);
        self.clean().await;
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.flight = None;
        self.clean().await;
        Ok(())
    }
}

impl fmt::Debug for SalesforceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalesforceSource")
            .field("info", &self.info)
            .field("cycle", &self.state.cycle)
            .finish_non_exhaustive()
    }
}
