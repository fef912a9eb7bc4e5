//! Tables and queries of PostgreSQL.
//!
//! ```
//! use datalake_connectors::sql::postgres::{Mode, PostgresSource};
//!
//! let orders = PostgresSource::table("shop/orders".parse()?, "postgres://lake@db.example/shop", "sales.orders")
//!     .password("s3cr3t")
//!     .mode(Mode::xid())
//!     .build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! **Bytes.** Documents are what `COPY (SELECT …) TO STDOUT` writes, a line a row, of at most a
//! [batch](PostgresSourceBuilder::batch_bytes). The [`CopyDecoder`] makes JSON of them, by the columns and types that each
//! document names: a column that is added between two cycles is in the documents from then on.
//!
//! **Values.** Every value comes without loss. Numbers keep their digits, `json` its text, times are RFC 3339 in UTC,
//! `bytea` is base64, arrays and rows of composite types are arrays and objects, and any other type is the text of the
//! server. NULL is `null`. `NaN`, `Infinity`, `infinity` are strings.
//!
//! **Cycles.** A cycle reads what the [`Mode`] says, in the order of a key, in one `READ ONLY`, `REPEATABLE READ`
//! transaction, page after page. It begins again where a table was emptied or rewritten as it began. Then the source idles for [`poll_every`](PostgresSourceBuilder::poll_every), and a drain
//! ends there. A large table is read by ranges of its key over several connections, which share one snapshot. The
//! snapshot is in the lineage of each document.
//!
//! **Going on.** The position holds the key of the last row. After a crash, or when the server has ended a statement or a
//! transaction, reading goes on after that key, in a newer state of the table: each key comes once, and a row that was
//! changed between the two states comes with what is new, or, in the mode `full`, as it was where it was read. The time up
//! to which a cycle reads stays.
//!
//! **What is missed.** A timestamp cannot tell when a row was committed: see [`Mode::keyset`]. Deletes are seen by none of
//! the modes: they need change data capture.
//!
//! **Rights.** `SELECT` on the table and no more. Row-level security hides rows from the role as it always does, without an
//! error.

mod builder;
mod copy;
mod cycle;
mod mode;
mod position;
mod rows;
mod same;
mod schema;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod walk;

pub use builder::PostgresSourceBuilder;
pub use copy::CopyDecoder;
pub use mode::Mode;
pub use source::PostgresSource;

/// The kind of the source.
const KIND: &str = "sql.postgres";
