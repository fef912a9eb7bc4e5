//! A cycle under way: connections that read ranges of it, all in one state of the table, and what they have read.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use super::super::connection::{Connection, SESSION, identifier, literal};
use super::copy;
use super::cycle::Cycle;
use super::position::State;
use super::rows::{Chunk, Pages, Range};
use super::source::Plan;
use super::table::Table;
use datalake_core::{Document, Error, ErrorKind, Format, Result};

/// The most ranges.
const RANGES: u64 = 4_096;

/// How often a cycle begins again for a table that is emptied or rewritten meanwhile.
const TRIES: usize = 10;
/// A table that we hold and that is not what our transaction sees of it: the catalogue is read as it was, and what the
/// function says is so now.
const REWRITTEN: &str = "SELECT l.relation FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation \
    WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.relation >= 16384 AND (c.oid IS NULL \
    OR c.relkind IN ('r', 'm') AND c.relfilenode IS DISTINCT FROM pg_relation_filenode(c.oid)) LIMIT 1";

/// A cycle under way.
#[derive(Debug)]
pub(super) struct Walk {
    /// The state with which it began, and after what was handed over since.
    pub(super) state: State,
    cycle: Cycle,
    pages: Arc<Pages>,
    format: Arc<Format>,
    properties: Arc<Map<String, Value>>,
    idle: Vec<Connection>,
    open: VecDeque<Range>,
    lanes: VecDeque<Lane>,
    /// What was read last, until it is known whether more follows.
    held: Option<Chunk>,
}

/// A range that is being read.
#[derive(Debug)]
struct Lane {
    chunks: Receiver<Result<Chunk>>,
    task: Task,
}

/// A task that ends with this, and gives its connection back when it is done.
#[derive(Debug)]
struct Task(JoinHandle<Connection>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    /// Rows, and more follow.
    Rows(Chunk),
    /// The last rows, if there were any.
    Last(Option<Chunk>),
}

impl Walk {
    /// Opens connections and looks at the table.
    pub(super) async fn begin(plan: &Plan, mut state: State) -> Result<Self> {
        let connection = session(plan).await?;
        let table = settled(&connection, plan).await?;
        let cycle = Cycle::begin(&connection, plan, &table, &mut state).await?;
        let format = copy::format(&table.columns)
            .map_err(|cause| Error::unexpected("the columns cannot be written").caused_by(cause))?;
        let mut properties = Map::new();
        properties.insert("reads".into(), json!(state.reads));
        if !plan.redshift {
            let snapshot = connection.value("SELECT txid_current_snapshot()").await?;
            properties.insert("snapshot".into(), json!(snapshot));
        }
        let pages = Pages {
            list: table.list(),
            from: table.from.clone(),
            conditions: cycle.conditions.clone(),
            key: cycle.key.clone(),
            unique: cycle.unique,
            page: plan.page,
            batch_bytes: plan.batch_bytes,
            remembers: cycle.looks_back(),
            known: if cycle.looks_back() { state.known.all() } else { Default::default() },
            plain: plan.redshift,
        };
        let open = if cycle.divisible && plan.parallel > 1 && table.size > 2 * plan.range_bytes {
            ranges(&connection, &pages, table.size, plan.range_bytes, state.after.clone()).await?
        } else {
            VecDeque::from([Range { after: state.after.clone(), upto: None }])
        };
        let mut idle = vec![connection];
        if open.len() > 1 {
            let snapshot = idle[0].value("SELECT pg_export_snapshot()").await?;
            let snapshot = snapshot.ok_or_else(|| Error::unexpected("the server shares no snapshot"))?;
            for _ in 1..plan.parallel {
                let connection = session(plan).await?;
                connection.run(plan.begin()).await?;
                connection.run(&format!("SET TRANSACTION SNAPSHOT {}", literal(&snapshot))).await?;
                idle.push(connection);
            }
        }
        Ok(Self {
            state,
            cycle,
            pages: Arc::new(pages),
            format: Arc::new(format),
            properties: Arc::new(properties),
            idle,
            open,
            lanes: VecDeque::new(),
            held: None,
        })
    }

    /// The columns of the table as they are now.
    pub(super) async fn columns(plan: &Plan) -> Result<Vec<copy::Column>> {
        let connection = session(plan).await?;
        Ok(Table::look(&connection, plan).await?.columns)
    }

    /// The next rows, in the order of the key. Cancel safe.
    pub(super) async fn step(&mut self) -> Result<Step> {
        loop {
            while let Some(connection) = self.idle.pop() {
                match self.open.pop_front() {
                    Some(range) => self.lanes.push_back(Lane::start(connection, &self.pages, range)),
                    None => {
                        self.idle.push(connection);
                        break;
                    }
                }
            }
            let Some(lane) = self.lanes.front_mut() else { return Ok(Step::Last(self.held.take())) };
            match lane.chunks.recv().await {
                Some(chunk) => {
                    if let Some(before) = self.held.replace(chunk?) {
                        return Ok(Step::Rows(before));
                    }
                }
                None => {
                    let connection = (&mut lane.task.0).await;
                    self.lanes.pop_front();
                    self.idle.push(connection.map_err(|_| Error::unexpected("reading rows panicked"))?);
                }
            }
        }
    }

    /// Ends the cycle: the state to go on from.
    pub(super) async fn end(mut self, last: Option<Vec<String>>) -> Result<State> {
        let connection = self.idle.pop().ok_or_else(|| Error::unexpected("no connection is left"))?;
        self.cycle.ended(&connection, self.state, last).await
    }

    /// Rows as a document.
    pub(super) fn document(&mut self, plan: &Plan, chunk: Chunk) -> Document {
        let at = self.state.given;
        self.state.given += chunk.bytes.len() as u64;
        self.state.known.note(&chunk.digests);
        Document::new(chunk.bytes, Arc::clone(&plan.locator), Arc::clone(&self.format))
            .at(at)
            .with_properties(Arc::clone(&self.properties))
    }
}

impl Lane {
    fn start(connection: Connection, pages: &Arc<Pages>, range: Range) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        let pages = Arc::clone(pages);
        let task = tokio::spawn(async move {
            pages.read(&connection, range, &sender).await;
            connection
        });
        Self { chunks, task: Task(task) }
    }
}

/// Begins a transaction and looks at the table in it. `TRUNCATE`, and what writes a table anew, take its rows out of every
/// state of before: where one was under way when the transaction began, it begins again.
async fn settled(connection: &Connection, plan: &Plan) -> Result<Table> {
    for _ in 0..TRIES {
        connection.run(plan.begin()).await?;
        let table = Table::look(connection, plan).await?;
        if plan.redshift {
            return Ok(table);
        }
        // Waits for whoever changes the tables, and holds them to the end.
        connection.run(&format!("SELECT FROM {} LIMIT 0", table.from)).await?;
        if connection.value(REWRITTEN).await?.is_none() {
            return Ok(table);
        }
        connection.run("ROLLBACK").await?;
    }
    Err(Error::new(ErrorKind::Conflict, "the table is emptied or rewritten again and again").retryable())
}

/// A connection that says values as we read them.
async fn session(plan: &Plan) -> Result<Connection> {
    let millis = |time: std::time::Duration| time.as_millis().to_string();
    // Redshift knows no others.
    let known = ["DateStyle", "TimeZone", "client_encoding", "extra_float_digits"];
    let mut settings: Vec<(&str, String)> = SESSION
        .iter()
        .filter(|(name, _)| !plan.redshift || known.contains(name))
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    settings.push(("statement_timeout", millis(plan.statement_timeout)));
    if !plan.redshift {
        settings.push(("idle_in_transaction_session_timeout", millis(plan.idle_timeout)));
    }
    plan.server.connect("datalake", &settings).await
}

/// Divides a table by a sample of its keys, so that ranges are about as large as each other.
async fn ranges(
    connection: &Connection,
    pages: &Pages,
    size: u64,
    range: u64,
    after: Option<Vec<String>>,
) -> Result<VecDeque<Range>> {
    let wanted = (size / range).clamp(1, RANGES);
    let blocks = (size / 8_192).max(1);
    let percent = (wanted as f64 * 400.0 / blocks as f64).min(100.0);
    let names: Vec<_> = pages.key.iter().map(|key| identifier(&key.name)).collect();
    let names = names.join(", ");
    let within = pages.within(&Range { after: after.clone(), upto: None });
    let query = format!(
        "SELECT {names} FROM {} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1){within} ORDER BY {names}",
        pages.from
    );
    let sample = connection.rows(&query).await?;
    let sample: Vec<Vec<String>> = sample.into_iter().filter_map(|row| row.into_iter().collect()).collect();
    let each = (sample.len() / wanted as usize).max(1);
    let mut ends: Vec<_> = sample.into_iter().skip(each).step_by(each).collect();
    ends.dedup();
    let mut all = VecDeque::new();
    let mut from = after;
    for end in ends {
        all.push_back(Range { after: from.replace(end.clone()), upto: Some(end) });
    }
    all.push_back(Range { after: from, upto: None });
    Ok(all)
}
