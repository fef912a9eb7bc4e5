//! What is read, and what is new.

use std::time::Duration;

use datalake_core::{Error, Result};
use serde_json::{Value, json};

/// What is read in a cycle.
///
/// | | what a cycle reads | a row that commits late | an update | a delete |
/// |---|---|---|---|---|
/// | [`full`](Self::full) | everything, once | – | – | – |
/// | [`keyset`](Self::keyset) | rows with a greater timestamp | is missed if it is later than the look-back | is read if it moves the timestamp | is not seen |
/// | [`xid`](Self::xid) | rows of transactions that have ended since | is read | is read if a trigger moves the column | is not seen |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode(pub(super) Of);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    Full { edition: String },
    Keyset { cursor: String, id: Vec<String>, look_back: Duration },
    Xid { column: Option<String> },
}

impl Mode {
    /// The settings as lineage keeps them.
    pub(super) fn config(&self) -> Value {
        match &self.0 {
            Of::Full { edition } => json!({ "full": { "edition": edition } }),
            Of::Keyset { cursor, id, look_back } => {
                json!({ "keyset": { "cursor": cursor, "id": id, "look_back_seconds": look_back.as_secs_f64() } })
            }
            Of::Xid { column } => json!({ "xid": { "column": column } }),
        }
    }

    /// Everything, once: a run that is killed goes on after the last key that was committed, and when all is read, that
    /// was it. Another [edition](Self::edition) reads everything again.
    #[must_use]
    pub fn full() -> Self {
        Self(Of::Full { edition: String::new() })
    }

    /// Names the read of everything, for instance by its day. Where the name is another than that of the last read,
    /// everything is read again.
    #[must_use]
    pub fn edition(mut self, name: impl Into<String>) -> Self {
        if let Of::Full { edition } = &mut self.0 {
            *edition = name.into();
        }
        self
    }

    /// Everything at first, and then, in every cycle, rows with a greater `(timestamp, id)`. The columns of the id together
    /// name a row, and no column is NULL. It needs an index on the timestamp and the id, in this order.
    ///
    /// **A row is missed for ever if its transaction commits later, by more than the look-back, than the greatest
    /// timestamp seen**: the timestamp is that of the statement or the transaction, and not of the commit. Where
    /// that can happen, [`xid`](Self::xid) is the mode that misses nothing.
    ///
    /// Any type that can be compared will do in place of a timestamp, a number for instance. Then there is no look-back. A
    /// value behind which nothing would be found, an infinite time or number or `NaN`, is an error. With other columns a
    /// position is refused.
    #[must_use]
    pub fn keyset<I: Into<String>>(timestamp: impl Into<String>, id: impl IntoIterator<Item = I>) -> Self {
        let id = id.into_iter().map(Into::into).collect();
        Self(Of::Keyset { cursor: timestamp.into(), id, look_back: Duration::from_secs(300) })
    }

    /// How much before the greatest timestamp seen to ask again, five minutes by default. Of the rows there the newest
    /// thousand are remembered and not given twice; more may come again.
    #[must_use]
    pub fn look_back(mut self, by: Duration) -> Self {
        if let Of::Keyset { look_back, .. } = &mut self.0 {
            *look_back = by;
        }
        self
    }

    /// Everything at first, and then, in every cycle, rows written by transactions that have ended since: by a column of the
    /// type `xid8`, the one that the table has unless it is [named](Self::xid_column). Nothing is missed, whenever it
    /// commits, but for rows in which somebody sets the column to NULL. It needs
    ///
    /// ```sql
    /// ALTER TABLE orders ADD COLUMN written xid8 NOT NULL DEFAULT pg_current_xact_id();
    /// CREATE INDEX ON orders (written, id);
    /// ```
    ///
    /// and, so that updates are seen, a trigger that sets it. A column without `NOT NULL` needs a default or such a trigger. The oldest transaction that is still open, of any table,
    /// holds back what began after it.
    #[must_use]
    pub fn xid() -> Self {
        Self(Of::Xid { column: None })
    }

    /// Names the column of the type `xid8`.
    #[must_use]
    pub fn xid_column(mut self, name: impl Into<String>) -> Self {
        if let Of::Xid { column } = &mut self.0 {
            *column = Some(name.into());
        }
        self
    }

    /// The mode in a word.
    pub(super) fn name(&self) -> &'static str {
        match self.0 {
            Of::Full { .. } => "full",
            Of::Keyset { .. } => "keyset",
            Of::Xid { .. } => "xid",
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        match &self.0 {
            Of::Keyset { cursor, id, .. } if cursor.is_empty() || id.is_empty() => {
                Err(Error::config("a keyset has a timestamp and an id"))
            }
            Of::Keyset { cursor, id, .. } if id.contains(cursor) => {
                Err(Error::config("the timestamp of a keyset is no part of its id"))
            }
            _ => Ok(()),
        }
    }
}
