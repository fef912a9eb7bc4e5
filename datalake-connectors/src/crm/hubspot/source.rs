//! The walk: what is asked next, and what an answer leads to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::client::{Api, Listed, Reply};
use super::page::{Links, Page, Row, properties};
use super::position::{Cycle, Phase, Run, SCHEMA, State};
use super::{HubSpotSourceBuilder, KIND};
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Format, Next, Position, Remaining, Request, Result, Source,
    SourceBatch, SourceInfo, async_trait,
};

/// How long a cycle without records goes unnoted: its end is handed over then all the same.
const UNNOTED: TimeDelta = TimeDelta::hours(1);
/// How long the system keeps what is archived.
const KEPT: TimeDelta = TimeDelta::days(90);
/// The most records of a page of a list, of a search, and of a read by ids.
const LIST: usize = 100;
const SEARCH: usize = 200;
const BATCH: usize = 100;
/// The most bytes of property names in a search. Its body has at most 3,000 characters.
const NAMES: usize = 2_000;

/// The settings, as the walk needs them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) properties: Vec<String>,
    pub(super) associations: Vec<String>,
    pub(super) archived: bool,
    pub(super) accept_missed: bool,
    pub(super) look_back: TimeDelta,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) poll_every: Duration,
}

/// Reads an object of HubSpot, all of it and then what changes.
///
/// See the [module](super) for what it reads and how it goes on.
pub struct HubSpotSource {
    info: SourceInfo,
    plan: Arc<Plan>,
    api: Arc<Api>,
    state: State,
    /// The state of the last position that was handed over or sought.
    given: State,
    /// The properties of the cycle under way.
    properties: Option<Arc<[String]>>,
    flight: Option<BoxFuture<'static, Result<Told>>>,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
    /// Records of the search under way that are still to come.
    left: Option<u64>,
}

/// What was told.
#[derive(Debug)]
enum Told {
    Properties { names: Vec<String>, now: DateTime<Utc> },
    Read(Box<Read>),
}

/// A page, with what was read because of it.
#[derive(Debug)]
struct Read {
    page: Page,
    /// The bodies to give, and the object to which the links in them lead.
    bodies: Vec<(Bytes, Option<String>)>,
    requests: Vec<Request>,
}

/// What to ask for.
#[derive(Debug)]
enum Ask {
    List { archived: bool, after: Option<String>, limit: usize },
    Search { body: Value },
}

impl HubSpotSource {
    /// Reads an object, for instance `contacts`, into a dataset.
    pub fn builder(dataset: Dataset, object: impl Into<String>) -> HubSpotSourceBuilder {
        HubSpotSourceBuilder::new(dataset, object.into())
    }

    pub(super) fn new(info: SourceInfo, plan: Plan, api: Api) -> Self {
        let state = State::new(&api.object);
        Self {
            info,
            plan: Arc::new(plan),
            api: Arc::new(api),
            given: state.clone(),
            state,
            properties: None,
            flight: None,
            rest: false,
            left: None,
        }
    }

    async fn step(&mut self) -> Result<Next> {
        loop {
            if std::mem::take(&mut self.rest) {
                return Ok(Next::Idle(self.plan.poll_every));
            }
            let flight = match &mut self.flight {
                Some(flight) => flight,
                none => {
                    let (api, plan) = (Arc::clone(&self.api), Arc::clone(&self.plan));
                    none.insert(match (&self.state.run, &self.properties) {
                        (Some(run), Some(names)) => {
                            let ask = ask(&self.state, run, &self.plan, &self.api, names);
                            Box::pin(read(api, plan, ask, Arc::clone(names)))
                        }
                        _ => Box::pin(describe(api)),
                    })
                }
            };
            let answer = flight.await;
            self.flight = None;
            if let Some(batch) = self.take(answer?)? {
                return Ok(Next::Batch(batch));
            }
        }
    }

    /// Takes an answer in: the batch to hand over, if there is a reason for one.
    fn take(&mut self, told: Told) -> Result<Option<SourceBatch>> {
        match told {
            Told::Properties { names, now } => {
                self.describes(names)?;
                if self.state.run.is_none() {
                    self.begin(now)?;
                }
                // A window that holds nothing ends at once.
                self.rest = self.state.run.is_none();
                Ok(None)
            }
            Told::Read(read) => self.page(*read),
        }
    }

    /// Takes note of the properties there are now.
    fn describes(&mut self, known: Vec<String>) -> Result<()> {
        let wanted = &self.plan.properties;
        if let Some(missing) = wanted.iter().find(|name| !known.contains(name)) {
            return Err(Error::config("the object has no such property").with("property", missing));
        }
        let names = if wanted.is_empty() { known } else { wanted.clone() };
        if let Some(old) = &self.properties {
            let added = names.iter().filter(|name| !old.contains(name)).count();
            let removed = old.iter().filter(|name| !names.contains(name)).count();
            if added + removed > 0 {
                tracing::warn!(object = %self.api.object, added, removed, "the object has other properties");
            }
        }
        self.properties = Some(names.into());
        Ok(())
    }

    fn begin(&mut self, now: DateTime<Utc>) -> Result<()> {
        let missed = self.state.archived.is_some_and(|archived| now - archived > KEPT);
        if missed && self.plan.archived && !self.plan.accept_missed {
            return Err(Error::new(
                ErrorKind::PositionInvalid,
                "what was archived since the last run is known in part only; read everything again, or accept it",
            ));
        }
        let cycle = cycle(&self.plan, now);
        self.state.begin(&cycle);
        Ok(())
    }

    fn page(&mut self, read: Read) -> Result<Option<SourceBatch>> {
        let Read { page, bodies, requests } = read;
        let Some(run) = &self.state.run else {
            return Err(Error::unexpected("an answer came outside of a cycle"));
        };
        let (phase, until) = (run.phase, run.until);
        let cycle = cycle(&self.plan, until);
        self.left = page.total.map(|total| total.saturating_sub(page.results.len() as u64));
        let next = match phase {
            Phase::All | Phase::Archived => page.next().map(str::to_owned),
            Phase::Late | Phase::New => page.last().map(str::to_owned),
        };
        if next.is_some() && next == run.after {
            return Err(Error::unexpected("a page leads back to itself"));
        }
        if next.as_deref().is_some_and(|next| self.api.client.reveals(next)) {
            return Err(Error::unexpected("a cursor repeats a credential"));
        }
        let news = self.note(&page.results, phase, until)?;
        match (&next, &mut self.state.run) {
            (Some(_), Some(run)) => run.after = next,
            _ => self.state.advance(&cycle),
        }
        self.rest = self.state.run.is_none();
        let documents = bodies.into_iter().filter(|_| news).map(|(body, to)| {
            let locator = match to {
                Some(to) => format!("{}/associations/{to}", self.info.locator),
                None => self.info.locator.clone(),
            };
            Document::new(body, locator, Format::JsonArray { pointer: "/results".to_owned() })
        });
        let documents = documents.collect();
        self.hand_over(documents, requests)
    }

    /// Remembers the records at the end of the cycle, and says whether there is one that was not given before.
    fn note(&mut self, rows: &[Row], phase: Phase, until: DateTime<Utc>) -> Result<bool> {
        let back = |at: DateTime<Utc>| at.checked_sub_signed(self.plan.look_back);
        if phase == Phase::Archived {
            let since = self.state.archived.and_then(back);
            // What has come since, or near the end of the cycle before and not then.
            let stamp = |row: &Row| row.archived.clone().unwrap_or_default();
            let news = |row: &Row| {
                let late = row.archived_at().is_none_or(|at| since.is_none_or(|since| at >= since));
                late && !self.state.last.holds(&row.id, &stamp(row))
            };
            let any = rows.iter().any(news);
            for row in rows {
                if row.archived_at().is_some_and(|at| back(until).is_some_and(|since| at >= since)) {
                    self.state.now.note(&row.id, &stamp(row));
                }
            }
            return Ok(any);
        }
        for row in rows {
            let at = row.updated();
            let at = at.ok_or_else(|| Error::unexpected("the time of a record cannot be read"))?;
            if back(until).is_some_and(|since| at >= since) {
                self.state.now.note(&row.id, &millis(at));
            }
        }
        let known = |row: &Row| {
            let holds = |at| self.state.last.holds(&row.id, &millis(at));
            phase == Phase::Late && row.updated().is_some_and(holds)
        };
        Ok(!rows.iter().all(known))
    }

    /// A batch with documents, or one that only moves the position on, or none where neither is needed.
    fn hand_over(&mut self, documents: Vec<Document>, requests: Vec<Request>) -> Result<Option<SourceBatch>> {
        let ended = self.state.run.is_none();
        let long = self.state.mark.zip(self.given.mark).is_none_or(|(now, then)| now - then >= UNNOTED);
        if documents.is_empty() && !(ended && (self.given.run.is_some() || long)) {
            return Ok(None);
        }
        self.given = self.state.clone();
        let mut batch = SourceBatch::new(documents, Position::new(SCHEMA, &self.state)?);
        if !batch.documents.is_empty() {
            batch.requests = requests;
        }
        Ok(Some(batch))
    }
}

fn cycle(plan: &Plan, until: DateTime<Utc>) -> Cycle {
    Cycle { until, start: plan.start, look_back: plan.look_back, archived: plan.archived }
}

/// A time as it is remembered, since lists and searches may write it differently.
fn millis(at: DateTime<Utc>) -> String {
    at.timestamp_millis().to_string()
}

/// The property that says when a record changed.
fn modified(object: &str) -> &'static str {
    if object == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" }
}

/// Whether the names are few enough for a search.
fn fit(names: &[String]) -> bool {
    names.iter().map(|name| name.len() + 3).sum::<usize>() <= NAMES
}

/// What to ask for next.
fn ask(state: &State, run: &Run, plan: &Plan, api: &Api, names: &[String]) -> Ask {
    let after = run.after.clone();
    match run.phase {
        Phase::All => Ask::List { archived: false, after, limit: LIST },
        Phase::Archived => Ask::List { archived: true, after, limit: LIST },
        Phase::Late | Phase::New => {
            let (lo, hi) = state.window(&cycle(plan, run.until));
            let modified = modified(&api.object);
            let filter = |name: &str, operator: &str, value: String| json!({ "propertyName": name, "operator": operator, "value": value });
            let mut filters = vec![filter(modified, "LT", hi.timestamp_millis().to_string())];
            filters.extend(lo.map(|lo| filter(modified, "GTE", lo.timestamp_millis().to_string())));
            filters.extend(after.map(|after| filter("hs_object_id", "GT", after)));
            let narrow = fit(names);
            let body = json!({
                "filterGroups": [{ "filters": filters }],
                "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
                "properties": if narrow { names } else { &[] },
                "limit": if narrow { SEARCH } else { BATCH },
            });
            Ask::Search { body }
        }
    }
}

/// Asks which properties there are, and what time it is there.
async fn describe(api: Arc<Api>) -> Result<Told> {
    let reply = api.properties().await?;
    let now = reply.date.unwrap_or_else(|| {
        let now = Utc::now();
        now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()))
    });
    Ok(Told::Properties { names: properties(&reply.body)?, now })
}

/// Reads a page, the records of it where their properties did not fit, and their links.
async fn read(api: Arc<Api>, plan: Arc<Plan>, ask: Ask, names: Arc<[String]>) -> Result<Told> {
    let mut requests = Vec::new();
    let mut note = |reply: &Reply| {
        requests.push(Request {
            id: reply.id.clone(),
            locator: Some(api.client.origin().shown(&reply.path)),
            etag: None,
            last_modified: None,
            status: Some(reply.status),
        });
    };
    let (reply, whole, alive) = match &ask {
        Ask::List { archived, after, limit } => {
            let listed = Listed { archived: *archived, after: after.as_deref(), limit: *limit };
            let (path, whole) = match api.list(&names, listed)? {
                Some(path) => (Some(path), true),
                // Of an archived record it matters that it is.
                None => (api.list(&[], listed)?, *archived),
            };
            let path = path.ok_or_else(|| Error::unexpected("a path is too long without any properties"))?;
            (api.get(path).await?, whole, !archived)
        }
        Ask::Search { body } => (api.search(body).await?, fit(&names), true),
    };
    note(&reply);
    let page = Page::read(&reply.body)?;
    let ids: Vec<&str> = page.results.iter().map(|row| row.id.as_str()).collect();
    let mut bodies = Vec::new();
    if whole {
        bodies.extend((!ids.is_empty()).then(|| (reply.body.clone(), None)));
    } else {
        for ids in ids.chunks(BATCH) {
            let reply = api.batch(ids, &names).await?;
            note(&reply);
            // One that was archived meanwhile is not there any more.
            let found = Page::read(&reply.body)?.results.len();
            bodies.extend((found > 0).then(|| (reply.body.clone(), None)));
        }
    }
    for to in plan.associations.iter().filter(|_| alive) {
        let mut inputs: Vec<(String, Option<String>)> =
            ids.iter().map(|id| ((*id).to_owned(), None)).collect();
        while !inputs.is_empty() {
            let reply = api.links(to, &inputs).await?;
            note(&reply);
            let links = Links::read(&reply.body)?;
            let more: Vec<_> =
                links.more().map(|(id, after)| (id.to_owned(), Some(after.to_owned()))).collect();
            if !more.is_empty() && more == inputs {
                return Err(Error::unexpected("a page of links leads back to itself"));
            }
            bodies.extend((!links.results.is_empty()).then(|| (reply.body, Some(to.clone()))));
            inputs = more;
        }
    }
    Ok(Told::Read(Box::new(Read { page, bodies, requests })))
}

#[async_trait]
impl Source for HubSpotSource {
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
        self.given = state.clone();
        self.state = state;
        self.properties = None;
        self.flight = None;
        self.rest = false;
        self.left = None;
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        let records = if self.rest { Some(0) } else { self.left };
        Remaining { records, ..Remaining::default() }
    }

    async fn close(&mut self) -> Result<()> {
        self.flight = None;
        Ok(())
    }
}

impl fmt::Debug for HubSpotSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSpotSource")
            .field("info", &self.info)
            .field("cycle", &self.state.cycle)
            .finish_non_exhaustive()
    }
}
