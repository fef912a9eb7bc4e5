//! The replication slot, as the server sees it.

use std::time::Duration;

use datalake_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;

use super::SYSTEM;
use super::error::gone;
use super::lsn::Lsn;
use super::position::Log;
use super::wire::{Row, Wire};
use crate::sql::connection::{identifier, literal};

/// How long another connection may take to let go of the slot, for instance that of a worker that was killed.
const LET_GO: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A slot at some moment.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) plugin: String,
    pub(super) database: String,
    /// Everything before this has been taken by us.
    pub(super) confirmed: Lsn,
    /// `reserved`, `extended`, `unreserved` or `lost`; empty before PostgreSQL 13.
    pub(super) status: String,
    /// How many bytes of log the server keeps for it.
    pub(super) held: u64,
    /// How many more it may before it is lost, if there is a limit.
    pub(super) safe: Option<i64>,
    /// The end of the server's log.
    pub(super) end: Lsn,
}

impl Slot {
    pub(super) async fn read(wire: &mut Wire, name: &str) -> Result<Option<Self>> {
        // With asynchronous commits, what is committed may not be written yet.
        let end = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END";
        let sql = format!(
            "SELECT s.plugin, s.database, s.confirmed_flush_lsn, to_jsonb(s)->>'wal_status', \
             pg_wal_lsn_diff({end}, s.restart_lsn)::bigint, to_jsonb(s)->>'safe_wal_size', {end} \
             FROM pg_replication_slots s WHERE s.slot_name = {}",
            literal(name)
        );
        let row = wire.query(&sql).await?.into_iter().next();
        Ok(row.map(|row| Self {
            plugin: row.text(0).into(),
            database: row.text(1).into(),
            confirmed: row.parse::<Lsn>(2).unwrap_or_default(),
            status: row.text(3).into(),
            held: row.parse(4).unwrap_or_default(),
            safe: row.parse(5),
            end: row.parse(6).unwrap_or_default(),
        }))
    }

    /// Whether it is one that we can read, and still has what follows.
    pub(super) fn usable(&self, name: &str, database: &str) -> Result<()> {
        if self.plugin != "pgoutput" || self.database != database {
            return Err(Error::config("the slot is of another plugin or of another database")
                .component(SYSTEM)
                .with("slot", name)
                .with("plugin", &self.plugin)
                .with("database", &self.database));
        }
        match self.status.as_str() {
            "lost" => Err(gone("the server has removed the log that the slot held", name)),
            _ => Ok(()),
        }
    }

    /// Whether it still has what follows a place.
    pub(super) fn reaches(&self, name: &str, log: &Log) -> Result<()> {
        if self.confirmed > log.lsn {
            let why = "the slot was moved past what was read: changes between are lost";
            return Err(gone(why, name).with("read", log.lsn).with("slot_at", self.confirmed));
        }
        if self.end < log.lsn {
            let why = "the server's log ends before what was read: it was restored to what it was before";
            return Err(gone(why, name).with("read", log.lsn).with("log_ends", self.end));
        }
        Ok(())
    }

    /// Makes one. With `load`, the transaction that is open sees what the slot begins after. Gives the row that the server
    /// answers with, and where the slot begins.
    pub(super) async fn create(wire: &mut Wire, name: &str, load: bool) -> Result<(Row, Lsn)> {
        let snapshot = if load { "USE_SNAPSHOT" } else { "NOEXPORT_SNAPSHOT" };
        let sql = format!("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput {snapshot}", identifier(name));
        wire.be_patient(true);
        let row = wire.query(&sql).await?.into_iter().next();
        wire.be_patient(load);
        let begin = row.as_ref().and_then(|row| row.parse(1));
        row.zip(begin).ok_or_else(|| super::error::broken("a slot was made and nobody says where it begins"))
    }

    /// Removes it, once nobody reads it.
    pub(super) async fn drop(wire: &mut Wire, name: &str) -> Result<()> {
        let sql = format!("SELECT pg_drop_replication_slot({})", literal(name));
        when_free(wire, &sql, Command::Query).await
    }

    /// Begins to stream, once nobody else does.
    pub(super) async fn start(wire: &mut Wire, name: &str, publication: &str, from: Lsn) -> Result<()> {
        let sql = format!(
            "START_REPLICATION SLOT {} LOGICAL {from} (proto_version '1', publication_names {})",
            identifier(name),
            literal(&identifier(publication))
        );
        when_free(wire, &sql, Command::Stream).await
    }
}

#[derive(Clone, Copy)]
enum Command {
    Query,
    Stream,
}

async fn when_free(wire: &mut Wire, sql: &str, command: Command) -> Result<()> {
    let until = Instant::now() + LET_GO;
    loop {
        let done = match command {
            Command::Query => wire.query(sql).await.map(drop),
            Command::Stream => wire.copy(sql).await,
        };
        match done {
            Err(error) if wire.refused == Some(SqlState::OBJECT_IN_USE) => {
                if Instant::now() >= until {
                    return Err(Error::new(ErrorKind::Unavailable, "another worker reads the slot")
                        .component(SYSTEM)
                        .caused_by(error));
                }
                sleep(LOOK_AGAIN).await;
            }
            done => return done,
        }
    }
}
