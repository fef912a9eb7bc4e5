//! Changes as JSON.

use datalake_core::RecordError;
use serde_json::Value as Json;

use super::lsn::Lsn;
use super::message::{Tuple, Value};
use super::relation::{Relation, Transaction};
use super::time;
use crate::sql::value::string;

/// Builds one object.
pub(super) struct Object(Vec<u8>);

/// Which columns of a row.
#[derive(Clone, Copy)]
pub(super) enum Columns {
    All,
    Key,
}

impl Object {
    /// Begins with what was done to which table.
    pub(super) fn new(op: &str, relation: &Relation) -> Self {
        let mut new = Self(Vec::with_capacity(256));
        new.0.push(b'{');
        new.text("op", op);
        new.text("schema", &relation.schema);
        new.text("table", &relation.table);
        new
    }

    fn name(&mut self, name: &str) {
        if !self.0.ends_with(b"{") {
            self.0.push(b',');
        }
        string(name, &mut self.0);
        self.0.push(b':');
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        string(text, &mut self.0);
    }

    pub(super) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.0.extend_from_slice(number.to_string().as_bytes());
    }

    pub(super) fn json(&mut self, name: &str, json: &Json) {
        self.name(name);
        self.0.extend_from_slice(json.to_string().as_bytes());
    }

    /// Columns of a row. What was not sent is left out.
    pub(super) fn row(
        &mut self,
        name: &str,
        relation: &Relation,
        row: &Tuple<'_>,
        columns: Columns,
    ) -> Result<(), RecordError> {
        self.name(name);
        self.0.push(b'{');
        for (column, value) in relation.columns.iter().zip(row) {
            if matches!(columns, Columns::Key) && !column.key {
                continue;
            }
            match value {
                Value::Unchanged => {}
                Value::Null => {
                    self.name(&column.name);
                    self.0.extend_from_slice(b"null");
                }
                Value::Text(text) => {
                    self.name(&column.name);
                    let written = column.kind.write(text, &mut self.0);
                    written.map_err(|error| error.at(format!("/{name}/{}", column.name)))?;
                }
            }
        }
        self.0.push(b'}');
        Ok(())
    }

    /// The names of the columns that were not sent, if there are any.
    pub(super) fn unchanged(&mut self, relation: &Relation, row: &Tuple<'_>) {
        let columns = relation.columns.iter().zip(row);
        let names: Vec<&str> = columns
            .filter(|(_, value)| **value == Value::Unchanged)
            .map(|(column, _)| column.name.as_str())
            .collect();
        if !names.is_empty() {
            self.json("unchanged", &names.into());
        }
    }

    /// The transaction, and the number of the change in it.
    pub(super) fn transaction(&mut self, transaction: &Transaction) {
        self.number("xid", transaction.xid.into());
        self.text("commit", &transaction.commit.to_string());
        self.number("seq", transaction.changes);
        if let Some(time) = time::of(transaction.time) {
            self.text("time", &time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
        }
    }

    pub(super) fn lsn(&mut self, lsn: Lsn) {
        self.text("lsn", &lsn.to_string());
    }

    pub(super) fn done(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}
