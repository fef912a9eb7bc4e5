//! The walk: what is asked next, and what an answer leads to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use http::header::HeaderValue;

use super::error::Refusal;
use super::fetch::{Api, Ask, Told, fetch, remove};
use super::page::{Deleted, JobInfo, Page, Row};
use super::position::{Cycle, Job, Mark, Phase, SCHEMA, State, Step, back};
use super::schema::Schema;
use super::session::Session;
use super::soql::Query;
use super::{Bulk, KIND, SalesforceSourceBuilder};
use crate::http::link::reroot;
use datalake_core::{
    Csv, Dataset, Document, Error, ErrorKind, Format, Next, Position, Request, Result, Source, SourceBatch,
    SourceInfo, async_trait,
};

/// How long a cycle without records goes unnoted: its end is handed over then all the same.
const UNNOTED: TimeDelta = TimeDelta::hours(1);
/// The least time that can be asked about for deletes.
const LEAST: TimeDelta = TimeDelta::minutes(1);
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
    pub(super) look_back: TimeDelta,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) poll_every: Duration,
    pub(super) watch_every: Duration,
}

/// Reads an object of Salesforce, all of it and then what changes.
///
/// See the [module](super) for what it reads and how it goes on.
pub struct SalesforceSource {
    info: SourceInfo,
    plan: Arc<Plan>,
    api: Arc<Api>,
    session: Arc<Session>,
    state: State,
    /// The state of the last position that was handed over or sought.
    given: State,
    described: Option<Described>,
    flight: Option<(Ask, BoxFuture<'static, Result<Told, Refusal>>)>,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
    /// Whether the object turned out to be none that bulk jobs can read.
    no_bulk: bool,
    /// Whether a field was missed since the last page.
    missed_field: bool,
    /// The longest window that is thought to work.
    span: Option<TimeDelta>,
    /// Rows of a page of results.
    rows: usize,
    /// How often the job under way was asked about.
    watched: u32,
    /// Jobs that were made here and that no position needs any more.
    stray: Vec<Job>,
}

/// The object, and what follows from its description.
struct Described {
    schema: Schema,
    query: Query,
    /// Whether records in the recycle bin are asked for too.
    all: bool,
    modified: Option<HeaderValue>,
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
            span: None,
            rows,
            watched: 0,
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
            let end = run.until.unwrap_or_default();
            let since = self.state.deleted.unwrap_or(end);
            let mut start = back(since, self.plan.look_back).unwrap_or(since).min(end - LEAST);
            if self.plan.accept_missed {
                start = start.max(end - MISSED);
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

    /// Takes an answer in: the batch to hand over, if there is a reason for one.
    fn take(&mut self, ask: &Ask, told: Told) -> Result<Option<SourceBatch>> {
        match told {
            Told::Schema { schema, modified, now } => {
                self.describes(schema, modified)?;
                if self.state.run.is_none() {
                    self.begin(now);
                }
                Ok(None)
            }
            Told::Page { page, body, request } => self.page(ask, page, body, request),
            Told::Job(info) => self.job(ask, info),
            Told::Results { next, rows, body, request } => Ok(self.results(next, rows, body, request)?),
            Told::Deleted { deleted, body, request } => self.deleted(deleted, body, request),
        }
    }

    /// Takes note of how the object looks now.
    fn describes(&mut self, schema: Option<Schema>, modified: Option<HeaderValue>) -> Result<()> {
        let Some(schema) = schema else {
            return match self.described {
                Some(_) => Ok(()),
                None => Err(Error::unexpected("the system says that nothing has changed, but was not asked")),
            };
        };
        if let Some(old) = &self.described {
            let changes = schema.changes_since(&old.schema);
            if !changes.is_empty() {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                tracing::warn!(object = %schema.name, changes = changes.join(" "), "the object looks different");
            }
        }
        let mut fields = schema.select(&self.plan.fields)?;
        let cursor = match &self.state.cursor {
            None => schema.cursor().map(str::to_owned),
            Some(known) => match schema.field(known) {
                Some(field) if field.filterable => Some(known.clone()),
                _ => {
                    return Err(Error::new(
                        ErrorKind::PositionInvalid,
                        "the field that the position goes by can be asked for no longer",
                    )
                    .with("field", known));
                }
            },
        };
        if let Some(cursor) = cursor.as_ref().filter(|cursor| !fields.contains(cursor)) {
            fields.push(cursor.clone());
        }
        self.state.cursor.clone_from(&cursor);
        let all = self.plan.deleted && schema.has_recycle_bin();
        let filter = self.plan.filter.clone();
        let query = Query { object: self.api.object.clone(), fields, cursor, filter };
        self.described = Some(Described { schema, query, all, modified });
        Ok(())
    }

    fn begin(&mut self, now: DateTime<Utc>) {
        let cycle = self.cycle(Some(now));
        let due = cycle.until.zip(self.state.deleted).is_some_and(|(until, known)| until - known >= LEAST);
        let tells = self.described.as_ref().is_some_and(|described| described.schema.replicateable);
        self.state.begin(&cycle, self.plan.deleted && tells && due);
        if self.state.deleted.is_none() {
            self.state.deleted = cycle.until;
        }
        self.shorten();
    }

    fn cycle(&self, now: Option<DateTime<Utc>>) -> Cycle {
        let timed = self.state.cursor.is_some();
        Cycle {
            until: now.filter(|_| timed),
            start: self.plan.start,
            look_back: self.plan.look_back,
            bulk: self.plan.bulk == Bulk::Always && !self.no_bulk,
        }
    }

    /// Goes on after a window that is done.
    fn advance(&mut self) {
        let cycle = self.cycle(self.state.run.as_ref().and_then(|run| run.until));
        self.state.advance(&cycle);
        self.span = self.span.and_then(|span| span.checked_mul(2));
        self.shorten();
        self.rest = self.state.run.is_none();
    }

    /// Cuts a window that begins to the length that is thought to work.
    fn shorten(&mut self) {
        let Some(span) = self.span else { return };
        let Some(run) = &mut self.state.run else { return };
        if let (Some(lo), Some(hi), true) = (run.window.lo, run.window.hi, run.phase != Phase::Deleted) {
            run.window.hi = Some(lo.checked_add_signed(span).unwrap_or(hi).min(hi));
        }
    }

    fn page(&mut self, ask: &Ask, page: Page, body: Bytes, request: Request) -> Result<Option<SourceBatch>> {
        let large = matches!(self.plan.bulk, Bulk::From(rows) if page.total >= rows) && !self.no_bulk;
        let Some(run) = &mut self.state.run else { return Err(no_cycle()) };
        let begins = matches!(run.step, Step::Query { after: None }) && matches!(ask, Ask::Query { .. });
        if begins && large && run.phase == Phase::New && page.next.is_some() {
            run.step = Step::Create;
            return Ok(None);
        }
        self.missed_field = false;
        let before = match &run.step {
            Step::Query { after } | Step::Page { after, .. } => after.clone(),
            _ => None,
        };
        let tail = run.until.and_then(|until| back(until, self.plan.look_back));
        let after = mark(&page.rows, self.state.cursor.is_some(), run.window.hi, tail)?.or(before);
        let phase = run.phase;
        let next = match page.next {
            Some(link) => {
                let path = reroot(&link, &http::uri::PathAndQuery::from_static("/"))?;
                if self.session.reveals(path.as_str()) {
                    return Err(Error::unexpected("a link repeats a credential"));
                }
                if matches!(ask, Ask::Page { path: asked, .. } if *asked == path) {
                    return Err(Error::unexpected("a page leads back to itself"));
                }
                Some(path.to_string())
            }
            None => None,
        };
        let news = self.note(&page.rows, phase == Phase::Late)?;
        match (next, &mut self.state.run) {
            (Some(path), Some(run)) => run.step = Step::Page { path, after },
            _ => self.advance(),
        }
        let document = news.then(|| self.document(body, pointer("/records")));
        self.hand_over(document, Some(request))
    }

    /// Remembers the records at the end of the cycle, and says whether there is one that was not given before.
    fn note(&mut self, rows: &[Row], again: bool) -> Result<bool> {
        let until = self.state.run.as_ref().and_then(|run| run.until);
        let since = until.and_then(|until| back(until, self.plan.look_back));
        for row in rows {
            if since.is_some_and(|since| row.at().is_some_and(|at| at >= since)) {
                self.state.now.note(&row.id, &row.stamp);
            }
        }
        let known = |row: &Row| again && self.state.last.holds(&row.id, &row.stamp);
        Ok(!rows.iter().all(known))
    }

    fn job(&mut self, ask: &Ask, info: JobInfo) -> Result<Option<SourceBatch>> {
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

    fn results(
        &mut self,
        next: Option<String>,
        rows: u64,
        body: Bytes,
        request: Request,
    ) -> Result<Option<SourceBatch>> {
        self.missed_field = false;
        let Some(run) = &mut self.state.run else { return Err(no_cycle()) };
        let Some(job) = run.step.job().cloned() else { return Err(no_cycle()) };
        let before = match &run.step {
            Step::Results { locator, .. } => locator.clone(),
            _ => None,
        };
        match next {
            Some(next) if Some(&next) == before.as_ref() => {
                return Err(Error::unexpected("a page of results leads back to itself"));
            }
            Some(next) => run.step = Step::Results { job, locator: Some(next) },
            None => {
                self.state.finished.push(job);
                self.advance();
            }
        }
        let csv = Csv { delimiter: ',', header: Arc::from([]), has_header: true };
        let document = (rows > 0).then(|| self.document(body, Format::Csv(csv)));
        self.hand_over(document, Some(request))
    }

    fn deleted(&mut self, deleted: Deleted, body: Bytes, request: Request) -> Result<Option<SourceBatch>> {
        let known = self.state.deleted;
        if let (Some(earliest), Some(known), false) = (deleted.earliest, known, self.plan.accept_missed)
            && earliest > known
        {
            return Err(Error::new(
                ErrorKind::PositionInvalid,
                "what was deleted since the last run is known in part only; read everything again, or accept it",
            )
            .with("since", known)
            .with("known_since", earliest));
        }
        let news = self.note(&deleted.rows, true)?;
        let until = self.state.run.as_ref().and_then(|run| run.until);
        self.state.deleted = known.max(deleted.latest.or(until).min(until));
        self.advance();
        let document = news.then(|| self.document(body, pointer("/deletedRecords")));
        self.hand_over(document, Some(request))
    }

    /// What a refusal leads to: another way, or the error.
    fn refused(&mut self, ask: &Ask, refusal: Refusal) -> Result<()> {
        let bulk = self.plan.bulk != Bulk::Never && !self.no_bulk;
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

    /// A batch with a document, or one that only moves the position on, or none where neither is needed.
    fn hand_over(
        &mut self,
        document: Option<Document>,
        request: Option<Request>,
    ) -> Result<Option<SourceBatch>> {
        let ended = self.state.run.is_none();
        let long = self.state.mark.zip(self.given.mark).is_none_or(|(now, then)| now - then >= UNNOTED);
        let moved = self.given.run.is_some() || self.given.mark.is_none() || long;
        let begun = self.state.run.as_ref().is_some_and(|run| run.step.job().is_some());
        if document.is_none() && !(ended && moved) && !begun {
            return Ok(None);
        }
        self.given = self.state.clone();
        let position = Position::new(SCHEMA, &self.state)?;
        let mut batch = SourceBatch::new(document.into_iter().collect(), position);
        batch.requests.extend(request.filter(|_| !batch.documents.is_empty()));
        Ok(Some(batch))
    }

    fn document(&self, body: Bytes, format: Format) -> Document {
        Document::new(body, self.info.locator.as_str(), format)
    }

    /// Takes jobs away that are no longer needed. What cannot be done now is tried again later.
    async fn clean(&mut self) {
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

/// The record that a query can go on after, once the page is given.
///
/// A record that changes while its query is read may be shown as it is now, with a time that is out of the order of the
/// page. One that is beyond the window tells itself; of those within the look-back, where a late one can be, the mark
/// keeps clear where it can: what it passes over there is looked at again.
fn mark(
    rows: &[Row],
    timed: bool,
    hi: Option<DateTime<Utc>>,
    tail: Option<DateTime<Utc>>,
) -> Result<Option<Mark>> {
    if !timed {
        return Ok(rows.last().map(|row| Mark { at: None, id: row.id.clone() }));
    }
    let mut last = None;
    for row in rows.iter().rev() {
        let at = row.at().ok_or_else(|| Error::unexpected("the time of a record cannot be read"))?;
        let mark = || Mark { at: Some(at), id: row.id.clone() };
        if tail.is_none_or(|tail| at < tail) {
            return Ok(Some(mark()));
        }
        if last.is_none() && hi.is_none_or(|hi| at < hi) {
            last = Some(mark());
        }
    }
    Ok(last)
}

fn pointer(text: &str) -> Format {
    Format::JsonArray { pointer: text.to_owned() }
}

fn no_cycle() -> Error {
    Error::unexpected("an answer came outside of a cycle")
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
        let state = match position {
            None => State::new(object),
            Some(position) => position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?,
        };
        if state.of != *object {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another object")
                .component(KIND)
                .with("found", format_args!("{:?}", state.of))
                .with("expected", object));
        }
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
        self.watched = 0;
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let state = position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?;
        let done = |job: &Job| state.finished.contains(job);
        self.state.finished.retain(|job| !done(job));
        self.stray.extend(state.finished);
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
