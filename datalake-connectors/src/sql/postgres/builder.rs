//! Settings of a read.

use std::time::Duration;

use serde_json::json;

use super::super::connection::Server;
use super::source::{Plan, PostgresSource};
use super::{KIND, Mode};
use datalake_core::{Credential, Dataset, Error, Result, Secret, Sha256, SourceInfo};

/// What is read.
#[derive(Debug, Clone)]
pub(super) enum From {
    Table(String),
    Query(String),
}

/// Settings of a [`PostgresSource`].
#[derive(Debug, Clone)]
pub struct PostgresSourceBuilder {
    dataset: Dataset,
    url: Secret,
    from: From,
    mode: Mode,
    password: Option<Credential>,
    trusted: Vec<u8>,
    columns: Vec<String>,
    key: Vec<String>,
    parallel: usize,
    range_bytes: u64,
    page: usize,
    batch_bytes: usize,
    poll_every: Duration,
    connect_timeout: Duration,
    statement_timeout: Duration,
    idle_timeout: Duration,
    redshift: bool,
}

impl PostgresSourceBuilder {
    pub(super) fn new(dataset: Dataset, url: Secret, from: From) -> Self {
        Self {
            dataset,
            url,
            from,
            mode: Mode::full(),
            password: None,
            trusted: Vec::new(),
            columns: Vec::new(),
            key: Vec::new(),
            parallel: 2,
            range_bytes: 8 << 20,
            page: 100_000,
            batch_bytes: 4 << 20,
            poll_every: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(20),
            statement_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(600),
            redshift: false,
        }
    }

    /// What a cycle reads. Everything, once, by default.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The password, in the place of one in the URL. With a name it is looked up for each connection, and once more if
    /// it is refused.
    #[must_use]
    pub fn password(mut self, password: impl Into<Credential>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Trusts these certificate authorities (PEM) too, besides those of the system.
    #[must_use]
    pub fn trust(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.trusted.extend_from_slice(pem.as_ref());
        self.trusted.push(b'\n');
        self
    }

    /// The columns to read, all by default. Those that the mode goes by are always read.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// The columns that together name a row, in the order of an index. By default those of the primary key; a query and a
    /// view have none. That they name a row is checked while reading.
    #[must_use]
    pub fn key(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Over how many connections a table is read when everything is, 1 to 16, 2 by default. All see the same state of
    /// it.
    #[must_use]
    pub fn parallel(mut self, connections: usize) -> Self {
        self.parallel = connections;
        self
    }

    /// How much of a table one connection reads at a time, in bytes on the disk of the server: 8 MiB by default. A table
    /// of less than twice as much is read over one connection.
    #[must_use]
    pub fn range_bytes(mut self, bytes: u64) -> Self {
        self.range_bytes = bytes;
        self
    }

    /// How many rows a statement gives at most, 100,000 by default.
    #[must_use]
    pub fn page_rows(mut self, rows: usize) -> Self {
        self.page = rows;
        self
    }

    /// The size of a batch, in bytes: 4 MiB by default. Only a longer row makes a longer one.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// How long to wait after a cycle before the next, a minute by default.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// The longest time to connect, 20 seconds by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server works on a statement before it gives it up, five minutes by default. The time in which it waits
    /// for the lake counts. What was given up is asked for again.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long the server keeps the state of a table for us while we ask nothing, ten minutes by default. Afterwards
    /// reading goes on in a newer state.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Reads by plain queries over one connection, as Amazon Redshift needs it, which has no `COPY … TO STDOUT` and no
    /// snapshots to share. The documents are rows in the format of `COPY` nevertheless. There is no mode
    /// [`xid`](Mode::xid) then.
    #[must_use]
    pub fn redshift(mut self) -> Self {
        self.redshift = true;
        self
    }

    /// Checks the settings. Asks nobody.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong.
    pub fn build(self) -> Result<PostgresSource> {
        self.check().map_err(|error| error.component(KIND))
    }

    fn check(self) -> Result<PostgresSource> {
        let server = Server::new(&self.url, self.password, &self.trusted, self.connect_timeout)?;
        self.mode.check()?;
        let lists = [&self.columns, &self.key];
        if lists.iter().any(|list| list.iter().enumerate().any(|(n, name)| list[..n].contains(name))) {
            return Err(Error::config("a column is named twice"));
        }
        let texts = lists.into_iter().flatten();
        let (text, what) = match &self.from {
            From::Table(name) => (name, name.clone()),
            From::Query(query) => {
                (query, format!("query-{}", &Sha256::of(query.as_bytes()).to_string()[..16]))
            }
        };
        if text.trim().is_empty() || texts.chain([text]).any(|text| text.contains('\0') || text.is_empty()) {
            return Err(Error::config("a table, a query and a column have a name"));
        }
        if matches!(&self.from, From::Query(query) if query.trim_end().ends_with(';')) {
            return Err(Error::config("a query is one statement, without a semicolon at its end"));
        }
        if self.page == 0
            || self.range_bytes == 0
            || self.batch_bytes == 0
            || !(1..=16).contains(&self.parallel)
        {
            return Err(Error::config("a page has a row, a batch a byte, and there are 1 to 16 connections"));
        }
        let times = [self.poll_every, self.connect_timeout, self.statement_timeout, self.idle_timeout];
        if times.iter().any(|time| time.as_millis() == 0 || time.as_millis() > i32::MAX as u128) {
            return Err(Error::config("a time is a millisecond at least and 24 days at most"));
        }
        let is_xid = self.mode.name() == "xid";
        if is_xid && (self.redshift || matches!(self.from, From::Query(_))) {
            return Err(Error::config("the mode xid reads a table of PostgreSQL"));
        }
        let locator = format!("{}/{what}", server.url);
        let info = SourceInfo::new(KIND, self.dataset, locator.clone()).with_config(json!({
            "url": server.url.to_string(),
            "from": match &self.from {
                From::Table(name) => json!({ "table": name }),
                From::Query(query) => json!({ "query": query }),
            },
            "mode": self.mode.config(),
            "columns": self.columns,
            "key": self.key,
            "redshift": self.redshift,
        }));
        let plan = Plan {
            server,
            locator: locator.into(),
            from: self.from,
            mode: self.mode,
            columns: self.columns,
            key: self.key,
            parallel: if self.redshift { 1 } else { self.parallel },
            range_bytes: self.range_bytes,
            page: self.page,
            batch_bytes: self.batch_bytes,
            poll_every: self.poll_every,
            statement_timeout: self.statement_timeout,
            idle_timeout: self.idle_timeout,
            redshift: self.redshift,
        };
        Ok(PostgresSource::new(info, plan))
    }
}
