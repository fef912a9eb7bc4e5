//! The promises of every source, in each mode.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use super::{Mode, PostgresSource, PostgresSourceBuilder, database, dataset, read, texts};
use datalake_core::split::Decoders;
use datalake_core::testkit::{Fed, Outcome, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait, source_suite};
use datalake_simulators::postgres::Database;

const PASSWORD: &str = "s3cr3t-0123";

/// A database with a table of orders, and a role that may read it.
struct Silo {
    database: Database<'static>,
    role: String,
    source: PostgresSourceBuilder,
    expected: Vec<Bytes>,
    grows: bool,
    next: Mutex<u32>,
    failure: Mutex<usize>,
}

impl Silo {
    async fn new(set: impl Fn(PostgresSourceBuilder) -> PostgresSourceBuilder, grows: bool) -> Option<Self> {
        let database = database()?;
        let role = format!("reader_{}", database.name());
        database.sql(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';
             CREATE TABLE orders (id bigint PRIMARY KEY, name text, at timestamptz NOT NULL DEFAULT now(),
                                  written xid8 NOT NULL DEFAULT pg_current_xact_id());
             CREATE UNIQUE INDEX ON orders (at, id);
             INSERT INTO orders SELECT n, 'order ' || n, '2024-01-01'::timestamptz + (n / 4) * interval '1 day'
             FROM generate_series(1, 11) AS n;
             GRANT SELECT ON orders TO {role}"
        ));
        let url = database.url_of(&format!("{role}:{PASSWORD}"));
        let source = PostgresSource::table(dataset(), url, "orders")
            .poll_every(Duration::from_millis(1))
            .page_rows(3)
            .batch_bytes(150);
        let source = set(source);
        let expected = tokio::time::timeout(Duration::from_secs(60), all(&source)).await.unwrap();
        let (next, failure) = (Mutex::new(12), Mutex::new(0));
        Some(Self { database, role, source, expected, grows, next, failure })
    }
}

/// The rows there are, once nobody holds them back: to the mode that goes by transactions, those of other tests matter.
async fn all(source: &PostgresSourceBuilder) -> Vec<Bytes> {
    loop {
        let all = texts(&read(&source.clone().batch_bytes(1 << 20), None).await.unwrap());
        if all.len() == 11 {
            return all.into_iter().map(Bytes::from).collect();
        }
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.source.clone().build()?))
    }

    fn decoders(&self) -> Decoders {
        super::decoders()
    }

    fn expected(&self) -> Vec<Bytes> {
        self.expected.clone()
    }

    async fn feed(&self) -> Option<Fed> {
        if !self.grows {
            return None;
        }
        let n = std::mem::replace(&mut *self.next.lock().unwrap(), 0);
        *self.next.lock().unwrap() = n + 1;
        self.database.sql(&format!("INSERT INTO orders VALUES ({n}, NULL)"));
        let row = read(&self.source.clone().mode(Mode::full()).key(["id"]), None).await.unwrap();
        Some(Fed::new(texts(&row).pop()))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut next = self.failure.lock().unwrap();
        let role = &self.role;
        let failures = [
            (format!("ALTER ROLE {role} PASSWORD 'another'"), ErrorKind::Unauthenticated),
            (format!("ALTER ROLE {role} CONNECTION LIMIT 0"), ErrorKind::RateLimited),
            (format!("REVOKE SELECT ON orders FROM {role}"), ErrorKind::PermissionDenied),
            ("ALTER TABLE orders RENAME TO gone".to_owned(), ErrorKind::NotFound),
        ];
        let failure = failures.into_iter().nth(*next);
        *next = if failure.is_some() { *next + 1 } else { 0 };
        let (statement, kind) = failure?;
        self.database.sql(&format!(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = '{role}'; {statement}"
        ));
        Some(kind)
    }

    async fn mend(&self) {
        let role = &self.role;
        self.database.sql(&format!(
            "ALTER TABLE IF EXISTS gone RENAME TO orders; GRANT SELECT ON orders TO {role};
             ALTER ROLE {role} PASSWORD '{PASSWORD}' CONNECTION LIMIT -1"
        ));
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build())]
    }
}

/// A silo, or the end of the case.
macro_rules! silo {
    ($set:expr, $grows:expr) => {
        match Silo::new($set, $grows).await {
            Some(silo) => silo,
            None => return Ok(Outcome::Skipped("DATALAKE_POSTGRES is not set")),
        }
    };
}

source_suite!(of_all, silo!(|source| source, false));
source_suite!(of_all_in_ranges, silo!(|source| source.parallel(3).range_bytes(1), false));
source_suite!(of_all_by_plain_queries, silo!(|source| source.redshift().key(["id"]), false));
source_suite!(by_timestamp_and_id, silo!(|source| source.mode(Mode::keyset("at", ["id"])), true));
source_suite!(
    by_timestamp_without_looking_back,
    silo!(|source| source.mode(Mode::keyset("at", ["id"]).look_back(Duration::ZERO)), true)
);
source_suite!(by_transaction, silo!(|source| source.mode(Mode::xid()), true));
