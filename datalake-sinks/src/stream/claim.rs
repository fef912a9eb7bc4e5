//! Records that are too large for a stream.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::store::{ObjectStore, PutOptions, check_key};
use datalake_core::{Error, Result, Sha256};

/// Objects written at once.
const AT_ONCE: usize = 8;

/// What happens to a record that is too large for the stream.
#[derive(Clone, Default)]
pub struct Oversized(Option<ClaimCheck>);

#[derive(Clone)]
pub(super) struct ClaimCheck {
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Oversized {
    /// It is refused, and goes to quarantine.
    #[must_use]
    pub fn refuse() -> Self {
        Self(None)
    }

    /// It is kept as an object under a prefix, `<prefix>/<dataset>/<event id>`, and the event names the object in
    /// `dataref` in place of its data. The object is there before the event. Nothing removes it: let the store do so
    /// once the stream's retention is over.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if the prefix cannot be part of a key.
    pub fn refer(store: Arc<dyn ObjectStore>, prefix: impl Into<String>) -> Result<Self> {
        let prefix = prefix.into();
        check_key(&prefix)?;
        Ok(Self(Some(ClaimCheck { store, prefix })))
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn claim_check(&self) -> Option<&ClaimCheck> {
        self.0.as_ref()
    }

    pub(crate) fn describe(&self) -> String {
        self.0.as_ref().map_or_else(|| "refused".into(), |check| check.uri(""))
    }
}

impl fmt::Debug for Oversized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oversized({})", self.describe())
    }
}

impl ClaimCheck {
    pub(super) fn key(&self, dataset: &str, id: &str) -> String {
        format!("{}/{dataset}/{id}", self.prefix)
    }

    pub(super) fn uri(&self, key: &str) -> String {
        let (uri, key) = (self.store.uri(), if key.is_empty() { &self.prefix } else { key });
        if uri.ends_with('/') { format!("{uri}{key}") } else { format!("{uri}/{key}") }
    }
}

/// An object to be, with the record that is too large for the stream.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(super) key: String,
    pub(super) body: Bytes,
    pub(super) media: &'static str,
}

/// Makes the objects durable, before any event names them.
pub(crate) async fn deposit(oversized: &Oversized, claims: Vec<Claim>) -> Result<()> {
    let Some(check) = oversized.claim_check().filter(|_| !claims.is_empty()) else { return Ok(()) };
    let mut claims = claims.into_iter();
    loop {
        let some: Vec<_> = claims.by_ref().take(AT_ONCE).map(|claim| put(check, claim)).collect();
        if some.is_empty() {
            return Ok(());
        }
        futures::future::try_join_all(some).await?;
    }
}

async fn put(check: &ClaimCheck, claim: Claim) -> Result<()> {
    let options = PutOptions {
        sha256: Some(Sha256::of(&claim.body)),
        content_type: Some(claim.media),
        ..PutOptions::default()
    };
    let put = check.store.put(&claim.key, claim.body.into(), options).await;
    put.map_err(|error: Error| error.with("key", &claim.key))
}
