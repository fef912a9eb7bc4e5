//! The walk: from page to page, and from one link to what has changed since.

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
    Dataset, Document, Error, ErrorKind, Next, Position, Result, Source, SourceBatch, SourceInfo, async_trait,
};

/// From this size on a page is read on a thread of its own.
const LARGE: usize = 256 << 10;

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
        let state = State::new(&plan.set, &plan.columns);
        Self {
            info,
            plan: Arc::new(plan),
            client: Arc::new(client),
            given: state.clone(),
            state,
            flight: None,
            rest: false,
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
        if begins {
            self.state.cycle += 1;
        }
        match (next, delta) {
            (Some(_), Some(_)) => {
                return Err(Error::unexpected(
                    "a page names both a next page and the changes after the last",
                ));
            }
            (Some(next), None) if next == asked.as_str() => {
                return Err(Error::unexpected("a page leads back to itself"));
            }
            (Some(next), None) => self.state.page = Some(next),
            (None, None) if self.plan.tracked => {
                return Err(Error::unexpected("the last page does not say how to ask for what changes"));
            }
            (None, delta) => {
                self.state.page = None;
                self.state.delta = delta.filter(|_| self.plan.tracked);
                self.rest = true;
            }
        }
        let format = page.format();
        let document =
            (page.rows > 0).then(|| Document::new(fetched.body, self.info.locator.as_str(), format));
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

    /// What it leads to that the system does not know a link, or does not know it any more.
    fn unknown(&mut self, error: Error) -> Result<()> {
        let State { page, delta, .. } = &mut self.state;
        match (page.take(), delta.is_some()) {
            (Some(_), known) if known || !self.plan.tracked => {
                tracing::warn!(%error, "the next page is gone; the cycle begins again");
            }
            (None, false) => return Err(error),
            // What was deleted since it was read would never be told.
            (Some(link), false) if !self.plan.reinitialise => {
                *page = Some(link);
                return Err(Error::new(
                    ErrorKind::PositionInvalid,
                    "the next page of the first cycle is gone; read everything again, or let it be done by \
                     reinitialise",
                )
                .caused_by(error));
            }
            (None, true) if !self.plan.reinitialise => {
                return Err(Error::new(
                    ErrorKind::PositionInvalid,
                    "the system no longer knows what has changed; read everything again, or let it be done by \
                     reinitialise",
                )
                .caused_by(error));
            }
            _ => {
                tracing::warn!(%error, "the system has forgotten where it was; everything is read again");
                *delta = None;
            }
        }
        Ok(())
    }
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
            None => State::new(&self.plan.set, &self.plan.columns),
            Some(position) => position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?,
        };
        let refused = |what| Error::new(ErrorKind::PositionInvalid, what).component(KIND);
        if state.of != self.plan.set {
            return Err(refused("the position is of another table")
                .with("found", format_args!("{:?}", state.of))
                .with("expected", &self.plan.set));
        }
        let linked = state.page.is_some() || state.delta.is_some();
        if linked && state.columns != self.plan.columns {
            return Err(refused("the position is of other columns; a link holds those it was made for")
                .with("found", state.columns.join(","))
                .with("expected", self.plan.columns.join(",")));
        }
        self.given = state.clone();
        self.state = state;
        self.flight = None;
        self.rest = false;
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
