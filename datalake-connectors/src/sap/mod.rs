//! SAP systems, over OData: full loads, what is new by a timestamp, and deltas with their deletes.
//!
//! Only HTTP is spoken. Reading the operational delta queue (ODP) by RFC is closed to third parties by SAP; over OData,
//! as here, it is open. Whether a contract with SAP covers what is read is for the user to check.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures::future::BoxFuture;
use http::header::HeaderMap;
use http::uri::PathAndQuery;

use self::mode::How;
use self::position::{SCHEMA, State};
use self::service::Known;
use self::step::{Stepped, Tools};
use crate::http::client::Client;
use crate::http::pace::Pace;
use datalake_core::{
    Dataset, Error, ErrorKind, Next, Position, Result, Sha256, Source, SourceBatch, SourceInfo, async_trait,
};

mod builder;
#[cfg(feature = "sap-idoc")]
pub mod idoc;
mod mode;
mod position;
mod queue;
mod service;
mod step;

#[cfg(test)]
mod tests;

pub use crate::http::{Auth, OAuth2};
pub use crate::odata::change::{Change, changes};
pub use builder::SapSourceBuilder;
pub use mode::{Mode, Renew};

/// The kind of the component.
const KIND: &str = "sap.odata";

/// How long a token is used again while nothing changes, before a newer one takes its place in the ledger.
const STALE: TimeDelta = TimeDelta::hours(1);

/// How soon it is looked whether a token has been committed.
const UNTOLD: Duration = Duration::from_millis(200);

/// Reads an entity set of a SAP system.
///
/// One page is one document, byte for byte as the server gave it; its records are the rows as they lie in it. What is
/// read is a [`Mode`].
///
/// * **Which protocol.** `$metadata` says: version 2 or 4, whether changes come through a queue (ODP), of which type the
///   properties are. It is looked at again, by its `ETag`, with every walk; if the entity type has changed, that is
///   logged, and told by [`drift`](SapSource::drift).
/// * **Deltas.** A token says to the server that everything before it has arrived, and lets it forget that. Therefore a
///   token is part of the position, and is used only once the position is committed. The one before is kept; see
///   [`ask_again`](SapSourceBuilder::ask_again). What a record says has happened is told by [`Change`].
/// * **Going on.** The position names the page that comes next, so a walk goes on where it stopped, in another process
///   too. If the server no longer knows that page, a full load or a delta begins again, once: what was given may come
///   again, nothing is passed over. If it is a page of the load that deltas go on from, or the server no longer knows
///   the token, a person decides; see [`when_expired`](SapSourceBuilder::when_expired).
/// * **Ids.** The documents of a load have the id `load 2, page 7`, those of a delta `delta 5, !deltatoken='…', page 1`.
///   A load of a higher number holds everything: rows that are not in it are no more.
/// * **One subscription.** A queue has one subscription for each user and service. If there is one already when a load
///   begins, that is a `Conflict`; see [`take_over`](SapSourceBuilder::take_over). Give each pipeline a user of its own.
/// * **Links** are followed as they are, but asked of the configured scheme, host and port, whatever they name.
///   Credentials cannot leave the origin. Sessions are kept by cookies.
/// * **Errors** are classified and retried by the engine, not here. A refused password is asked for once and not again,
///   so that no account is locked. A page that breaks off, a login page, and an error in the place of a page give no record.
///
/// ```
/// use datalake_connectors::sap::{Auth, Mode, SapSource, changes};
/// use datalake_core::Dataset;
///
/// let root = "https://sap.example/sap/opu/odata/sap/ZSALES_ODP_SRV";
/// let source = SapSource::builder(Dataset::new("sap/orders")?, root, "FactsOfZSALESORDERS")
///     .mode(Mode::delta())
///     .auth(Auth::basic("LAKE_ORDERS", "s3cr3t"))
///     .client("100")
///     .build()?;
/// assert!(!format!("{source:?}").contains("s3cr3t"));
///
/// // A column that says what has happened, for the steps and readers after it.
/// let transform = changes("_op")?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub struct SapSource {
    info: SourceInfo,
    tools: Tools,
    state: State,
    /// The token of the last position that is known to be committed.
    durable: Option<String>,
    /// The links asked for in this walk since the last seek.
    visited: HashSet<[u8; 16]>,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
    pace: Option<Pace>,
    flight: Option<BoxFuture<'static, Result<Stepped>>>,
}

/// The settings, as every request needs them.
#[derive(Debug)]
struct Plan {
    /// The path of the service, with a slash at its end.
    root: PathAndQuery,
    set: String,
    mode: How,
    select: Option<String>,
    filter: Option<String>,
    expand: Option<String>,
    page_size: Option<u32>,
    headers: HeaderMap,
    /// The digest of what is selected and how.
    selection: String,
    when_expired: Renew,
    when_changed: Renew,
    take_over: bool,
    ask_again: bool,
    max_body: usize,
    page_cap: u64,
    poll_every: Duration,
}

impl Plan {
    fn of(&self) -> String {
        format!("{}{}", self.root.path(), self.set)
    }
}

impl SapSource {
    /// Reads a set of the service at a root URL for a dataset.
    pub fn builder(dataset: Dataset, root: impl Into<String>, set: impl Into<String>) -> SapSourceBuilder {
        SapSourceBuilder::new(dataset, root.into(), set.into())
    }

    fn new(info: SourceInfo, plan: Plan, client: Client, pace: Option<Pace>) -> Self {
        let state = State::new(&plan.of(), &plan.selection);
        let tools = Tools {
            plan: Arc::new(plan),
            client: Arc::new(client),
            known: Arc::new(Known::default()),
            upper: None,
            restarted: false,
        };
        Self { info, tools, state, durable: None, visited: HashSet::new(), rest: false, pace, flight: None }
    }

    /// What has changed in the entity type since it was first seen, a line each.
    #[must_use]
    pub fn drift(&self) -> Vec<String> {
        self.tools.known.drift()
    }

    /// Ends the subscription of the user to the queue of this set, so that the system keeps no changes for it any more.
    /// For a pipeline that will not run again: the next load makes another subscription.
    ///
    /// # Errors
    /// What went wrong on the way, and [`Unsupported`](datalake_core::ErrorKind::Unsupported) if the set has no queue.
    pub fn terminate(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let Tools { plan, client, known, .. } = self.tools.clone();
        async move {
            let end = async {
                let service = known.service(&plan, &client).await?;
                queue::terminate(&plan, &client, &service).await
            };
            end.await.map_err(|error| error.component(KIND))?;
            known.claim(false);
            Ok(())
        }
    }

    /// Whether there is nothing to ask for now, and for how long.
    fn rests(&mut self) -> Option<Duration> {
        if std::mem::take(&mut self.rest) {
            return Some(self.tools.plan.poll_every);
        }
        if self.state.walk.is_some() {
            return None;
        }
        if let (How::Full { every, .. }, Some(at)) = (&self.tools.plan.mode, self.state.at) {
            let passed = (Utc::now() - at).to_std().unwrap_or_default();
            return every
                .checked_sub(passed)
                .filter(|left| !left.is_zero())
                .map(|left| left.min(self.tools.plan.poll_every));
        }
        let told = self.state.token.is_none() || self.state.token == self.durable;
        (!told).then(|| UNTOLD.min(self.tools.plan.poll_every))
    }

    /// The answer to the next request. A request under way goes on if this future is dropped.
    async fn answer(&mut self) -> Result<Stepped> {
        let flight = match &mut self.flight {
            Some(flight) => flight,
            none => {
                if let Some(pace) = &mut self.pace {
                    if let Some(ready) = pace.ready() {
                        tokio::time::sleep_until(ready).await;
                    }
                    pace.take();
                }
                none.insert(Box::pin(self.tools.clone().step(self.state.clone())))
            }
        };
        let answer = flight.await;
        self.flight = None;
        answer
    }

    /// Takes an answer in: the batch to hand over, if there is a reason for one.
    fn take(&mut self, stepped: Stepped) -> Result<Option<SourceBatch>> {
        let Stepped { state, document, request, asked, upper, restarted } = stepped;
        let Some(asked) = asked else {
            self.state = state;
            self.visited.clear();
            self.tools.restarted |= restarted;
            return Ok(None);
        };
        self.guard(&asked, &state)?;
        self.tools.upper = upper;
        let ended = state.walk.is_none();
        if ended {
            self.rest = true;
            self.tools.restarted = false;
            self.visited.clear();
        }
        // Nothing has changed: the token that is committed already is as good as the new one, for a while.
        let quiet = document.is_none() && ended && self.state.walk.is_none() && self.state.token.is_some();
        let same = state.token == self.state.token;
        let fresh = self.state.at.is_some_and(|at| Utc::now() - at < STALE);
        if quiet && (same || fresh) && state.again == self.state.again {
            return Ok(None);
        }
        self.state = state;
        let moved = ended && !matches!(self.tools.plan.mode, How::Keyset { .. });
        if document.is_none() && !moved {
            return Ok(None);
        }
        let position = Position::new(SCHEMA, &self.state)?;
        let mut batch = SourceBatch::new(document.into_iter().collect(), position);
        batch.requests.extend(request);
        Ok(Some(batch))
    }

    /// Refuses to walk in circles.
    fn guard(&mut self, asked: &PathAndQuery, state: &State) -> Result<()> {
        let Some(walk) = &state.walk else { return Ok(()) };
        if walk.pages >= self.tools.plan.page_cap {
            let error = Error::unexpected("there are more pages than page_cap");
            return Err(error.with("page_cap", self.tools.plan.page_cap));
        }
        self.visited.insert(fingerprint(asked.as_str()));
        if walk.next.as_ref().is_some_and(|next| self.visited.contains(&fingerprint(next))) {
            return Err(Error::unexpected("a page leads back to one that was read already"));
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Next> {
        loop {
            if let Some(wait) = self.rests() {
                return Ok(Next::Idle(wait));
            }
            let stepped = self.answer().await?;
            if let Some(batch) = self.take(stepped)? {
                return Ok(Next::Batch(batch));
            }
        }
    }

    /// The state of a position, as this source goes on from it.
    fn state(&self, position: &Position) -> Result<State> {
        let plan = &self.tools.plan;
        let mut state = position.decode::<State>(SCHEMA)?;
        if state.of != plan.of() {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another entity set")
                .with("found", format_args!("{:?}", state.of))
                .with("expected", plan.of()));
        }
        if state.selection != plan.selection {
            if plan.when_changed == Renew::Stop {
                return Err(Error::new(
                    ErrorKind::PositionInvalid,
                    "the mode, the filter or what is selected has changed since the position was written; what was \
                     read so far is of the old one; to load everything again, say so by when_changed",
                ));
            }
            tracing::warn!(set = plan.set, "what is selected has changed; everything is loaded again");
            let left = state.subscribes();
            state.start_over(&plan.selection, left);
        }
        Ok(state)
    }
}

#[async_trait]
impl Source for SapSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        self.next().await.map_err(|error| error.component(KIND))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let plan = &self.tools.plan;
        let mut state = match position {
            None => State::new(&plan.of(), &plan.selection),
            Some(position) => self.state(position).map_err(|error| error.component(KIND))?,
        };
        // What is new is asked for up to the clock of now, not of then.
        if matches!(plan.mode, How::Keyset { .. }) {
            state.walk = None;
        }
        self.durable.clone_from(&state.token);
        self.state = state;
        self.flight = None;
        self.visited.clear();
        self.tools.restarted = false;
        self.rest = false;
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let state: State = position.decode(SCHEMA).map_err(|error| error.component(KIND))?;
        // An older position than the last one says nothing new.
        if state.token == self.state.token {
            self.durable = state.token;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.flight = None;
        Ok(())
    }
}

fn fingerprint(link: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::of(link.as_bytes()).as_bytes()[..16]);
    short
}

impl fmt::Debug for SapSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SapSource")
            .field("info", &self.info)
            .field("loads", &self.state.loads)
            .field("deltas", &self.state.deltas)
            .finish_non_exhaustive()
    }
}
