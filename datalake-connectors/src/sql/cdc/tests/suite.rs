//! The suite of every source, over changes that are there and changes that are made.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use datalake_core::split::Decoders;
use datalake_core::testkit::{Fed, Outcome, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait, source_suite};

use super::server::{PASSWORD, Silo, decoders};
use crate::sql::cdc::CdcSourceBuilder;
use crate::sql::cdc::assembly::Assembly;

/// Changes of two tables, and a second slot from which the server itself tells what they are.
struct Changes {
    silo: Silo,
    fed: AtomicUsize,
    failed: AtomicUsize,
}

impl Changes {
    async fn new() -> Option<Self> {
        let silo = Silo::new("the suite of change data capture").await?;
        silo.sql(
            "CREATE TABLE shops (id int PRIMARY KEY, name text); CREATE TABLE notes (id int PRIMARY KEY, text text)",
        );
        silo.publish("shops, notes");
        silo.slot(&format!("{}_seen", silo.name));
        silo.sql("INSERT INTO shops SELECT n, 'shop ' || n FROM generate_series(1, 9) n");
        silo.sql("UPDATE shops SET name = 'x' WHERE id = 3; INSERT INTO notes VALUES (1, 'a')");
        silo.sql("UPDATE shops SET id = 33 WHERE id = 3");
        silo.sql("DELETE FROM shops WHERE id > 7; TRUNCATE notes");
        silo.sql("INSERT INTO notes SELECT n, 'note' FROM generate_series(1, 4) n");
        Some(Self { silo, fed: AtomicUsize::new(0), failed: AtomicUsize::new(0) })
    }

    fn builder(silo: &Silo) -> CdcSourceBuilder {
        silo.builder().document_bytes(150).batch_bytes(300)
    }

    /// The records that the server's own function gives.
    fn seen(silo: &Silo) -> Vec<Bytes> {
        let rows = silo.database.sql(&format!(
            "SELECT pg_wal_lsn_diff(lsn, '0/0'), encode(data, 'hex') FROM pg_logical_slot_peek_binary_changes(\
             '{}_seen', NULL, NULL, 'proto_version', '1', 'publication_names', 'all_tables')",
            silo.name
        ));
        let mut assembly = Assembly::new("".into(), "", 8 << 20, super::decoding::BEGINNING);
        for row in rows.lines() {
            let (lsn, hex) = row.split_once('|').unwrap();
            let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            let message: Vec<u8> = bytes.collect();
            assembly.push(super::frames::frame(lsn.parse().unwrap(), &message)).unwrap();
        }
        let mut bodies = Vec::new();
        for document in assembly.take() {
            decoders().split(&document, |piece| {
                assert!(piece.error.is_none());
                bodies.push(piece.body);
            });
        }
        bodies
    }
}

#[async_trait]
impl SourceHarness for Changes {
    /// The process that had the source before is gone, and its connections with it.
    async fn open(&self) -> Result<Box<dyn Source>> {
        self.silo.way().hang_up();
        Ok(Box::new(Self::builder(&self.silo).build()?))
    }

    fn decoders(&self) -> Decoders {
        decoders()
    }

    fn expected(&self) -> Vec<Bytes> {
        Self::seen(&self.silo)
    }

    async fn feed(&self) -> Option<Fed> {
        let silo = &self.silo;
        let before = Self::seen(silo).len();
        let n = 100 + self.fed.fetch_add(1, Ordering::Relaxed);
        silo.sql(&format!("INSERT INTO notes VALUES ({n}, 'fed'); DELETE FROM notes WHERE id = {n}"));
        Some(Fed::new(Self::seen(silo).split_off(before)))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let change = |what: &str| self.silo.database.sql(&format!("ALTER ROLE {} {what}", self.silo.name));
        let kind = match self.failed.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => ErrorKind::Unavailable,
            1 => {
                change("PASSWORD 'another'");
                ErrorKind::Unauthenticated
            }
            2 => {
                change("NOREPLICATION");
                ErrorKind::PermissionDenied
            }
            _ => return None,
        };
        match kind {
            ErrorKind::Unavailable => self.silo.way().cut(),
            _ => self.silo.way().hang_up(),
        }
        Some(kind)
    }

    async fn mend(&self) {
        self.silo.way().mend();
        self.silo.database.sql(&format!("ALTER ROLE {} REPLICATION PASSWORD '{PASSWORD}'", self.silo.name));
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into()]
    }

    fn shown(&self) -> Vec<String> {
        let builder = Self::builder(&self.silo);
        vec![format!("{builder:?}"), format!("{:?}", builder.clone().build().unwrap())]
    }
}

source_suite!(
    changes,
    match Changes::new().await {
        Some(changes) => changes,
        None => return Ok(Outcome::Skipped("there is no server to test with")),
    }
);
