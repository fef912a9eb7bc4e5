//! What happens to records.

use std::sync::Arc;

use serde_json::Value;

use super::object::{CREATED, Cell, ID, IS_DELETED, MODIFIED, MODSTAMP};
use super::org::{Table, is_deleted};

/// What happens to a record, with the time that it is stamped with.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) id: String,
    pub(super) at: i64,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// It gets values, and is made if it is not there.
    Set(Vec<(usize, Cell)>),
    /// The same without a stamp.
    Recalculate(Vec<(usize, Cell)>),
    /// It goes to the recycle bin.
    Delete,
    /// It comes back from there.
    Restore,
    /// It goes for good.
    Erase,
}

impl Change {
    pub(super) fn apply(self, table: &mut Table) {
        let Self { id, at, what } = self;
        // Stamps have whole seconds.
        let at = at.div_euclid(1000) * 1000;
        let known = table.rows.get(&id).cloned();
        let mut cells = match (&known, &what) {
            (Some(row), _) => row.as_ref().clone(),
            (None, What::Set(_)) => {
                let mut cells = vec![Cell::Null; table.object.fields.len()];
                cells[ID] = Cell::Id(id.clone());
                cells[IS_DELETED] = Cell::Boolean(false);
                cells[CREATED] = Cell::Time(at);
                cells
            }
            (None, _) => return,
        };
        let stamped = |cells: &mut Vec<Cell>| {
            for stamp in [MODIFIED, MODSTAMP] {
                let before = if let Cell::Time(before) = cells[stamp] { before } else { i64::MIN };
                cells[stamp] = Cell::Time(before.max(at));
            }
        };
        match what {
            What::Set(values) => {
                stamped(&mut cells);
                values.into_iter().for_each(|(field, cell)| cells[field] = cell);
            }
            What::Recalculate(values) => values.into_iter().for_each(|(field, cell)| cells[field] = cell),
            What::Delete => {
                if known.is_some_and(|row| is_deleted(&row)) {
                    return;
                }
                stamped(&mut cells);
                cells[IS_DELETED] = Cell::Boolean(true);
                table.deleted.insert(id.clone(), at);
            }
            What::Restore => {
                stamped(&mut cells);
                cells[IS_DELETED] = Cell::Boolean(false);
                table.deleted.remove(&id);
            }
            What::Erase => {
                table.deleted.entry(id.clone()).or_insert(at);
                table.rows.remove(&id);
                return;
            }
        }
        table.rows.insert(id, Arc::new(cells));
    }
}

/// The cells of an object of JSON.
///
/// # Panics
/// It is no object, has a field that there is not, or a value that does not fit.
pub(super) fn cells(table: &Table, values: &Value) -> Vec<(usize, Cell)> {
    let object = &table.object;
    let Value::Object(values) = values else { panic!("the values of a record are a JSON object") };
    let cell = |(name, value): (&String, &Value)| {
        let at = object.find(name).unwrap_or_else(|| panic!("{} has no field {name}", object.name));
        let cell = Cell::new(object.fields[at].kind, value);
        (at, cell.unwrap_or_else(|| panic!("{name} of {} cannot be {value}", object.name)))
    };
    values.iter().map(cell).collect()
}
