//! What a portal knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::builder::Builder;
use super::object::{CREATED, ID, Object, Record, text};

/// Ids begin here.
const FIRST: u64 = 101;

/// Everything that a portal knows.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) settings: Builder,
    pub(super) tables: Vec<Table>,
    /// From object, id, to object: the ids.
    pub(super) associations: BTreeMap<(String, u64, String), BTreeSet<u64>>,
    /// When requests of the last ten seconds came, and searches of the last.
    pub(super) recent: VecDeque<i64>,
    pub(super) searches: VecDeque<i64>,
    pub(super) today: u64,
    /// How many searches there were.
    pub(super) turn: u64,
    pub(super) held: bool,
    /// Records that a batch gives as an error of this category.
    pub(super) broken: BTreeMap<u64, String>,
    clock: Option<i64>,
    next: u64,
}

/// An object with its records.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) object: Object,
    pub(super) records: BTreeMap<u64, Arc<Record>>,
    /// What a search sees.
    pub(super) index: BTreeMap<u64, Arc<Record>>,
    /// Records that are not in the index as they are, and when they are to be.
    waiting: VecDeque<(i64, u64, Option<Arc<Record>>)>,
}

impl Portal {
    pub(super) fn new(settings: Builder) -> Self {
        let tables = settings.objects.iter().map(|object| Table {
            object: object.clone(),
            records: BTreeMap::new(),
            index: BTreeMap::new(),
            waiting: VecDeque::new(),
        });
        Self {
            tables: tables.collect(),
            settings,
            associations: BTreeMap::new(),
            recent: VecDeque::new(),
            searches: VecDeque::new(),
            today: 0,
            turn: 0,
            held: false,
            broken: BTreeMap::new(),
            clock: None,
            next: FIRST,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.unwrap_or_else(|| chrono::Utc::now().timestamp_millis())
    }

    pub(super) fn set_clock(&mut self, millis: i64) {
        self.clock = Some(millis);
    }

    pub(super) fn advance(&mut self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.clock = Some(self.now().saturating_add(millis));
    }

    /// Does something while the clock stands at a time.
    pub(super) fn at<T>(&mut self, millis: i64, act: impl FnOnce(&mut Self) -> T) -> T {
        let clock = self.clock.replace(millis);
        let done = act(self);
        self.clock = clock;
        done
    }

    pub(super) fn table(&self, object: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.object.is_called(object))
    }

    fn table_mut(&mut self, object: &str) -> &mut Table {
        let table = self.tables.iter_mut().find(|table| table.object.name == object);
        table.unwrap_or_else(|| panic!("there is no object {object}"))
    }

    pub(super) fn create(&mut self, object: &str, values: &Value) -> u64 {
        let (id, now) = (self.next, self.now());
        self.next += 1;
        let record = Record { id, created: now, modified: now, archived: None, properties: BTreeMap::new() };
        self.put(object, record, values, now);
        id
    }

    /// Gives values to a record, and stamps it.
    pub(super) fn update(&mut self, object: &str, id: u64, values: &Value) {
        let now = self.now();
        let known = self.table_mut(object).records.get(&id);
        let known = known.unwrap_or_else(|| panic!("there is no record {id} of {object}"));
        let record = Record { modified: now.max(known.modified), ..known.as_ref().clone() };
        self.put(object, record, values, now);
    }

    fn put(&mut self, object: &str, mut record: Record, values: &Value, now: i64) {
        let table = self.table_mut(object);
        let Value::Object(values) = values else { panic!("the values of a record are a JSON object") };
        for (name, value) in values {
            let kind = table.object.properties.get(name);
            let kind = kind.unwrap_or_else(|| panic!("{object} has no property {name}"));
            assert!(name != ID && name != CREATED, "{name} is set by the portal");
            match text(name, *kind, value) {
                Some(time) if name == table.object.modified() => {
                    record.modified = super::object::millis(&time).unwrap_or(record.modified);
                }
                Some(text) => drop(record.properties.insert(name.clone(), text)),
                None => drop(record.properties.remove(name)),
            }
        }
        self.keep(object, Arc::new(record), now);
    }

    pub(super) fn archive(&mut self, object: &str, id: u64) {
        self.archived(object, id, true);
    }

    pub(super) fn restore(&mut self, object: &str, id: u64) {
        self.archived(object, id, false);
    }

    fn archived(&mut self, object: &str, id: u64, archived: bool) {
        let now = self.now();
        if let Some(record) = self.table_mut(object).records.get(&id).cloned() {
            let modified = if archived { record.modified } else { now };
            let archived = archived.then_some(now);
            let record = Arc::new(Record { archived, modified, ..record.as_ref().clone() });
            self.keep(object, record, now);
        }
    }

    pub(super) fn purge(&mut self, object: &str, id: u64) {
        let due = self.now() + self.lag();
        let table = self.table_mut(object);
        table.records.remove(&id);
        table.waiting.push_back((due, id, None));
    }

    fn keep(&mut self, object: &str, record: Arc<Record>, now: i64) {
        let due = now + self.lag();
        let table = self.table_mut(object);
        let indexed = record.archived.is_none().then(|| Arc::clone(&record));
        table.waiting.push_back((due, record.id, indexed));
        table.records.insert(record.id, record);
    }

    fn lag(&self) -> i64 {
        i64::try_from(self.settings.index_lag.as_millis()).unwrap_or(i64::MAX / 2)
    }

    /// Brings the index up to date, as far as it is time.
    pub(super) fn settle(&mut self) {
        let now = if self.held { i64::MIN } else { self.now() };
        self.tables.iter_mut().for_each(|table| table.settle(now));
    }

    /// Brings the index up to date.
    pub(super) fn index(&mut self) {
        self.tables.iter_mut().for_each(|table| table.settle(i64::MAX));
    }

    pub(super) fn associate(&mut self, from: (&str, u64), to: (&str, u64), associated: bool) {
        for ((from, from_id), (to, to_id)) in [(from, to), (to, from)] {
            let key = (from.to_owned(), from_id, to.to_owned());
            if associated {
                self.associations.entry(key).or_default().insert(to_id);
            } else if let Some(ids) = self.associations.get_mut(&key) {
                ids.remove(&to_id);
            }
        }
    }
}

impl Table {
    fn settle(&mut self, now: i64) {
        while self.waiting.front().is_some_and(|(due, ..)| *due <= now) {
            match self.waiting.pop_front() {
                Some((_, id, Some(record))) => drop(self.index.insert(id, record)),
                Some((_, id, None)) => drop(self.index.remove(&id)),
                None => {}
            }
        }
    }
}
