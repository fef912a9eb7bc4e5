//! Records taken in order, as the module says they are to be, and what the tables hold by then.

use std::collections::{BTreeMap, BTreeSet};

use datalake_simulators::postgres::Database;
use serde_json::{Map, Value};

/// The rows of every table, as JSON, in some order that is always the same.
pub(super) type State = BTreeMap<String, Vec<String>>;

/// Rows with their keys. Where there is no key, the row is it.
type Rows = Vec<(Value, Map<String, Value>)>;

/// What is known of the tables.
#[derive(Default)]
pub(super) struct Replay {
    tables: BTreeMap<String, Rows>,
    /// The changes taken so far, by commit and number: none may come twice.
    seen: BTreeSet<(String, u64, String)>,
    pub(super) loads: usize,
}

impl Replay {
    pub(super) fn of<'a>(records: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut replay = Self::default();
        records.into_iter().for_each(|record| replay.take(record));
        replay
    }

    pub(super) fn take(&mut self, record: &Value) {
        let op = record["op"].as_str().unwrap_or_else(|| panic!("no op in {record}"));
        let table = record["table"].as_str().unwrap_or_default().to_owned();
        if let Some(seq) = record["seq"].as_u64() {
            let name = (record["commit"].as_str().unwrap().to_owned(), seq, table.clone());
            assert!(self.seen.insert(name), "this came twice: {record}");
        }
        if op == "load" {
            self.loads += 1;
            for table in record["tables"].as_array().unwrap() {
                self.tables.remove(table["table"].as_str().unwrap());
            }
            return;
        }
        let rows = self.tables.entry(table.clone()).or_default();
        let before = record.get("before");
        let gone = match (op, before, record.get("key")) {
            ("delete", _, Some(key)) => Some(key),
            ("update" | "delete", Some(before), _) => Some(before),
            ("update", None, key) => key,
            ("truncate", ..) => {
                rows.clear();
                return;
            }
            _ => None,
        };
        let was = gone.and_then(|gone| {
            let at = rows.iter().position(|(key, _)| key == gone);
            assert!(at.is_some(), "a row that was not there is changed: {record}");
            at.map(|at| rows.swap_remove(at).1)
        });
        let Some(after) = record.get("after") else { return };
        let mut row = after.as_object().unwrap().clone();
        for column in record["unchanged"].as_array().into_iter().flatten() {
            let column = column.as_str().unwrap();
            if let Some(kept) = was.as_ref().and_then(|was| was.get(column)) {
                row.insert(column.to_owned(), kept.clone());
            }
        }
        let key = record.get("key").cloned().unwrap_or_else(|| Value::Object(row.clone()));
        assert!(
            record.get("key").is_none() || rows.iter().all(|(other, _)| *other != key),
            "there is a row already, and then comes {record}"
        );
        rows.push((key, row));
    }

    /// What the tables hold.
    pub(super) fn state(&self) -> State {
        let text = |rows: &Rows| {
            let mut rows: Vec<String> =
                rows.iter().map(|(_, row)| Value::Object(row.clone()).to_string()).collect();
            rows.sort();
            rows
        };
        let state = self.tables.iter().map(|(table, rows)| (table.clone(), text(rows)));
        state.filter(|(_, rows)| !rows.is_empty()).collect()
    }
}

/// What the server itself says that the tables hold.
pub(super) fn held(database: &Database<'_>, tables: &[&str]) -> State {
    let rows = |table: &str| {
        let text = database.sql(&format!("SELECT row_to_json(t) FROM {table} t"));
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap().to_string();
        let mut rows: Vec<String> = text.lines().map(row).collect();
        rows.sort();
        rows
    };
    let state = tables.iter().map(|table| ((*table).to_owned(), rows(table)));
    state.filter(|(_, rows)| !rows.is_empty()).collect()
}
