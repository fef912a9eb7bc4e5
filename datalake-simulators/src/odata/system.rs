//! The data behind the services, and how it changes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::entity::{Entity, Property};
use super::lock;
use super::value::{Key, Row, Value};

/// A business system: rows of several types, which the test changes while they are read. Clones share it.
///
/// It has a clock of its own, which begins with the year 2026 and moves on by a second with every write, unless told
/// otherwise. It stamps rows whose type [names a property](Entity::changed) for that.
///
/// Methods panic where the test is wrong: for a set that there is not, a property that its type has not, a row that is
/// created twice or changed without being there.
#[derive(Clone)]
pub struct System(Arc<Mutex<State>>);

/// A row, its values in the order of the properties.
pub(crate) type Values = Arc<[Value]>;

struct State {
    tables: BTreeMap<String, Table>,
    now: i64,
    step: i64,
}

/// The rows of a set and everything that ever happened to them.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) entity: Arc<Entity>,
    pub(crate) rows: BTreeMap<Key, Values>,
    pub(crate) log: Vec<Change>,
}

/// What happened to a row: created if it was not there before, deleted if it is not there after.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) key: Key,
    pub(crate) before: Option<Values>,
    pub(crate) after: Option<Values>,
    /// When, milliseconds since 1970.
    pub(crate) at: i64,
}

/// The beginning of 2026, milliseconds since 1970.
const BEGINNING: i64 = 1_767_225_600_000;

impl Default for System {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { tables: BTreeMap::new(), now: BEGINNING, step: 1000 })))
    }
}

impl System {
    /// Adds a type of rows with no rows.
    pub fn define(&self, entity: Entity) {
        let set = entity.set.clone();
        let table = Table { entity: Arc::new(entity), rows: BTreeMap::new(), log: Vec::new() };
        lock(&self.0).tables.insert(set, table);
    }

    /// Adds a property to a type, as an upgrade of the system would. It is null in all rows.
    pub fn extend(&self, set: &str, property: Property) {
        self.with(set, |table, _| {
            let mut entity = Entity::clone(&table.entity);
            entity.properties.push(property);
            table.entity = Arc::new(entity);
            let longer = |row: &Values| row.iter().cloned().chain([Value::Null]).collect::<Values>();
            table.rows.values_mut().for_each(|row| *row = longer(row));
            for change in &mut table.log {
                change.before = change.before.as_ref().map(longer);
                change.after = change.after.as_ref().map(longer);
            }
        });
    }

    /// Sets the clock, milliseconds since 1970 in UTC. The next write happens then.
    pub fn at(&self, millis: i64) {
        lock(&self.0).now = millis;
    }

    /// Sets by how much the clock moves on with every write, milliseconds. With 0, all writes happen at one time.
    pub fn step(&self, millis: i64) {
        lock(&self.0).step = millis;
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> i64 {
        lock(&self.0).now
    }

    /// Creates a row.
    pub fn create(&self, set: &str, row: Row) {
        self.with(set, |table, at| {
            let row = table.values(row, &[], at);
            let key = Key(table.entity.key_of(&row));
            assert!(!table.rows.contains_key(&key), "{set} has {key:?} already");
            table.put(key, Some(row), at);
        });
    }

    /// Changes the properties that a row names, among them its key.
    pub fn update(&self, set: &str, row: Row) {
        self.with(set, |table, at| {
            let named = table.values(row.clone(), &[], at);
            let key = Key(table.entity.key_of(&named));
            let old = table.rows.get(&key).cloned();
            let old = old.unwrap_or_else(|| panic!("{set} has no {key:?}"));
            let new = table.values(row, &old, at);
            table.put(key, Some(new), at);
        });
    }

    /// Deletes a row.
    pub fn delete(&self, set: &str, key: impl Into<Key>) {
        let key = key.into();
        self.with(set, |table, at| {
            assert!(table.rows.contains_key(&key), "{set} has no {key:?}");
            table.put(key, None, at);
        });
    }

    /// Whether there is a row with a key.
    #[must_use]
    pub fn contains(&self, set: &str, key: impl Into<Key>) -> bool {
        let key = key.into();
        self.read(set, |table| table.rows.contains_key(&key))
    }

    /// All rows of a set, in the order of their keys, every property named.
    #[must_use]
    pub fn rows(&self, set: &str) -> Vec<Row> {
        self.read(set, |table| {
            let names: Vec<_> = table.entity.properties.iter().map(|property| &property.name).collect();
            let row = |row: &Values| {
                Row(names.iter().map(|name| (*name).clone()).zip(row.iter().cloned()).collect())
            };
            table.rows.values().map(row).collect()
        })
    }

    /// The number of rows of a set.
    #[must_use]
    pub fn count(&self, set: &str) -> usize {
        self.read(set, |table| table.rows.len())
    }

    fn with<T>(&self, set: &str, act: impl FnOnce(&mut Table, i64) -> T) -> T {
        let mut state = lock(&self.0);
        let at = state.now;
        let table = state.tables.get_mut(set).unwrap_or_else(|| panic!("there is no set {set}"));
        let done = act(table, at);
        state.now += state.step;
        done
    }

    fn read<T>(&self, set: &str, act: impl FnOnce(&Table) -> T) -> T {
        self.table(set, act).unwrap_or_else(|| panic!("there is no set {set}"))
    }

    /// Looks at a set, if there is one.
    pub(crate) fn table<T>(&self, set: &str, act: impl FnOnce(&Table) -> T) -> Option<T> {
        lock(&self.0).tables.get(set).map(act)
    }

    /// The rows that a way leads to from a row, and their type.
    pub(crate) fn related(
        &self,
        entity: &Entity,
        way: usize,
        row: &[Value],
    ) -> Option<(Arc<Entity>, Vec<Values>)> {
        let way = entity.navigations.get(way)?;
        self.table(&way.set, |table| {
            let pairs =
                way.by.iter().map(|(here, there)| Some((entity.index(here)?, table.entity.index(there)?)));
            let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
            let equal = |there: &&Values| pairs.iter().all(|(n, other)| row.get(*n) == there.get(*other));
            Some((Arc::clone(&table.entity), table.rows.values().filter(equal).cloned().collect()))
        })?
    }

    /// All types, in the order of their sets.
    pub(crate) fn entities(&self) -> Vec<Arc<Entity>> {
        lock(&self.0).tables.values().map(|table| Arc::clone(&table.entity)).collect()
    }
}

impl Table {
    /// A row in the order of the properties: what it names, else what it was, else null.
    fn values(&self, mut row: Row, old: &[Value], at: i64) -> Values {
        let changed = self.entity.changed.as_deref();
        let values = self.entity.properties.iter().enumerate().map(|(n, property)| {
            let named = row.0.remove(&property.name);
            let stamp = (changed == Some(&property.name)).then_some(Value::Moment(at));
            named.or(stamp).or_else(|| old.get(n).cloned()).unwrap_or_default()
        });
        let values = values.collect();
        let unknown = row.0.keys().next();
        assert!(unknown.is_none(), "{} has no property {unknown:?}", self.entity.set);
        values
    }

    fn put(&mut self, key: Key, after: Option<Values>, at: i64) {
        let before = match &after {
            Some(row) => self.rows.insert(key.clone(), Arc::clone(row)),
            None => self.rows.remove(&key),
        };
        self.log.push(Change { key, before, after, at });
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let counts: BTreeMap<_, _> =
            state.tables.iter().map(|(set, table)| (set, table.rows.len())).collect();
        f.debug_struct("System").field("rows", &counts).field("now", &state.now).finish_non_exhaustive()
    }
}
