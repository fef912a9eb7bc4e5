//! A database of the real server, a slot in it, and a way to it that can be cut.

use std::sync::Arc;
use std::time::Duration;

use datalake_core::split::Decoders;
use datalake_core::{Dataset, Next, Position, Source, SourceBatch};
use datalake_simulators::postgres::{Cluster, Database};
use serde_json::Value;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::sql::cdc::{CdcSource, CdcSourceBuilder, PgLoadDecoder, PgOutputDecoder};

/// How long something that must happen may take.
pub(super) const SOON: Duration = Duration::from_secs(20);
pub(super) const PASSWORD: &str = "canary-8Wq3";

/// A database with a role of its own that may replicate. Its slots go with it.
pub(super) struct Silo {
    pub(super) database: Database<'static>,
    pub(super) name: String,
    way: Way,
}

/// A way to the server that can be cut.
pub(super) struct Way {
    port: u16,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, state) = watch::channel(true);
        tokio::spawn(async move {
            let mut ended = state.clone();
            loop {
                let mut near = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    _ = async { while ended.changed().await.is_ok() {} } => return,
                };
                let mut state = state.clone();
                tokio::spawn(async move {
                    if !*state.borrow_and_update() {
                        return;
                    }
                    let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.changed() => {}
                    }
                });
            }
        });
        Self { port, open }
    }

    pub(super) fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Ends the connections that there are.
    pub(super) fn hang_up(&self) {
        self.open.send_modify(|_| {});
    }

    pub(super) fn mend(&self) {
        self.open.send_if_modified(|open| !std::mem::replace(open, true));
    }
}

impl Silo {
    /// `None` if there is no server to test with.
    pub(super) async fn new(left_out: &str) -> Option<Self> {
        let cluster = Cluster::shared(left_out)?;
        let database = cluster.database();
        let name = database.name().to_owned();
        database.sql(&format!(
            "CREATE ROLE {name} LOGIN REPLICATION PASSWORD '{PASSWORD}'; \
             GRANT CREATE ON DATABASE {name} TO {name}; GRANT CREATE ON SCHEMA public TO {name}"
        ));
        // What was done is seen at once.
        database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = on"));
        let way = Way::to(cluster.port()).await;
        Some(Self { database, name, way })
    }

    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    /// Runs statements as the role that reads, which then owns what they make.
    pub(super) fn sql(&self, statements: &str) -> String {
        self.database.sql(&format!("SET ROLE {}; {statements}", self.name))
    }

    /// Makes a publication of everything that the role owns, named `all_tables`, and a slot.
    pub(super) fn publish(&self, tables: &str) {
        self.sql(&format!("CREATE PUBLICATION all_tables FOR TABLE {tables}"));
        self.slot(&self.name);
    }

    pub(super) fn slot(&self, name: &str) {
        self.database.sql(&format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"));
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://{}:{PASSWORD}@127.0.0.1:{}/{}", self.name, self.way.port, self.name)
    }

    pub(super) fn builder(&self) -> CdcSourceBuilder {
        CdcSource::builder(self.url(), &self.name, "all_tables", Dataset::new("changes").unwrap())
            .wait(Duration::from_millis(50))
    }

    /// A column of the view of slots.
    pub(super) fn of_slot(&self, column: &str) -> String {
        let sql = format!("SELECT {column} FROM pg_replication_slots WHERE slot_name = '{}'", self.name);
        self.database.sql(&sql)
    }

    /// Waits until something is so of the slot.
    pub(super) async fn until(&self, condition: &str) {
        let until = Instant::now() + SOON;
        while self.of_slot(condition) != "t" {
            let slot = self.of_slot("*");
            assert!(Instant::now() < until, "{condition} is not so of {slot}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Silo {
    fn drop(&mut self) {
        let of = format!("FROM pg_replication_slots WHERE database = '{}'", self.name);
        // The server sees that a reader is gone when it looks the next time.
        for _ in 0..200 {
            self.database.sql(&format!("SELECT pg_terminate_backend(active_pid) {of} AND active"));
            let dropped = format!("SELECT count(pg_drop_replication_slot(slot_name)) {of} AND NOT active");
            self.database.sql(&dropped);
            if self.database.sql(&format!("SELECT count(*) {of}")) == "0" {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(super) fn decoders() -> Decoders {
    Decoders::default().with(Arc::new(PgOutputDecoder)).with(Arc::new(PgLoadDecoder))
}

/// The records of batches; what cannot be read is null.
pub(super) fn records<'a>(batches: impl IntoIterator<Item = &'a SourceBatch>) -> Vec<Value> {
    let mut records = Vec::new();
    for document in batches.into_iter().flat_map(|batch| &batch.documents) {
        decoders().split(document, |piece| {
            records.push(match piece.error {
                None => serde_json::from_slice(&piece.body).unwrap(),
                Some(_) => Value::Null,
            });
        });
    }
    records
}

/// Reads until the source says that there is nothing more now.
pub(super) async fn drain(source: &mut CdcSource) -> Vec<SourceBatch> {
    let mut batches = Vec::new();
    loop {
        match source.next_batch().await.unwrap() {
            Next::Batch(batch) => batches.push(batch),
            _ => return batches,
        }
    }
}

/// Reads until so many records have come.
pub(super) async fn take(source: &mut CdcSource, wanted: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let reading = async {
        while found.len() < wanted {
            if let Next::Batch(batch) = source.next_batch().await.unwrap() {
                found.extend(records([&batch]));
            }
        }
    };
    timeout(SOON, reading).await.unwrap_or_else(|_| panic!("there were not {wanted} records"));
    found
}

/// Opens a source after a position, and reads until there is nothing more now.
pub(super) async fn read(
    builder: CdcSourceBuilder,
    position: Option<&Position>,
) -> (CdcSource, Vec<SourceBatch>) {
    let mut source = builder.build().unwrap();
    source.seek(position).await.unwrap();
    let batches = drain(&mut source).await;
    (source, batches)
}
