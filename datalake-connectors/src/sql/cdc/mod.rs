//! Changes of tables of PostgreSQL, by logical replication: `sql.postgres.cdc`.
//!
//! [`CdcSource`] reads a replication slot of the plugin `pgoutput`: every insert, update, delete and truncate of the tables of
//! a publication, in the order of their commits, and before that, if asked, what the tables held where the slot begins.
//!
//! ```no_run
//! use datalake_connectors::sql::cdc::CdcSource;
//! use datalake_core::{Dataset, Result, Secret};
//!
//! # fn example(url: Secret, password: Secret) -> Result<CdcSource> {
//! CdcSource::builder(url, "lake", "lake", Dataset::new("shop-changes")?)
//!     .password(password)
//!     .tables(["public.orders", "public.customers"])
//!     .create()
//!     .first_load()
//!     .build()
//! # }
//! ```
//!
//! # Records
//!
//! ```json
//! {"op":"update","schema":"public","table":"orders","before":{"id":7},"key":{"id":8},"after":{"id":8,"state":"paid"},
//!  "unchanged":["document"],"xid":744,"commit":"0/1A2B3C","seq":2,"time":"2026-11-26T18:00:00.000000Z","lsn":"0/1A2B00"}
//! ```
//!
//! | member | what it is |
//! |---|---|
//! | `op` | `insert`, `update`, `delete`, `truncate`; `read` for a row of the first load, `load` where one begins |
//! | `key` | the columns of the replica identity, after the change; of a delete, before it. None where the identity is the whole row, or nothing |
//! | `before` | of an update that changes the key, the key of before; with `REPLICA IDENTITY FULL`, the whole row of before |
//! | `after` | the row, but for what is `unchanged` |
//! | `unchanged` | columns whose long values (TOAST) did not change and were not sent: keep those that you have. With `REPLICA IDENTITY FULL` they are taken from before, and there are none |
//! | `xid`, `commit`, `time` | the transaction, where in the log its commit is, and when it was |
//! | `seq` | the number of the change in its transaction; `commit` and `seq` order all changes |
//! | `lsn` | where in the log the change is; of `read` and `load`, where the first load stands |
//! | `tables` | of `load`: the tables that are loaded. Whatever was known of them before no longer counts |
//!
//! A state is made by taking records in order: `load` and `truncate` empty tables, `delete` removes a key, all others put
//! `after` under their key; an update that has a `before` with another key removes that, once it has taken from it what is
//! unchanged. Values are those of `sql.postgres`: numbers digit for digit, times in RFC 3339.
//!
//! # What the server keeps for us, and until when
//!
//! The slot moves on only after the commit of what was read: the server is told what is durable in the lake and never
//! more, also where nothing changes. It keeps its log until then. While other tables or databases change, a commit without
//! records moves the slot on every [`advance_after`](CdcSourceBuilder::advance_after) bytes, while the source catches up too,
//! and at once when the server asks for it because it stops.
//!
//! A worker that does not run makes the log grow until the disk of the server is full, or until
//! `max_slot_wal_keep_size` ends the slot. The source warns when the slot holds more than
//! [`warn_above`](CdcSourceBuilder::warn_above). What is missing is an error, [`PositionInvalid`]: a slot that is lost, was
//! dropped, or was moved by others, and a server that is another one, or was restored to what it was before what was read.
//! Nothing goes on by itself over such a gap.
//!
//! # The first load
//!
//! The slot is made in a transaction that sees exactly what was committed where it begins. In it all tables are read, one
//! after the other, and then the changes after it. If it is interrupted, that moment is gone: the next run drops the
//! slot, makes it again, and loads again from the beginning, with another `load` that says so. Between the last row and
//! the first change there is no gap and nothing twice.
//!
//! A table that is truncated, or written anew by an `ALTER TABLE`, after that moment and before it is reached, is empty to the
//! load too, and the server does not send that it was rewritten. The load sees it, ends with an error that can be tried again, and
//! begins again. Rows that a policy (row-level security) would hide are an error.
//!
//! # What is not told
//!
//! Changes of tables as such (DDL) do not come. Documents say which columns they have, so a column that was added is in
//! `after` from the first change that has it. A table that joins the publication later, a partition too, is read from its next
//! change on, without what it held. Changes of a partitioned table name the partition, unless the publication has
//! `publish_via_partition_root`. Sequences, large objects and columns that are generated do not come either.
//! A table without a replica identity can only be inserted into; PostgreSQL itself refuses the rest.
//!
//! # Raw
//!
//! A document holds frames as they came over the wire, of begin, changes and commit; what the tables were like is in its
//! format. Documents of the first load are text of `COPY`. Long transactions go over several documents and commits:
//! so the lake may hold the beginning of a transaction before its end.
//!
//! # The server
//!
//! PostgreSQL 10 or later with `wal_level = logical`, and a role with `REPLICATION` that may connect and may read
//! the tables. To [`create`](CdcSourceBuilder::create) the publication it must own them. Tried with PostgreSQL 15.
//!
//! [`PositionInvalid`]: datalake_core::ErrorKind::PositionInvalid

mod assembly;
mod builder;
mod connect;
mod decoder;
mod error;
mod frame;
mod growth;
mod history;
mod json;
mod load;
mod load_decoder;
mod lsn;
mod message;
mod position;
mod progress;
mod publication;
mod relation;
mod session;
mod slot;
mod source;
#[cfg(test)]
mod tests;
mod time;
mod types;
mod wire;

pub use builder::CdcSourceBuilder;
pub use decoder::PgOutputDecoder;
pub use load_decoder::PgLoadDecoder;
pub use source::CdcSource;

const SYSTEM: &str = "sql.postgres.cdc";
const SCHEMA: &str = "sql.postgres.cdc/1";
