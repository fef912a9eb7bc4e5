//! The source: cycles, one after the other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::super::connection::Server;
use super::builder::From;
use super::copy::CopyDecoder;
use super::mode::{Mode, Of};
use super::position::{Known, Reads, SCHEMA, State};
use super::rows::Chunk;
use super::walk::{Step, Walk};
use super::{KIND, PostgresSourceBuilder, schema};
use datalake_core::split::Decoder;
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Next, Position, Result, Secret, Sha256, Source, SourceBatch,
    SourceInfo, async_trait,
};

/// The settings, as a cycle needs them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) server: Server,
    pub(super) locator: Arc<str>,
    pub(super) from: From,
    pub(super) mode: Mode,
    pub(super) columns: Vec<String>,
    pub(super) key: Vec<String>,
    pub(super) parallel: usize,
    pub(super) range_bytes: u64,
    pub(super) page: usize,
    pub(super) batch_bytes: usize,
    pub(super) poll_every: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) redshift: bool,
}

impl Plan {
    /// Begins a transaction that sees one state of the database and changes nothing.
    pub(super) fn begin(&self) -> &'static str {
        if self.redshift { "BEGIN READ ONLY" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" }
    }

    fn fresh(&self) -> State {
        let what = match &self.from {
            From::Table(name) => name.clone(),
            From::Query(query) => format!("query {}", Sha256::of(query.as_bytes())),
        };
        let (edition, reads) = match &self.mode.0 {
            Of::Full { edition } => (edition.clone(), Reads::All),
            Of::Xid { .. } => (String::new(), Reads::All),
            Of::Keyset { .. } => (String::new(), Reads::News),
        };
        State {
            of: format!("{}/{what}", self.server.url.database),
            mode: self.mode.name().into(),
            edition,
            key: Vec::new(),
            reads,
            after: None,
            since: None,
            bound: None,
            given: 0,
            floor: None,
            known: Known::default(),
        }
    }
}

/// Reads a table or a query of PostgreSQL. See the [module](super).
pub struct PostgresSource {
    info: SourceInfo,
    plan: Arc<Plan>,
    state: State,
    doing: Doing,
    /// Whether a cycle has ended and the wait is due.
    rest: bool,
    /// Whether the cycle is one that was interrupted, and ends where that would have.
    goes_on: bool,
}

/// What is under way.
enum Doing {
    Nothing,
    Opening(BoxFuture<'static, Result<Walk>>),
    Walking(Box<Walk>),
    Ending(BoxFuture<'static, Result<State>>, Option<Document>),
}

impl PostgresSource {
    /// Reads a table or a view into a dataset. The URL reads `postgres://user:password@host:port/database`, and with
    /// `?sslmode=disable` nothing is encrypted, which is so without being said for a server on this machine only. The
    /// table is named as in SQL: `orders`, `sales.orders`, `"Odd Name"`.
    pub fn table(
        dataset: Dataset,
        url: impl Into<Secret>,
        table: impl Into<String>,
    ) -> PostgresSourceBuilder {
        PostgresSourceBuilder::new(dataset, url.into(), From::Table(table.into()))
    }

    /// Reads what a query gives, one `SELECT` without a semicolon. It is asked for page by page, so it should be one that an
    /// index helps.
    pub fn query(
        dataset: Dataset,
        url: impl Into<Secret>,
        query: impl Into<String>,
    ) -> PostgresSourceBuilder {
        PostgresSourceBuilder::new(dataset, url.into(), From::Query(query.into()))
    }

    /// Asks the server for the columns, and gives them as a sink of columns takes them: a JSON object with a type for each
    /// name, `{"id":"int64","price":"decimal(10,2)","at":"timestamp"}`. The types are `bool`, `int64`, `decimal(P,S)`,
    /// `double`, `date`, `timestamp`, `text`, `json` for what may be anything, a list or an object of types.
    ///
    /// # Errors
    /// The server cannot be reached, or has no such table.
    pub async fn schema(&self) -> Result<String> {
        let columns = Walk::columns(&self.plan).await;
        columns.map(|columns| schema::text(&columns)).map_err(|error| error.component(KIND))
    }

    pub(super) fn new(info: SourceInfo, plan: Plan) -> Self {
        let state = plan.fresh();
        Self { info, plan: Arc::new(plan), state, doing: Doing::Nothing, rest: false, goes_on: false }
    }

    async fn step(&mut self) -> Result<Next> {
        loop {
            if std::mem::take(&mut self.rest) {
                return Ok(Next::Idle(self.plan.poll_every));
            }
            match &mut self.doing {
                Doing::Nothing if self.state.reads == Reads::Nothing => return Ok(Next::End),
                Doing::Nothing => {
                    self.goes_on = self.state.bound.is_some();
                    let (plan, state) = (Arc::clone(&self.plan), self.state.clone());
                    self.doing = Doing::Opening(Box::pin(async move { Walk::begin(&plan, state).await }));
                }
                Doing::Opening(opening) => {
                    let walk = opening.await?;
                    if self.state.after.is_some() {
                        tracing::info!(of = %self.plan.locator, "reading goes on in a newer state");
                    }
                    self.doing = Doing::Walking(Box::new(walk));
                }
                Doing::Walking(walk) => match walk.step().await? {
                    Step::Rows(chunk) => {
                        walk.state.after = Some(chunk.last.clone());
                        let document = walk.document(&self.plan, chunk);
                        self.state = walk.state.clone();
                        return self.batch(Some(document));
                    }
                    Step::Last(chunk) => self.end(chunk),
                },
                Doing::Ending(ending, document) => {
                    let state = ending.await?;
                    let document = document.take();
                    self.doing = Doing::Nothing;
                    // What came since the interruption is another cycle, which begins at once.
                    let rests = !self.goes_on && self.state.reads == state.reads;
                    self.rest = state.reads != Reads::Nothing && rests;
                    // What was read before stands in the position too, where it decides what is read next.
                    let moves = document.is_some() || self.goes_on || state.reads != self.state.reads;
                    self.state = state;
                    if moves {
                        return self.batch(document);
                    }
                }
            }
        }
    }

    fn end(&mut self, chunk: Option<Chunk>) {
        let Doing::Walking(mut walk) = std::mem::replace(&mut self.doing, Doing::Nothing) else { return };
        let last = chunk.as_ref().map(|chunk| chunk.last.clone());
        let document = chunk.map(|chunk| walk.document(&self.plan, chunk));
        self.doing = Doing::Ending(Box::pin(walk.end(last)), document);
    }

    fn batch(&self, document: Option<Document>) -> Result<Next> {
        let position = Position::new(SCHEMA, &self.state)?;
        Ok(Next::Batch(SourceBatch::new(document.into_iter().collect(), position)))
    }

    fn resumed(&self, position: &Position) -> Result<State> {
        let state: State = position.decode(SCHEMA)?;
        let fresh = self.plan.fresh();
        for (found, expected, what) in [
            (&state.of, &fresh.of, "the position is of another table or query"),
            (&state.mode, &fresh.mode, "the position is of another mode"),
        ] {
            if found != expected {
                let error = Error::new(ErrorKind::PositionInvalid, what);
                return Err(error.with("found", found).with("expected", expected));
            }
        }
        if state.edition == fresh.edition { Ok(state) } else { Ok(fresh) }
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn decoders(&self) -> Vec<Arc<dyn Decoder>> {
        vec![Arc::new(CopyDecoder)]
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let next = self.step().await;
        next.map_err(|error| {
            // What was read and not handed over is read again.
            self.doing = Doing::Nothing;
            error.with("source", &self.plan.locator).component(KIND)
        })
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let state = match position {
            Some(position) => self.resumed(position).map_err(|error| error.component(KIND))?,
            None => self.plan.fresh(),
        };
        self.state = state;
        self.doing = Doing::Nothing;
        self.rest = false;
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.doing = Doing::Nothing;
        Ok(())
    }
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSource")
            .field("info", &self.info)
            .field("reads", &self.state.reads)
            .finish_non_exhaustive()
    }
}
