//! What an org knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::builder::Builder;
use super::bulk::Kept;
use super::change::Change;
use super::object::{Cell, Field, ID, IS_DELETED, Object};
use super::query::Cursor;
use super::refused::Refused;
use super::{id, stamp};

/// The values of a record, in the order of the fields.
pub(super) type Row = Arc<Vec<Cell>>;

/// Everything that an org knows.
#[derive(Debug)]
pub(super) struct Org {
    pub(super) settings: Builder,
    pub(super) url: String,
    pub(super) tables: Vec<Table>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) cursors: VecDeque<Cursor>,
    /// Jobs of Bulk by their ids, and why the next ones fail.
    pub(super) jobs: BTreeMap<String, Kept>,
    pub(super) failing_jobs: VecDeque<String>,
    pub(super) requests: u64,
    /// The time by the org's clock, if it does not go by the machine's.
    clock: Option<i64>,
    ids: BTreeMap<&'static str, u64>,
}

/// A session of a client.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) began: i64,
    pub(super) requests: u64,
}

/// An object with its records.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) object: Object,
    pub(super) rows: BTreeMap<String, Row>,
    /// Records that were deleted, and when.
    pub(super) deleted: BTreeMap<String, i64>,
    next: u64,
}

impl Org {
    pub(super) fn new(settings: Builder, url: &str) -> Self {
        let tables = settings.objects.iter().enumerate().map(|(n, object)| Table::new(object, n)).collect();
        Self {
            settings,
            url: url.to_owned(),
            tables,
            sessions: HashMap::new(),
            cursors: VecDeque::new(),
            jobs: BTreeMap::new(),
            failing_jobs: VecDeque::new(),
            requests: 0,
            clock: None,
            ids: BTreeMap::new(),
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.unwrap_or_else(stamp::now)
    }

    pub(super) fn set_clock(&mut self, millis: i64) {
        self.clock = Some(millis);
    }

    pub(super) fn advance(&mut self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.clock = Some(self.now().saturating_add(millis));
    }

    /// An id that was not given before, for things that are not records.
    pub(super) fn id(&mut self, prefix: &'static str) -> String {
        let n = self.ids.entry(prefix).or_default();
        *n += 1;
        id::id(prefix, *n)
    }

    /// Begins a session and gives its token.
    pub(super) fn begin_session(&mut self) -> String {
        let token = format!("{}!AQ{}", self.id("00D"), self.id("0Ak"));
        self.sessions.insert(token.clone(), Session { began: self.now(), requests: 0 });
        token
    }

    /// Counts a request of a session, unless it has ended.
    pub(super) fn enter(&mut self, token: Option<&str>) -> Result<(), Refused> {
        let now = self.now();
        let session = token.and_then(|token| self.sessions.get_mut(token)).ok_or_else(Refused::session)?;
        let lasts = self.settings.session_lasts.map_or(i64::MAX, |time| time.as_millis() as i64);
        let most = self.settings.session_requests.unwrap_or(u64::MAX);
        if session.requests >= most || now - session.began >= lasts {
            return Err(Refused::session());
        }
        session.requests += 1;
        if self.requests >= self.settings.daily_requests {
            return Err(Refused::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."));
        }
        self.requests += 1;
        Ok(())
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.object.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.object.name.eq_ignore_ascii_case(name))
    }

    /// Does something to a record now.
    pub(super) fn change(&mut self, object: &str, change: Change) {
        if let Some(table) = self.table_mut(object) {
            change.apply(table);
        }
    }
}

impl Table {
    fn new(object: &Object, n: usize) -> Self {
        let mut object = object.clone();
        if object.prefix.is_empty() {
            object.prefix = prefix(&object.name, n);
        }
        Self { object, rows: BTreeMap::new(), deleted: BTreeMap::new(), next: 0 }
    }

    /// Has one more field. Records have nothing in it.
    pub(super) fn add_field(&mut self, field: Field) {
        let known = self.object.find(&field.name);
        assert!(known.is_none(), "{} has a field {} already", self.object.name, field.name);
        self.object.fields.push(field);
        self.rows.values_mut().for_each(|row| Arc::make_mut(row).push(Cell::Null));
    }

    pub(super) fn remove_field(&mut self, name: &str) {
        if let Some(at) = self.object.find(name) {
            self.object.fields[at].removed = true;
        }
    }

    pub(super) fn next_id(&mut self) -> String {
        self.next += 1;
        id::id(&self.object.prefix, self.next)
    }

    /// Whether a record is an activity that was archived.
    pub(super) fn is_archived(&self, row: &Row) -> bool {
        self.object.find("IsArchived").is_some_and(|at| row[at] == Cell::Boolean(true))
    }

    /// A record as REST writes it, with all of its fields.
    pub(super) fn json(&self, row: &Row) -> Map<String, Value> {
        self.object.visible().map(|(at, field)| (field.name.clone(), row[at].json())).collect()
    }
}

pub(super) fn id_of(row: &Row) -> &str {
    match &row[ID] {
        Cell::Id(id) => id,
        _ => "",
    }
}

pub(super) fn is_deleted(row: &Row) -> bool {
    row[IS_DELETED] == Cell::Boolean(true)
}

/// The first three characters of the ids of an object.
fn prefix(name: &str, n: usize) -> String {
    match name {
        "Account" => "001".into(),
        "Contact" => "003".into(),
        "Opportunity" => "006".into(),
        "User" => "005".into(),
        "Lead" => "00Q".into(),
        "Task" => "00T".into(),
        "Case" => "500".into(),
        _ => format!("a{n:02}"),
    }
}
