//! Settings of the source.

use std::time::Duration;

use datalake_core::{Credential, Dataset, Error, Result, Secret, SourceInfo};
use serde_json::json;

use super::SYSTEM;
use super::publication::Table;
use super::session::Settings;
use super::source::{CdcSource, Pace};
use crate::sql::connection::Server;

/// The longest name that PostgreSQL takes.
const LONGEST_NAME: usize = 63;

/// Builds a [`CdcSource`].
#[derive(Debug, Clone)]
#[must_use]
pub struct CdcSourceBuilder {
    url: Secret,
    password: Option<Credential>,
    trusted: Vec<u8>,
    connect_timeout: Duration,
    slot: String,
    publication: String,
    dataset: Dataset,
    tables: Vec<String>,
    create: bool,
    first_load: bool,
    commit_within: Duration,
    batch_bytes: usize,
    document_bytes: usize,
    wait: Duration,
    status_every: Duration,
    check_every: Duration,
    warn_above: u64,
    advance_after: u64,
}

impl CdcSourceBuilder {
    pub(super) fn new(url: Secret, slot: String, publication: String, dataset: Dataset) -> Self {
        Self {
            url,
            password: None,
            trusted: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            slot,
            publication,
            dataset,
            tables: Vec::new(),
            create: false,
            first_load: false,
            commit_within: Duration::from_secs(1),
            batch_bytes: 4 << 20,
            document_bytes: 1 << 20,
            wait: Duration::from_secs(1),
            status_every: Duration::from_secs(10),
            check_every: Duration::from_secs(30),
            warn_above: 1 << 30,
            advance_after: 16 << 20,
        }
    }

    /// Sets the password, or where it is looked up. It goes before one in the URL. When it is refused, another is asked for
    /// once.
    pub fn password(mut self, password: impl Into<Credential>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Trusts the authorities of these certificates (PEM) beside those of the system.
    pub fn trust(mut self, certificates: impl Into<Vec<u8>>) -> Self {
        self.trusted = certificates.into();
        self
    }

    /// Sets the longest time to connect, 10 seconds without it.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Names the tables, as `schema.table` or as a table of `public`, both as in SQL: capital letters stand between double
    /// quotes. The publication must have them, or all partitions of them; it may have more, and then those are read too.
    pub fn tables<T: Into<String>>(mut self, tables: impl IntoIterator<Item = T>) -> Self {
        self.tables = tables.into_iter().map(Into::into).collect();
        self
    }

    /// Makes the publication, of the [tables](Self::tables) named, and the slot where there is none. Without it they are
    /// expected.
    pub fn create(mut self) -> Self {
        self.create = true;
        self
    }

    /// Begins a pipeline without a commit with what the tables hold, exactly as of where the slot begins. The slot then
    /// belongs to the pipeline: one of its name that is there before is dropped and made anew.
    pub fn first_load(mut self) -> Self {
        self.first_load = true;
        self
    }

    /// Sets how long changes may wait for others to share a commit, one second without it.
    pub fn commit_within(mut self, within: Duration) -> Self {
        self.commit_within = within;
        self
    }

    /// Sets how many bytes of documents a batch holds, 4 MiB without it, at most 8, unless one change has more.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// Sets after how many bytes a document ends, 1 MiB without it.
    pub fn document_bytes(mut self, bytes: usize) -> Self {
        self.document_bytes = bytes;
        self
    }

    /// Sets how long to wait for changes before the source says that there are none, one second without it.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how often the server is told what is durable when nothing new is, 10 seconds without it. It must be well
    /// below the server's `wal_sender_timeout`.
    pub fn status_every(mut self, every: Duration) -> Self {
        self.status_every = every;
        self
    }

    /// Sets how often to look how much log the slot holds, 30 seconds without it.
    pub fn check_every(mut self, every: Duration) -> Self {
        self.check_every = every;
        self
    }

    /// Warns when the slot holds more log than this, 1 GiB without it.
    pub fn warn_above(mut self, bytes: u64) -> Self {
        self.warn_above = bytes;
        self
    }

    /// Sets after how much log without a change of these tables the slot moves on, by a commit without records: 16 MiB
    /// without it.
    pub fn advance_after(mut self, bytes: u64) -> Self {
        self.advance_after = bytes;
        self
    }

    /// The source. Does not call the server.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) for a bad URL, name, certificate or bound.
    pub fn build(self) -> Result<CdcSource> {
        let bad = |why: &'static str| Error::config(why).component(SYSTEM);
        let server = Server::new(&self.url, self.password, &self.trusted, self.connect_timeout)
            .map_err(|error| error.component(SYSTEM))?;
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if !(1..=LONGEST_NAME).contains(&self.slot.len()) || !self.slot.bytes().all(plain) {
            return Err(bad("a slot has a name of 1 to 63 small letters, digits and underscores"));
        }
        if !(1..=LONGEST_NAME).contains(&self.publication.len()) || self.publication.contains('\0') {
            return Err(bad("a publication has a name of 1 to 63 bytes"));
        }
        if self.create && self.tables.is_empty() {
            return Err(bad("a publication is made of tables, and none is named"));
        }
        if !(1..=8 << 20).contains(&self.batch_bytes) || !(1..=8 << 20).contains(&self.document_bytes) {
            return Err(bad("a batch and a document hold 1 byte to 8 MiB"));
        }
        if [self.wait, self.status_every, self.check_every].contains(&Duration::ZERO) {
            return Err(bad("a time to wait is longer than nothing"));
        }
        let tables: Option<_> = self.tables.iter().map(|table| Table::parse(table)).collect();
        let tables = tables.ok_or_else(|| bad("a table is named as in SQL, alone or after its schema"))?;
        let locator = server.url.to_string();
        let config = json!({
            "url": locator,
            "slot": self.slot,
            "publication": self.publication,
            "tables": self.tables,
            "first_load": self.first_load,
        });
        let info = SourceInfo::new(SYSTEM, self.dataset, &locator)
            .with_commit(self.commit_within)
            .with_config(config);
        let settings = Settings {
            server,
            slot: self.slot,
            publication: self.publication,
            tables,
            create: self.create,
            first_load: self.first_load,
            locator: locator.into(),
            document_bytes: self.document_bytes,
            status_every: self.status_every,
            check_every: self.check_every,
            warn_above: self.warn_above,
        };
        let pace = Pace { batch_bytes: self.batch_bytes, wait: self.wait, advance_after: self.advance_after };
        Ok(CdcSource::new(info, settings, pace))
    }
}
