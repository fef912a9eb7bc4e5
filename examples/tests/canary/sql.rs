//! Passwords of databases.

use std::fmt::Debug;
use std::time::Duration;

use datalake_connectors::sql::cdc::CdcSource;
use datalake_connectors::sql::postgres::PostgresSource;
use datalake_core::lake::Lake;
use datalake_core::{Dataset, ErrorKind, Secrets, Source};
use datalake_simulators::postgres::{Cluster, Database};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::silo::run_once;
use super::watch::{Canary, log, search};

/// A password that is right, one that is wrong, and a role of a database.
struct Silo {
    database: Database<'static>,
    role: String,
    right: Canary,
    wrong: Canary,
}

impl Silo {
    fn new(name: &str) -> Option<Self> {
        let database = Cluster::shared("the search for passwords of PostgreSQL")?.database();
        let (right, wrong) = (Canary::new(name), Canary::new(&format!("{name}-wrong")));
        let role = database.name().to_owned();
        database.sql(&format!(
            "CREATE ROLE {role} LOGIN REPLICATION PASSWORD '{}'; GRANT CREATE ON DATABASE {role} TO {role}; \
             GRANT CREATE ON SCHEMA public TO {role}",
            right.value
        ));
        database.sql(&format!(
            "SET ROLE {role}; CREATE TABLE shops (id bigint PRIMARY KEY, name text); \
             INSERT INTO shops SELECT n, 'shop ' || n || '.' FROM generate_series(1, 5) n"
        ));
        database.sql("CREATE TABLE others (id bigint PRIMARY KEY)");
        Some(Self { database, role, right, wrong })
    }

    /// The URL for a password, which is in it as URLs have it.
    fn url(&self, password: Option<&Canary>) -> String {
        let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        match password {
            Some(password) => self.database.url_of(&format!("{}:{}", self.role, encoded(&password.value))),
            None => self.database.url_of(&self.role),
        }
    }
}

/// What was read into a lake, and how runs have ended.
struct Runs {
    place: TempDir,
    lake: Lake,
    shown: Vec<String>,
    written: u64,
    quarantined: u64,
    met: Vec<ErrorKind>,
}

impl Runs {
    fn new() -> Self {
        log();
        let place = TempDir::new().unwrap();
        let lake = Lake::local(place.path().join("lake")).unwrap();
        Self { place, lake, shown: Vec::new(), written: 0, quarantined: 0, met: Vec::new() }
    }

    async fn run<B: Debug, S: Source + Debug>(
        &mut self,
        builder: B,
        build: impl Fn(B) -> datalake_core::Result<S>,
    ) {
        self.shown.push(format!("{builder:?} {builder:#?}"));
        let source = match build(builder) {
            Ok(source) => source,
            Err(error) => {
                self.met.push(error.kind());
                return self.shown.push(super::silo::told(&error));
            }
        };
        let name = format!("p{}", self.shown.len());
        match run_once(&self.lake, &name, source, "shop 3.", &mut self.shown).await {
            Ok(counts) => {
                self.written += counts.written;
                self.quarantined += counts.quarantined;
            }
            Err(kind) => self.met.push(kind),
        }
    }

    fn search(&self, silo: &Silo, kinds: &[ErrorKind]) {
        assert!(self.written > 0 && self.quarantined > 0, "{} {}", self.written, self.quarantined);
        for kind in kinds {
            assert!(self.met.contains(kind), "{kind:?} is not among {:?}", self.met);
        }
        search(&[&silo.right, &silo.wrong], &self.shown, &[self.place.path()]);
    }
}

/// A server that asks for the password in plain text and repeats it in every field of its refusal.
async fn repeating() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://lake@{}/lake", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                loop {
                    let length = stream.read_u32().await?;
                    let mut rest = vec![0; length as usize - 4];
                    stream.read_exact(&mut rest).await?;
                    // Whoever asks for TLS first gets none.
                    if rest != 80_877_103_u32.to_be_bytes() {
                        break;
                    }
                    stream.write_all(b"N").await?;
                }
                stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await?;
                let _kind = stream.read_u8().await?;
                let mut told = vec![0; stream.read_u32().await? as usize - 4];
                stream.read_exact(&mut told).await?;
                let told = String::from_utf8_lossy(&told).trim_end_matches('\0').to_owned();
                let fields: String = "SMDHWstcdnFR".chars().map(|field| format!("{field}{told}\0")).collect();
                let body = format!("VFATAL\0C28P01\0{fields}\0");
                stream.write_all(b"E").await?;
                stream.write_u32(u32::try_from(body.len() + 4).unwrap()).await?;
                stream.write_all(body.as_bytes()).await
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_of_databases_that_are_read_are_nowhere() {
    let Some(silo) = Silo::new("sql") else { return };
    let (mut runs, dataset) = (Runs::new(), || Dataset::new("d").unwrap());
    let file = silo_file(&silo);
    let named = Secrets::new().credential(&format!("file:{}", file.path().join("key").display())).unwrap();
    let table = |url: String, table: &str| {
        PostgresSource::table(dataset(), url, table).poll_every(Duration::from_millis(1))
    };
    let (right, wrong) = (silo.right.value.as_str(), silo.wrong.value.as_str());
    let url = || silo.url(None);
    let repeats = repeating().await;
    for builder in [
        table(silo.url(Some(&silo.right)), "shops"),
        table(url(), "shops").password(right),
        table(url(), "shops").password(named),
        table(silo.url(Some(&silo.wrong)), "shops"),
        table(url(), "shops").password(wrong),
        table(url(), "others").password(right),
        table(url(), "none").password(right),
        table(url().replace("127.0.0.1", "127.0.0.1:1,127.0.0.1"), "shops").password(right),
        table(format!("postgres://lake:{right}@127.0.0.1:1/lake"), "shops"),
        table("postgres://lake@127.0.0.1:1/lake".into(), "shops").password(right),
        table(repeats.clone(), "shops").password(right),
        table(repeats, "shops").password(wrong),
    ] {
        runs.run(builder, |builder| builder.build()).await;
    }
    let kinds = [
        ErrorKind::Unauthenticated,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
        ErrorKind::Unavailable,
    ];
    runs.search(&silo, &kinds);
}

fn silo_file(silo: &Silo) -> TempDir {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("key"), &silo.right.value).unwrap();
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_of_databases_whose_changes_are_read_are_nowhere() {
    let Some(silo) = Silo::new("cdc") else { return };
    let mut runs = Runs::new();
    let changes = |url: String, slot: &str| {
        CdcSource::builder(url, format!("{}_{slot}", silo.role), "shops", Dataset::new("d").unwrap())
            .tables(["shops"])
            .create()
            .first_load()
            .wait(Duration::from_millis(50))
            .connect_timeout(Duration::from_secs(5))
    };
    let (right, wrong) = (silo.right.value.as_str(), silo.wrong.value.as_str());
    let url = || silo.url(None);
    let repeats = repeating().await;
    for builder in [
        changes(silo.url(Some(&silo.right)), "a"),
        changes(url(), "b").password(right),
        changes(silo.url(Some(&silo.wrong)), "a"),
        changes(url(), "a").password(wrong),
        changes(format!("{}none", url().trim_end_matches(&silo.role)), "a").password(right),
        changes("postgres://lake@127.0.0.1:1/lake".into(), "a").password(right),
        changes(repeats.clone(), "a").password(right),
        changes(repeats, "a").password(wrong),
    ] {
        runs.run(builder, |builder| builder.build()).await;
    }
    for slot in ["a", "b"] {
        silo.database.sql(&format!("SELECT pg_drop_replication_slot('{}_{slot}')", silo.role));
    }
    runs.search(&silo, &[ErrorKind::Unauthenticated, ErrorKind::NotFound, ErrorKind::Unavailable]);
}
