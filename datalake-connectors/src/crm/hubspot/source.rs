//! The walk: what is asked next, and what an answer leads to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;

use super::ask::{Read, Told, ask, describe, read};
use super::client::Api;
use super::missing::cover;
use super::page::{Known, Links, Row};
use super::position::{Cycle, Pending, Phase, SCHEMA, State};
use super::{HubSpotSourceBuilder, KIND};
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Format, Next, Position, Remaining, Request, Result, Source,
    SourceBatch, SourceInfo, async_trait,
};

/// How long a cycle without records goes unnoted: its end is handed over then all the same.
const UNNOTED: TimeDelta = TimeDelta::hours(1);
/// After so many pages without news their end is handed over, so that a run that is cut short comes further.
const QUIET: u32 = 20;
/// How long the system keeps what is archived.
const KEPT: TimeDelta = TimeDelta::days(90);

/// The settings, as the walk needs them.
#[derive(Debug)]
pub(super) struct Plan {
    /// The digest of what is read of the object.
    pub(super) selection: String,
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
    /// How many answers there were since.
    quiet: u32,
    /// The properties of the cycle under way.
    properties: Option<Arc<[String]>>,
    flight: Option<BoxFuture<'static, Result<Told>>>,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
    /// Records of the search under way that are still to come.
    left: Option<u64>,
}

impl HubSpotSource {
    /// Reads an object, for instance `contacts`, into a dataset.
    pub fn builder(dataset: Dataset, object: impl Into<String>) -> HubSpotSourceBuilder {
        HubSpotSourceBuilder::new(dataset, object.into())
    }

    pub(super) fn new(info: SourceInfo, plan: Plan, api: Api) -> Self {
        let state = State::new(&api.object, &plan.selection);
        Self {
            info,
            plan: Arc::new(plan),
            api: Arc::new(api),
            given: state.clone(),
            quiet: 0,
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
                    let api = Arc::clone(&self.api);
                    none.insert(match (&self.state.run, &self.properties) {
                        (Some(run), Some(names)) => {
                            let ask = ask(&self.state, run, &self.plan, names);
                            Box::pin(read(api, ask, Arc::clone(names)))
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
            Told::Properties { known, now } => {
                self.describes(known)?;
                if self.state.run.is_none() {
                    self.begin(now)?;
                }
                // A window that holds nothing ends at once.
                self.rest = self.state.run.is_none();
                Ok(None)
            }
            Told::Read(read) => self.page(*read),
            Told::Links { body, links, request } => self.links(body, &links, request),
        }
    }

    /// Takes note of the properties there are now.
    fn describes(&mut self, Known { names: known, modified }: Known) -> Result<()> {
        if self.state.modified.as_ref().is_none_or(|name| !known.contains(name)) {
            let modified = modified.ok_or_else(|| {
                Error::config("the object has no property that says when a record changed")
                    .with("object", &self.api.object)
            })?;
            self.state.modified = Some(modified.to_owned());
        }
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
        let ids = page.results.into_iter().filter(|_| news && phase != Phase::Archived).map(|row| row.id);
        let links = Pending::new(&self.plan.associations, ids.collect(), next.clone());
        self.state.turn(next, links, &cycle);
        self.rest = self.state.run.is_none();
        let bodies = bodies.into_iter().filter(|_| news);
        let documents = bodies.map(|body| document(body, self.info.locator.clone())).collect();
        self.hand_over(documents, requests)
    }

    fn links(&mut self, body: Bytes, links: &Links, request: Request) -> Result<Option<SourceBatch>> {
        let run = self.state.run.as_ref();
        let Some((pending, until)) = run.and_then(|run| Some((run.links.as_ref()?, run.until))) else {
            return Err(Error::unexpected("links came outside of a page"));
        };
        let given = links.results.iter().map(|link| link.from.id.as_str());
        let asked = pending.inputs.iter().map(|(id, _)| id.as_str());
        cover(asked, given, &links.errors, |text| self.api.client.reveals(text))?;
        let more: Vec<_> = links.more().map(|(id, after)| (id.to_owned(), Some(after.to_owned()))).collect();
        if !more.is_empty() && more == pending.inputs {
            return Err(Error::unexpected("a page of links leads back to itself"));
        }
        if more.iter().any(|(_, after)| after.as_deref().is_some_and(|after| self.api.client.reveals(after)))
        {
            return Err(Error::unexpected("a cursor repeats a credential"));
        }
        let to = pending.to.first().map_or("", String::as_str);
        let locator = format!("{}/associations/{to}", self.info.locator);
        self.state.linked(more, &cycle(&self.plan, until));
        self.rest = self.state.run.is_none();
        let documents = (!links.results.is_empty()).then(|| document(body, locator));
        self.hand_over(documents.into_iter().collect(), vec![request])
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
        self.quiet += 1;
        let due = if ended { self.given.run.is_some() || long } else { self.quiet >= QUIET };
        if documents.is_empty() && !due {
            return Ok(None);
        }
        self.quiet = 0;
        self.given = self.state.clone();
        let mut batch = SourceBatch::new(documents, Position::new(SCHEMA, &self.state)?);
        if !batch.documents.is_empty() {
            batch.requests = requests;
        }
        Ok(Some(batch))
    }
}

pub(super) fn cycle(plan: &Plan, until: DateTime<Utc>) -> Cycle {
    Cycle { until, start: plan.start, look_back: plan.look_back, archived: plan.archived }
}

/// A time as it is remembered, since lists and searches may write it differently.
fn millis(at: DateTime<Utc>) -> String {
    at.timestamp_millis().to_string()
}

fn document(body: Bytes, locator: String) -> Document {
    Document::new(body, locator, Format::JsonArray { pointer: "/results".to_owned() })
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
            None => State::new(object, &self.plan.selection),
            Some(position) => position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?,
        };
        if state.of != *object {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another object")
                .component(KIND)
                .with("found", format_args!("{:?}", state.of))
                .with("expected", object));
        }
        if state.selection != self.plan.selection {
            return Err(Error::new(
                ErrorKind::PositionInvalid,
                "the position is of other properties, other associations or another start; what was read so far is of \
                 those, so read everything again",
            )
            .component(KIND));
        }
        self.given = state.clone();
        self.quiet = 0;
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
