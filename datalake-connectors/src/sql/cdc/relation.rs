//! What is known of tables, and travels with the documents that name them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lsn::Lsn;
use super::message;
use crate::sql::value::Kind;

/// A table as it was when the change was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) table: String,
    /// The replica identity: `d` for the primary key, `i` for an index, `f` for the whole row, `n` for nothing.
    pub(super) identity: char,
    pub(super) columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// What its values mean.
    #[serde(flatten)]
    pub(super) kind: Kind,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) key: bool,
}

/// A transaction that began before the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transaction {
    pub(super) xid: u32,
    /// Where its commit is.
    pub(super) commit: Lsn,
    /// When it was committed, microseconds since 2000.
    pub(super) time: i64,
    /// How many of its changes came before the document.
    #[serde(default)]
    pub(super) changes: u64,
}

/// What a document of changes must be read with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Context {
    /// The transaction that the document begins in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transaction: Option<Transaction>,
    /// The tables it names, by their numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) relations: BTreeMap<u32, Arc<Relation>>,
}

/// What is known of the types that the database has beside those that every one has.
#[derive(Debug, Clone, Default)]
pub(super) struct Types(pub(super) HashMap<u32, Kind>);

impl Relation {
    /// Whether some of the columns name a row.
    pub(super) fn has_key(&self) -> bool {
        matches!(self.identity, 'd' | 'i') && self.columns.iter().any(|column| column.key)
    }
}

impl Types {
    /// What the values of a type mean. Of one that is unknown they are text.
    pub(super) fn kind(&self, oid: u32) -> Kind {
        Kind::built_in(oid).or_else(|| self.0.get(&oid).cloned()).unwrap_or(Kind::Text)
    }

    /// A table as a message describes it.
    pub(super) fn relation(&self, relation: &message::Relation<'_>) -> Relation {
        let column = |column: &message::Column<'_>| Column {
            name: column.name.to_owned(),
            kind: self.kind(column.oid),
            key: column.key,
        };
        Relation {
            schema: relation.schema.to_owned(),
            table: relation.table.to_owned(),
            identity: char::from(relation.identity),
            columns: relation.columns.iter().map(column).collect(),
        }
    }
}

impl From<message::Begin> for Transaction {
    fn from(begin: message::Begin) -> Self {
        Self { xid: begin.xid, commit: begin.commit, time: begin.time, changes: 0 }
    }
}
