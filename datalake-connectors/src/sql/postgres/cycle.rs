//! One cycle: which rows it reads, in which order, and what is known when it has ended.

use std::time::Duration;

use super::super::catalog;
use super::super::connection::{Connection, identifier};
use super::mode::Of;
use super::position::{Reads, State};
use super::source::Plan;
use super::table::{Key, Table};
use datalake_core::{Error, ErrorKind, Result};

const TIMESTAMPTZ: u32 = 1184;
const TIMESTAMP: u32 = 1114;
const DATE: u32 = 1082;
const REAL: u32 = 700;
const DOUBLE: u32 = 701;
const NUMERIC: u32 = 1700;

/// Which rows a cycle reads.
#[derive(Debug)]
pub(super) struct Cycle {
    /// What a row is known and ordered by.
    pub(super) key: Vec<Key>,
    /// Whether no two rows have the same key, as the table says.
    pub(super) unique: bool,
    /// What holds for its rows, as SQL.
    pub(super) conditions: Vec<String>,
    /// How it ends.
    end: End,
    /// Whether it may be read over several connections.
    pub(super) divisible: bool,
}

#[derive(Debug)]
enum End {
    Nothing,
    News,
    /// Every transaction before has ended.
    Horizon(String),
    Keyset {
        look_back: Option<Duration>,
    },
}

impl Cycle {
    /// Begins a cycle, or goes on with it.
    pub(super) async fn begin(
        connection: &Connection,
        plan: &Plan,
        table: &Table,
        state: &mut State,
    ) -> Result<Self> {
        let mut cycle = match (&plan.mode.0, state.reads) {
            (Of::Full { .. }, _) => {
                let key = table.row_key(plan)?;
                let unique = table.is_unique(&key);
                Self { key, unique, conditions: Vec::new(), end: End::Nothing, divisible: true }
            }
            (Of::Xid { column }, Reads::All) => {
                let (key, xid) = (table.row_key(plan)?, table.xid(column.as_deref())?);
                table.fills(connection, &xid).await?;
                let horizon = match &state.since {
                    Some(horizon) => horizon.clone(),
                    None => horizon(connection).await?,
                };
                let name = identifier(&xid.name);
                let older = format!("({name} IS NULL OR {name} < {})", xid.value(&horizon));
                state.since = Some(horizon);
                let unique = table.is_unique(&key);
                Self { key, unique, conditions: vec![older], end: End::News, divisible: true }
            }
            (Of::Xid { column }, _) => {
                let (mut key, xid) = (table.row_key(plan)?, table.xid(column.as_deref())?);
                table.fills(connection, &xid).await?;
                let horizon = horizon(connection).await?;
                let since = state.since.clone().unwrap_or_default();
                let number = |text: &str| text.parse::<u64>().unwrap_or_default();
                if number(&horizon) < number(&since) {
                    let error = Error::new(
                        ErrorKind::PositionInvalid,
                        "the transactions of the server have lower numbers than those that were read: it is another, or \
                         was made anew; read everything again",
                    );
                    return Err(error.with("since", since).with("now", horizon));
                }
                let name = identifier(&xid.name);
                let unique = table.is_unique(&key);
                let conditions = vec![
                    format!("{name} >= {}", xid.value(&since)),
                    format!("{name} < {}", xid.value(&horizon)),
                ];
                key.retain(|key| key.name != xid.name);
                key.insert(0, Key { filled: true, ..xid });
                Self { key, unique, conditions, end: End::Horizon(horizon), divisible: false }
            }
            (Of::Keyset { cursor, id, look_back }, _) => {
                let mut cursor = table.key(cursor)?;
                cursor.oid = catalog::base(connection, cursor.oid).await?.0;
                Self::keyset(connection, table, state, cursor, id, *look_back).await?
            }
        };
        let names: Vec<_> = cycle.key.iter().map(|key| key.name.clone()).collect();
        let is_keyset = matches!(cycle.end, End::Keyset { .. });
        let marked = is_keyset && (state.since.is_some() || state.floor.is_some());
        if (state.after.is_some() || marked) && state.key != names {
            let error = Error::new(ErrorKind::PositionInvalid, "the position is of another key");
            return Err(error.with("found", state.key.join(",")).with("expected", names.join(",")));
        }
        state.key = names;
        if !cycle.unique {
            for key in &mut cycle.key {
                key.same = table.same(connection, key).await?;
            }
        }
        if state.after.is_none() {
            cycle.refuse_nulls(connection, table).await?;
        }
        Ok(cycle)
    }

    async fn keyset(
        connection: &Connection,
        table: &Table,
        state: &mut State,
        cursor: Key,
        id: &[String],
        look_back: Duration,
    ) -> Result<Self> {
        let id: Vec<Key> = id.iter().map(|name| table.key(name)).collect::<Result<_>>()?;
        let unique = table.is_unique(&id);
        let latest = match cursor.oid {
            TIMESTAMPTZ => Some("now()"),
            // The zone is unknown, and the earth turns no further than this ahead.
            TIMESTAMP => Some("(now() AT TIME ZONE 'UTC') + interval '26 hours'"),
            DATE => Some("((now() AT TIME ZONE 'UTC') + interval '26 hours')::date"),
            _ => None,
        };
        // What goes on reads no further than it would have: the look-back of the next cycle counts from there.
        let bound = match (latest, state.bound.take().filter(|_| state.after.is_some())) {
            (None, _) => None,
            (Some(_), Some(bound)) => Some(bound),
            (Some(latest), None) => connection.value(&format!("SELECT {latest}")).await?,
        };
        state.bound.clone_from(&bound);
        let look_back = Some(look_back).filter(|by| bound.is_some() && !by.is_zero());
        let name = identifier(&cursor.name);
        let mut conditions = Vec::new();
        if let (Some(since), Some(by), None) = (&state.since, look_back, &state.after) {
            conditions.push(format!("{name} >= {}", back(&cursor, since, by)));
        }
        if let Some(bound) = &bound {
            conditions.push(format!("{name} <= {}", cursor.value(bound)));
        }
        let divisible = state.since.is_none();
        let key = [vec![cursor], id].concat();
        if let (Some(floor), None, None) = (&state.floor, look_back, &state.after) {
            conditions.push(after(&key, floor));
        }
        Ok(Self { key, unique, conditions, end: End::Keyset { look_back }, divisible })
    }

    /// Rows that are ordered by NULL, or by no time, would never be read.
    async fn refuse_nulls(&self, connection: &Connection, table: &Table) -> Result<()> {
        let keyset = matches!(self.end, End::Keyset { .. });
        for (n, key) in self.key.iter().enumerate() {
            let name = identifier(&key.name);
            let null = (!key.filled).then(|| format!("{name} IS NULL"));
            let endless = if keyset && n == 0 { endless(connection, key).await? } else { Vec::new() };
            let endless = endless.into_iter().map(|value| format!("{name} = {value}"));
            for odd in null.into_iter().chain(endless) {
                let asked = format!("SELECT 1 FROM {} WHERE {odd} LIMIT 1", table.from);
                if connection.value(&asked).await?.is_some() {
                    let error =
                        Error::config("a row would never be read, for what it has in a column of the key");
                    return Err(error.with("column", &key.name).with("where", odd));
                }
            }
        }
        Ok(())
    }

    /// Whether rows may be read again that were given, and must be told from those that were not.
    pub(super) fn looks_back(&self) -> bool {
        matches!(self.end, End::Keyset { look_back: Some(_) })
    }

    /// What is known when all rows of the cycle were read: the state to go on from. `last` is the key of the last of them.
    pub(super) async fn ended(
        self,
        connection: &Connection,
        mut state: State,
        last: Option<Vec<String>>,
    ) -> Result<State> {
        match &self.end {
            End::Nothing => state.reads = Reads::Nothing,
            End::News => state.reads = Reads::News,
            End::Horizon(horizon) => state.since = Some(horizon.clone()),
            End::Keyset { look_back } => {
                state.bound = None;
                let cursor = &self.key[0];
                let last = last.or_else(|| state.after.clone());
                state.floor = last.clone().or(state.floor).filter(|_| look_back.is_none());
                let seen = last.and_then(|last| last.into_iter().next());
                let seen: Vec<_> = state.since.iter().chain(&seen).map(|text| cursor.value(text)).collect();
                if seen.is_empty() {
                    return Ok(state);
                }
                let greatest = connection.value(&format!("SELECT greatest({})", seen.join(", "))).await?;
                let greatest = greatest.ok_or_else(|| Error::unexpected("there is no greatest timestamp"))?;
                state.since = Some(greatest);
            }
        }
        state.after = None;
        Ok(state)
    }
}

/// What comes after a row, as SQL.
pub(super) fn after(key: &[Key], of: &[String]) -> String {
    let names: Vec<_> = key.iter().map(|key| identifier(&key.name)).collect();
    let values: Vec<_> = key.iter().zip(of).map(|(key, text)| key.value(text)).collect();
    format!("({}) > ({})", names.join(", "), values.join(", "))
}

/// Values of a cursor behind which nothing would be found any more, or which no look-back leads to, as SQL.
async fn endless(connection: &Connection, cursor: &Key) -> Result<Vec<String>> {
    let (of, values) = match cursor.oid {
        TIMESTAMPTZ => ("timestamptz", &["infinity", "-infinity"][..]),
        TIMESTAMP => ("timestamp", &["infinity", "-infinity"][..]),
        DATE => ("date", &["infinity", "-infinity"][..]),
        REAL => ("real", &["NaN", "Infinity"][..]),
        DOUBLE => ("double precision", &["NaN", "Infinity"][..]),
        NUMERIC => {
            // Before PostgreSQL 14 a number of this type is not infinite.
            let version = connection.value("SHOW server_version_num").await?;
            let version = version.and_then(|version| version.parse::<u32>().ok()).unwrap_or_default();
            ("numeric", if version >= 140_000 { &["NaN", "Infinity"][..] } else { &["NaN"][..] })
        }
        _ => return Ok(Vec::new()),
    };
    Ok(values.iter().map(|value| format!("CAST('{value}' AS {of})")).collect())
}

/// A time before another, as SQL.
fn back(cursor: &Key, text: &str, by: Duration) -> String {
    format!("{} - interval '{} milliseconds'", cursor.value(text), by.as_millis())
}

/// The transaction before which all have ended.
async fn horizon(connection: &Connection) -> Result<String> {
    let horizon = connection.value("SELECT pg_snapshot_xmin(pg_current_snapshot())").await?;
    horizon.ok_or_else(|| Error::unexpected("the server names no transaction"))
}
