//! PostgreSQL: the real one, in a cluster that a test starts and that does not outlive it.
//!
//! ```no_run
//! use datalake_simulators::postgres::Cluster;
//!
//! if let Some(cluster) = Cluster::shared("reading a table") {
//!     let database = cluster.database();
//!     database.sql("CREATE TABLE shops (id bigint PRIMARY KEY, name text)");
//!     println!("{}", database.url());
//! }
//! ```

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

mod builder;
mod process;

pub use builder::Builder;
use process::Server;

/// Where the programs of PostgreSQL are: `initdb`, `postgres` and `psql`.
const VARIABLE: &str = "DATALAKE_POSTGRES";

/// A cluster of databases on a free port of 127.0.0.1, with logical decoding, without a promise that anything survives
/// a crash of the machine.
///
/// The superuser `postgres` needs no password. Every other role needs its own (SCRAM), over TLS where there is a
/// certificate, and without. The cluster stops when it is dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    server: Server,
}

/// A database of a [`Cluster`].
#[derive(Debug, Clone)]
pub struct Database<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Cluster {
    /// The one cluster of this process, started by the first who asks. `None` if `DATALAKE_POSTGRES` is not set; then
    /// `left_out`, which says what is not tested, goes to standard error.
    ///
    /// # Panics
    /// If the cluster does not start.
    #[must_use]
    pub fn shared(left_out: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        let builder = Self::builder(left_out)?;
        Some(SHARED.get_or_init(|| builder.start()))
    }

    /// The settings of a cluster of its own. `None` if `DATALAKE_POSTGRES` is not set, as for [`shared`](Self::shared).
    #[must_use]
    pub fn builder(left_out: &str) -> Option<Builder> {
        Builder::find(VARIABLE, left_out)
    }

    /// The port of 127.0.0.1 it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Makes a database that no other test has.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn database(&self) -> Database<'_> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Database { cluster: self, name: "postgres".into() }.sql(&format!("CREATE DATABASE {name}"));
        Database { cluster: self, name }
    }

    /// A database that is there already, by its name.
    #[must_use]
    pub fn named(&self, name: &str) -> Database<'_> {
        Database { cluster: self, name: name.into() }
    }

    /// Kills the server with everything it does, as a power cut would, and starts it again on the same port.
    ///
    /// # Panics
    /// If it does not come back.
    pub fn crash(&mut self) {
        self.server.crash();
    }

    /// What the server has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }
}

impl Database<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, for the superuser, in plain text.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Its URL for a role, `name` or `name:password`.
    #[must_use]
    pub fn url_of(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{}", self.cluster.port(), self.name)
    }

    /// Runs statements, as the superuser, and gives what they give: a line a row, with `|` between fields. Several
    /// statements are one transaction.
    ///
    /// # Panics
    /// If one of them fails, with what the server says.
    pub fn sql(&self, statements: &str) -> String {
        let output = process::psql(&self.cluster.programs, &self.url(), statements);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_survives_a_crash_and_nothing_else() {
        let Some(builder) = Cluster::builder("a cluster of PostgreSQL") else { return };
        let mut cluster = builder.setting("max_connections", "20").start();
        let name = {
            let database = cluster.database();
            database.sql("CREATE TABLE t (n int)");
            database.sql("INSERT INTO t VALUES (1), (NULL)");
            database.sql("CHECKPOINT");
            database.name().to_owned()
        };
        cluster.crash();
        let again = cluster.named(&name);
        assert_eq!(again.sql("SELECT n FROM t; SHOW max_connections"), "1\n\n20");
        let folder = again.sql("SHOW data_directory");
        drop(cluster);
        assert!(!std::path::Path::new(&folder).exists());
    }
}
