//! Documents polled over HTTP.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;

use self::ask::{Ask, Post};
use self::fetch::{Fetched, Page, fetch};
use self::page::Reader;
use self::pagination::{Step, Style};
use self::position::{Fingerprint, SCHEMA, State};
use crate::http::client::Client;
use crate::http::link::reroot;
use crate::http::pace::Pace;
use datalake_core::split::Decoder;
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Format, Next, Position, Request, Result, Source, SourceBatch,
    SourceInfo, async_trait,
};

mod after_id;
mod ask;
mod builder;
mod fetch;
mod format;
mod incremental;
mod link_header;
mod page;
mod pagination;
mod position;
mod probe;
mod usage;
mod window;

#[cfg(test)]
mod tests;

pub use after_id::AfterId;
pub use builder::PollSourceBuilder;
pub use incremental::{Incremental, TimeFormat};
pub use pagination::Pagination;
pub use usage::Usage;
pub use window::Window;

/// The kind of the component.
const KIND: &str = "web.poll";

/// After so many pages that are no news, the position is handed over all the same.
const UNNOTED: u32 = 50;

/// Polls JSON, NDJSON, CSV or any other documents over HTTP.
///
/// One page is one document, byte for byte as the server gave it (after the content coding is taken off). A *cycle*
/// walks all pages once; then the source idles for [`poll_every`](PollSourceBuilder::poll_every), and a drain ends there.
///
/// * **What is new.** A single page is asked for with the `ETag` and `Last-Modified` of the last answer. A page whose
///   records are byte for byte those of a page of the cycle before is no news and is not given again; nor is a page
///   known to have no records. The position remembers 512 pages of a cycle: those beyond come again in every cycle.
///   To ask only for what has changed, see [`Incremental`].
/// * **Going on.** The position is the page that comes next, so a walk goes on where it stopped, in another process
///   too. If the server no longer knows that page (400, 404 or 410), the cycle begins again, and what was given may
///   come again: nothing is passed over.
/// * **Links** are asked of the configured scheme, host and port, whatever they name; a link's own host is dropped.
///   Credentials therefore cannot leave the origin. Redirects are errors and proxies of the environment are not used.
/// * **Errors** are classified, carry the delay the server asks for, and are retried by the engine, not here. A page
///   too large for [`max_body`](PollSourceBuilder::max_body) is
///   [`RecordTooLarge`](datalake_core::ErrorKind::RecordTooLarge).
///
/// ```
/// use std::time::Duration;
///
/// use datalake_connectors::web::Auth;
/// use datalake_connectors::web::poll::{Pagination, PollSource};
/// use datalake_core::Dataset;
///
/// let source = PollSource::builder(Dataset::new("shop/orders")?, "https://shop.example/v1/orders")
///     .records("/data/items")
///     .auth(Auth::bearer("s3cr3t"))
///     .pagination(Pagination::cursor("/paging/next/after", "after").size("limit", 100))
///     .rate_limit(100, Duration::from_secs(10))
///     .build()?;
/// assert!(!format!("{source:?}").contains("s3cr3t"));
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub struct PollSource {
    info: SourceInfo,
    plan: Arc<Plan>,
    client: Arc<Client>,
    pace: Option<Pace>,
    state: State,
    /// The state of the last position that was handed over or sought.
    given: State,
    /// Pages since then.
    unnoted: u32,
    /// The links of this cycle asked for since the last seek.
    visited: HashSet<Fingerprint>,
    /// The page before, for walks without links.
    before: Option<Fingerprint>,
    /// When the next request may be sent, by what the server said of its use.
    quiet: Option<tokio::time::Instant>,
    /// Whether the next page was named to another run.
    resumed: bool,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
    flight: Option<BoxFuture<'static, Result<Fetched>>>,
}

/// The settings, as every request needs them.
struct Plan {
    path: PathAndQuery,
    post: Option<Post>,
    format: Option<Format>,
    records: Option<String>,
    reader: Reader,
    pagination: Pagination,
    incremental: Option<Incremental>,
    after_id: Option<AfterId>,
    window: Option<Window>,
    usage: Option<Usage>,
    decoder: Option<Arc<dyn Decoder>>,
    max_body: usize,
    page_cap: u64,
    poll_every: Duration,
}

impl Plan {
    /// What to send for the page that comes next.
    fn request(&self, state: &State) -> Result<Ask> {
        if let Some(Step::Link(link)) = &state.next {
            return link.parse().map(Ask::get).map_err(|_| {
                Error::new(ErrorKind::PositionInvalid, "the link in the position cannot be read")
            });
        }
        let mut pairs = self.pagination.parameters(state.next.as_ref());
        if let Some(incremental) = &self.incremental {
            pairs.extend(match &state.next {
                Some(Step::After(mark)) => incremental.after(mark),
                _ => incremental.lower_bound(state.mark.as_ref()),
            });
        }
        if let (Some(window), Some(span)) = (&self.window, state.span) {
            pairs.extend(window.ask(span));
        }
        if let Some(after) = &self.after_id {
            pairs.extend(after.lower_bound(state.top.as_deref()));
        }
        match &self.post {
            None => builder::with_query(&self.path, &pairs).map(Ask::get),
            Some(post) => {
                let body = post.with(&pairs, &self.pagination);
                Ok(Ask { path: self.path.clone(), body: Some(body) })
            }
        }
    }
}

impl PollSource {
    /// Polls a URL for a dataset.
    pub fn builder(dataset: Dataset, url: impl Into<String>) -> PollSourceBuilder {
        PollSourceBuilder::new(dataset, url.into())
    }

    fn new(info: SourceInfo, plan: Arc<Plan>, client: Arc<Client>, pace: Option<Pace>, state: State) -> Self {
        Self {
            info,
            plan,
            client,
            pace,
            given: state.clone(),
            state,
            unnoted: 0,
            visited: HashSet::new(),
            before: None,
            quiet: None,
            resumed: false,
            rest: false,
            flight: None,
        }
    }

    /// The answer to the next request. A request under way goes on if this future is dropped.
    async fn answer(&mut self) -> Result<Fetched> {
        let flight = match &mut self.flight {
            Some(flight) => flight,
            none => {
                pause(self.quiet).await?;
                self.quiet = None;
                if let (Some(window), None, None) = (&self.plan.window, &self.state.next, self.state.span) {
                    self.state.span = Some(window.first(self.state.reached, Utc::now()));
                }
                let ask = self.plan.request(&self.state)?;
                if let Some(pace) = &mut self.pace {
                    if let Some(ready) = pace.ready() {
                        tokio::time::sleep_until(ready).await;
                    }
                    pace.take();
                }
                let validators = self.state.validators.clone();
                none.insert(Box::pin(fetch(
                    Arc::clone(&self.client),
                    Arc::clone(&self.plan),
                    ask,
                    validators,
                )))
            }
        };
        let answer = flight.await;
        self.flight = None;
        answer
    }

    /// Takes a page in: the batch to hand over, if there is a reason for one.
    fn take(&mut self, page: Page) -> Result<Option<SourceBatch>> {
        let facts = &page.facts;
        let mut state = self.state.clone();
        state.begin(page.began);
        state.pages += 1;
        state.raise(facts.high.clone(), facts.greatest.clone());
        let resolve = |link: &str| self.client.without_credentials(reroot(link, &page.ask.path)?);
        let next = self.plan.pagination.next(state.next.as_ref(), facts, resolve);
        let next = next.map_err(|error| error.with("url", page.document.locator()))?;
        let news = !facts.empty && state.note(facts.fingerprint);
        if matches!(&next, Some(Step::Cursor(cursor)) if self.client.reveals(cursor))
            || facts.greatest.as_ref().is_some_and(|id| self.client.reveals(id))
        {
            return Err(Error::unexpected("a cursor repeats a credential"));
        }
        state.validators = page.validators;
        state.next = next;
        state.turn(self.plan.window.as_ref());
        self.guard(&page.ask, facts, &state)?;
        if state.next.is_none() {
            state.finish();
        }
        self.state = state;
        self.quiet = page.wait.map(|wait| tokio::time::Instant::now() + wait);
        self.resumed = false;
        self.hand_over(news.then_some(page.document), Some(page.request))
    }

    /// A batch with a document, or one that only moves the position on, or none where neither is needed.
    fn hand_over(
        &mut self,
        document: Option<Document>,
        request: Option<Request>,
    ) -> Result<Option<SourceBatch>> {
        self.unnoted += 1;
        let ended = self.state.next.is_none();
        if ended {
            self.visited.clear();
            self.before = None;
        }
        // A cycle that ends unnoted would be ended again by every run that begins at the position before.
        let day = |state: &State| state.reached.map(|reached| reached.date_naive());
        let reached = |state: &State| (state.mark.clone(), state.top.clone(), day(state));
        let moved = self.given.next.is_some() || reached(&self.given) != reached(&self.state);
        let volatile = self.plan.pagination.is_volatile();
        let due = if ended { moved } else { self.unnoted >= UNNOTED && !volatile };
        if document.is_none() && !due {
            return Ok(None);
        }
        self.given = self.state.clone();
        self.unnoted = 0;
        let position = if volatile && !ended {
            let mut kept = self.state.clone();
            kept.forget_walk();
            Position::new(SCHEMA, &kept)?
        } else {
            Position::new(SCHEMA, &self.state)?
        };
        let mut batch = SourceBatch::new(document.into_iter().collect(), position);
        batch.requests.extend(request);
        Ok(Some(batch))
    }

    /// Refuses to walk in circles.
    fn guard(&mut self, ask: &Ask, facts: &page::Facts, state: &State) -> Result<()> {
        if matches!(state.next, None | Some(Step::Begin)) {
            self.before = None;
            return Ok(());
        }
        if state.pages >= self.plan.page_cap {
            return Err(
                Error::unexpected("there are more pages than page_cap").with("page_cap", self.plan.page_cap)
            );
        }
        match self.plan.pagination.style {
            Style::LinkHeader { .. }
            | Style::NextUrl { .. }
            | Style::Cursor { .. }
            | Style::LastRecord { .. } => {
                self.visited.insert(ask.fingerprint());
                let next = self.plan.request(state)?;
                if self.visited.contains(&next.fingerprint()) {
                    return Err(Error::unexpected("a page leads back to one that was read already"));
                }
            }
            Style::Offset { .. } | Style::Page { .. } => {
                let page = Some(facts.fingerprint);
                if facts.records > 0 && self.before == page && state.pages > 1 {
                    return Err(Error::unexpected(
                        "two pages are the same; the server may not know the parameter",
                    ));
                }
                self.before = page;
            }
            Style::None | Style::Keyset => {}
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<Next> {
        loop {
            if std::mem::take(&mut self.rest) {
                return Ok(Next::Idle(self.plan.poll_every));
            }
            let begun = self.state.next.is_some();
            let batch = match self.answer().await? {
                Fetched::Page(page) => self.take(*page)?,
                Fetched::Unchanged => {
                    self.state.cycle += 1;
                    None
                }
                Fetched::PastTheEnd(_) if begun => {
                    self.state.next = None;
                    self.state.turn(self.plan.window.as_ref());
                    if self.state.next.is_none() {
                        self.state.finish();
                    }
                    self.hand_over(None, None)?
                }
                Fetched::Unknown(error) if begun && self.resumed => {
                    tracing::warn!(%error, "the next page is gone; the cycle begins again");
                    self.state.abandon();
                    self.resumed = false;
                    continue;
                }
                Fetched::PastTheEnd(error) | Fetched::Unknown(error) => return Err(error),
            };
            self.rest = self.state.next.is_none();
            if let Some(batch) = batch {
                return Ok(Next::Batch(batch));
            }
        }
    }
}

/// Waits until a moment that is near; one that is far is an error.
async fn pause(until: Option<tokio::time::Instant>) -> Result<()> {
    let Some(until) = until else { return Ok(()) };
    let wait = until.saturating_duration_since(tokio::time::Instant::now());
    if wait > usage::PATIENCE {
        let error = Error::new(ErrorKind::RateLimited, "the server says that its rate is used up");
        return Err(error.after(wait));
    }
    tokio::time::sleep(wait).await;
    Ok(())
}

#[async_trait]
impl Source for PollSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        self.step().await.map_err(|error| error.component(KIND))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let path = self.plan.path.path();
        let state = match position {
            None => State::new(path),
            Some(position) => position.decode::<State>(SCHEMA).map_err(|error| error.component(KIND))?,
        };
        if state.of != path {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position is of another path")
                .component(KIND)
                .with("found", format_args!("{:?}", state.of))
                .with("expected", path));
        }
        self.given = state.clone();
        self.state = state;
        let own = |step: &Step| match step {
            Step::Begin => self.plan.window.is_some(),
            step => self.plan.pagination.owns(step),
        };
        if self.state.next.as_ref().is_some_and(|step| !own(step)) {
            self.state.abandon();
        }
        if self.plan.window.is_none() {
            self.state.span = None;
        }
        self.flight = None;
        self.quiet = None;
        self.unnoted = 0;
        self.visited.clear();
        self.before = None;
        self.resumed = true;
        self.rest = false;
        Ok(())
    }

    fn decoders(&self) -> Vec<Arc<dyn Decoder>> {
        self.plan.decoder.iter().cloned().collect()
    }

    async fn close(&mut self) -> Result<()> {
        self.flight = None;
        Ok(())
    }
}

impl fmt::Debug for PollSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollSource")
            .field("info", &self.info)
            .field("cycle", &self.state.cycle)
            .finish_non_exhaustive()
    }
}
