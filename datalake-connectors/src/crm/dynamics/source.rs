//! The walk: from page to page, and from one link to what has changed since.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use super::position::{SCHEMA, State};
use super::{DynamicsSourceBuilder, KIND};
use crate::http::client::Client;
use crate::http::link::reroot;
use crate::odata::Version;
use crate::odata::fetch::{Fetched, Kind, Outcome, fetch};
use crate::odata::page::Page;
use crate::odata::query::Query;
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Next, Position, Result, Sha256, Source, SourceBatch, SourceInfo,
    async_trait,
};

/// From this size on a page is read on a thread of its own.
const LARGE: usize = 256 << 10;
/// How long to wait for the commit of a link before looking again.
const UNTOLD: Duration = Duration::from_millis(200);

/// The settings, as the walk needs them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: PathAndQuery,
    pub(super) set: String,
    pub(super) columns: Vec<String>,
    pub(super) annotations: bool,
    pub(super) tracked: bool,
    pub(super) reinitialise: bool,
    pub(super) page: usize,
    pub(super) page_cap: u64,
    pub(super) poll_every: Duration,
    pub(super) max_body: usize,
}

/// Reads a table of Dynamics 365, all of it and then what changes.
///
/// See the [module](super) for what it reads and how it goes on.
pub struct DynamicsSource {
    info: SourceInfo,
    plan: Arc<Plan>,
    client: Arc<Client>,
    state: State,
    /// The state of the last position that was handed over or sought.
    given: State,
    /// The link to what changes that is known to be committed.
    durable: Option<String>,
    /// The pages of the cycle under way that were read in this run, by short digests.
    visited: HashSet<[u8; 16]>,
    /// Whether the cycle under way has begun again since a page of it was refused.
    again: bool,
    flight: Option<BoxFuture<'static, Result<Told>>>,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
}

/// What was told.
#[derive(Debug)]
enum Told {
    Page { page: Page, fetched: Box<Fetched> },
    Unknown(Error),
}

impl DynamicsSource {
    /// Reads the entity set of a table, for instance `accounts`, into a dataset. The URL is that of the environment:
    /// `https://<name>.crm<n>.dynamics.com`, or that of its API.
    pub fn builder(
        dataset: Dataset,
        url: impl Into<String>,
        set: impl Into<String>,
    ) -> DynamicsSourceBuilder {
        DynamicsSourceBuilder::new(dataset, url.into(), set.into())
    }

    pub(super) fn new(info: SourceInfo, plan: Plan, client: Client) -> Self {
        let state = fresh(&plan, &client);
        Self {
            info,
            plan: Arc::new(plan),
            client: Arc::new(client),
            given: state.clone(),
            state,
            durable: None,
            visited: HashSet::new(),
            again: false,
            flight: None,
            rest: false,
        }
    }

    async fn step(&mut self) -> Result<Next> {
        loop {
            if std::mem::take(&mut self.rest) {
                return Ok(Next::Idle(self.plan.poll_every));
            }
            let begins = self.state.page.is_none();
            if begins && self.state.delta.is_some() && self.state.delta != self.durable {
                return Ok(Next::Idle(UNTOLD.min(self.plan.poll_every)));
            }
            let flight = match &mut self.flight {
                Some(flight) => flight,
                none => {
                    let path = path(&self.plan, &self.state)?;
                    let work = ask(Arc::clone(&self.client), Arc::clone(&self.plan), path);
                    none.insert(Box::pin(work))
                }
            };
            let answer = flight.await;
            self.flight = None;
            let batch = match answer? {
                Told::Page { page, fetched } => self.take(page, *fetched)?,
                Told::Unknown(error) => {
                    self.unknown(error)?;
                    None
                }
            };
            if let Some(batch) = batch {
                return Ok(Next::Batch(batch));
            }
        }
    }

    /// Takes a page in: the batch to hand over, if there is a reason for one.
    fn take(&mut self, page: Page, fetched: Fetched) -> Result<Option<SourceBatch>> {
        let begins = self.state.page.is_none();
        if begins && self.state.delta.is_none() && self.plan.tracked && !tracks(&fetched.headers) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the system does not say that it tracks the changes of the table; switch change tracking on, or read \
                 without",
            )
            .with("set", &self.plan.set));
        }
        let asked = path(&self.plan, &self.state)?;
        let link = |link: &str| -> Result<String> {
            let path = self.client.without_credentials(reroot(link, &asked)?)?;
            Ok(path.as_str().to_owned())
        };
        let next = page.next.as_deref().map(link).transpose()?;
        let delta = page.delta.as_deref().map(link).transpose()?;
        let mut state = self.state.clone();
        if begins {
            state.cycle += 1;
        }
        state.pages += 1;
        let id = format!("cycle {}, page {}", state.cycle, state.pages);
        match (next, delta) {
            (Some(_), Some(_)) => {
                return Err(Error::unexpected(
                    "a page names both a next page and the changes after the last",
                ));
            }
            (Some(next), None) => {
                self.guard(&asked, &next, state.pages)?;
                state.page = Some(next);
            }
            (None, None) if self.plan.tracked => {
                return Err(Error::unexpected("the last page does not say how to ask for what changes"));
            }
            (None, delta) => {
                state.begin_again();
                state.delta = delta.filter(|_| self.plan.tracked);
                self.rest = true;
                self.again = false;
                self.visited.clear();
            }
        }
        self.state = state;
        let format = page.format();
        let document = (page.rows > 0)
            .then(|| Document::new(fetched.body, self.info.locator.as_str(), format).with_id(id));
        let moved = self.given.page.is_some() || self.given.delta.is_none() && self.state.delta.is_some();
        // A token that nothing was read by is renewed too, since it does not hold for ever.
        let renewed = self.given.delta != self.state.delta;
        if document.is_none() && !(self.rest && (moved || renewed)) {
            return Ok(None);
        }
        self.given = self.state.clone();
        let position = Position::new(SCHEMA, &self.state)?;
        let mut batch = SourceBatch::new(document.into_iter().collect(), position);
        batch.requests.extend((!batch.documents.is_empty()).then_some(fetched.request));
        Ok(Some(batch))
    }

    /// Refuses to walk in circles, or for ever.
    fn guard(&mut self, asked: &PathAndQuery, next: &str, pages: u64) -> Result<()> {
        if pages >= self.plan.page_cap {
            let error = Error::unexpected("there are more pages than page_cap");
            return Err(error.with("page_cap", self.plan.page_cap));
        }
        self.visited.insert(fingerprint(asked.as_str()));
        if self.visited.contains(&fingerprint(next)) {
            return Err(Error::unexpected("a page leads back to one that was read already"));
        }
        Ok(())
    }

    /// What it leads to that the system does not know a link, or does not know it any more.
    fn unknown(&mut self, error: Error) -> Result<()> {
        let invalid = |what, error| Err(Error::new(ErrorKind::PositionInvalid, what).caused_by(error));
        let known = self.state.delta.is_some();
        match (self.state.page.is_some(), known) {
            (false, false) => return Err(error),
            // It was begun again for that already, and would be for ever.
            (true, _) if self.again => return Err(error),
            (true, _) if known || !self.plan.tracked => {
                tracing::warn!(%error, "the next page is gone; the cycle begins again");
                self.again = true;
            }
            // What was deleted since it was read would never be told.
            (true, false) if !self.plan.reinitialise => {
                return invalid(
                    "the next page of the first cycle is gone; read everything again, or let it be done by \
                     reinitialise",
                    error,
                );
            }
            (false, true) if !self.plan.reinitialise => {
                return invalid(
                    "the system no longer knows what has changed; read everything again, or let it be done by \
                     reinitialise",
                    error,
                );
            }
            (page, _) => {
                tracing::warn!(%error, "the system has forgotten where it was; everything is read again");
                self.again = page;
                self.state.delta = None;
            }
        }
        self.state.begin_again();
        self.visited.clear();
        Ok(())
    }

    /// The state of a position, as this source goes on from it.
    fn resumed(&self, position: &Position) -> Result<State> {
        let refused = |what| Error::new(ErrorKind::PositionInvalid, what);
        let plan = &self.plan;
        let mut state = position.decode::<State>(SCHEMA)?;
        let origin = self.client.origin().to_string();
        if state.of != plan.set {
            return Err(refused("the position is of another table")
                .with("found", format_args!("{:?}", state.of))
                .with("expected", &plan.set));
        }
        if state.origin != origin {
            return Err(refused("the position is of another environment, whose links mean nothing here")
                .with("found", format_args!("{:?}", state.origin))
                .with("expected", origin));
        }
        if state.tracked != plan.tracked {
            tracing::warn!(
                tracked = plan.tracked,
                "what was read was asked for otherwise; a cycle begins anew"
            );
            state.tracked = plan.tracked;
            state.delta = None;
            state.begin_again();
        }
        let linked = state.page.is_some() || state.delta.is_some();
        if linked && state.columns != plan.columns {
            return Err(refused("the position is of other columns; a link holds those it was made for")
                .with("found", state.columns.join(","))
                .with("expected", plan.columns.join(",")));
        }
        state.columns.clone_from(&plan.columns);
        Ok(state)
    }
}

/// The state before the first cycle.
fn fresh(plan: &Plan, client: &Client) -> State {
    State::new(&client.origin().to_string(), &plan.set, &plan.columns, plan.tracked)
}

fn fingerprint(link: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::of(link.as_bytes()).as_bytes()[..16]);
    short
}

/// The path to ask for next.
fn path(plan: &Plan, state: &State) -> Result<PathAndQuery> {
    match state.page.as_ref().or(state.delta.as_ref()) {
        Some(link) => link
            .parse()
            .map_err(|_| Error::new(ErrorKind::PositionInvalid, "the link in the position cannot be read")),
        None => {
            let columns = (!plan.columns.is_empty()).then(|| plan.columns.join(","));
            Query::default().with_some("$select", columns.as_deref()).of(&plan.root, &plan.set)
        }
    }
}

/// Whether an answer says that it tracks changes.
fn tracks(headers: &HeaderMap) -> bool {
    let applied = headers.get_all("preference-applied");
    applied
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("track-changes"))
}

async fn ask(client: Arc<Client>, plan: Arc<Plan>, path: PathAndQuery) -> Result<Told> {
    let mut prefer = format!("odata.maxpagesize={}", plan.page);
    if plan.tracked {
        prefer.insert_str(0, "odata.track-changes,");
    }
    if plan.annotations {
        prefer.push_str(",odata.include-annotations=\"*\"");
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    for name in ["odata-version", "odata-maxversion"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("4.0"));
    }
    if let Ok(prefer) = HeaderValue::from_str(&prefer) {
        headers.insert(HeaderName::from_static("prefer"), prefer);
    }
    let fetched = match fetch(&client, &path, &headers, Kind::Json, plan.max_body).await? {
        Outcome::Fetched(fetched) => fetched,
        Outcome::Unknown(error) => return Ok(Told::Unknown(error)),
        Outcome::Unchanged => return Err(Error::unexpected("nothing has changed, but that was not asked")),
    };
    let body = fetched.body.clone();
    let work = move || Page::read(&body, Version::V4, |_| {});
    let page = if fetched.body.len() >= LARGE {
        let task = tokio::task::spawn_blocking(work).await;
        task.map_err(|_| Error::unexpected("reading a page panicked"))?
    } else {
        work()
    };
    let page = page.map_err(|error| error.with("url", client.origin().shown(&path)))?;
    Ok(Told::Page { page, fetched })
}

#[async_trait]
impl Source for DynamicsSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        self.step().await.map_err(|error| error.component(KIND))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let state = match position {
            None => fresh(&self.plan, &self.client),
            Some(position) => self.resumed(position).map_err(|error| error.component(KIND))?,
        };
        self.durable.clone_from(&state.delta);
        self.given = state.clone();
        self.state = state;
        self.visited.clear();
        self.again = false;
        self.flight = None;
        self.rest = false;
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let state: State = position.decode(SCHEMA).map_err(|error| error.component(KIND))?;
        // An older position than the last one says nothing new.
        if state.delta == self.state.delta {
            self.durable = state.delta;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.flight = None;
        Ok(())
    }
}

impl fmt::Debug for DynamicsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicsSource")
            .field("info", &self.info)
            .field("cycle", &self.state.cycle)
            .finish_non_exhaustive()
    }
}
