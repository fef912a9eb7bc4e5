//! The stores that secrets are looked up in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::kept::Kept;
use super::{Credential, EnvSecrets, FileSecrets, Secret, SecretRef};
use crate::{Error, Result};

/// How long a secret is used before it is looked up again, unless set.
const LIFETIME: Duration = Duration::from_secs(300);

/// A store of secrets under one scheme.
///
/// It answers every call anew: [`Secrets`] keeps what was fetched, makes one call out of several at the same time, and
/// names the secret in errors. A store does not retry.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// What stands before the colon in the names of its secrets.
    fn scheme(&self) -> &'static str;

    /// The value as it is now. May be called side by side.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is none of the name; the kind that tells what to do otherwise.
    /// Never with the value, or a part of it, in the text.
    async fn fetch(&self, name: &SecretRef) -> Result<Secret>;
}

/// The stores that a worker looks up its secrets in. Those of the machine, `env:` and `file:`, are always there.
///
/// What was fetched is kept for a [lifetime](Self::lifetime), in memory, and looked up again when a peer refuses it. If
/// it cannot be looked up again only because it is old, it is used on. Clones share what they keep.
///
/// ```
/// use datalake_core::{Secrets, SecretRef};
///
/// # async fn example() -> datalake_core::Result<()> {
/// let secrets = Secrets::new();
/// let key = secrets.credential("file:/run/secrets/shop-key")?;
/// assert_eq!(format!("{key:?}"), "file:/run/secrets/shop-key");
/// let now = key.current().await?;
/// assert_eq!(format!("{now:?}"), "***");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Secrets {
    stores: BTreeMap<&'static str, Arc<dyn SecretStore>>,
    lifetime: Duration,
    kept: Arc<Mutex<BTreeMap<SecretRef, Arc<Kept>>>>,
}

impl Secrets {
    /// The stores of the machine.
    pub fn new() -> Self {
        let none = Self { stores: BTreeMap::new(), lifetime: LIFETIME, kept: Arc::default() };
        none.store(EnvSecrets).store(FileSecrets)
    }

    /// Adds a store, in the place of the one of its scheme.
    pub fn store(mut self, store: impl SecretStore) -> Self {
        self.stores.insert(store.scheme(), Arc::new(store));
        self.kept = Arc::default();
        self
    }

    /// Looks a secret up again once it is so old, five minutes by default.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self.kept = Arc::default();
        self
    }

    /// The secret of a name, for a component to look up when it needs it. Fetches nothing yet.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if the text is no name, or of a scheme without a store.
    pub fn credential(&self, name: &str) -> Result<Credential> {
        name.parse().and_then(|name| self.named(&name))
    }

    /// The same for a name that is parsed already.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if its scheme has no store.
    pub fn named(&self, name: &SecretRef) -> Result<Credential> {
        let Some(store) = self.stores.get(name.scheme()) else {
            let known: Vec<_> = self.stores.keys().copied().collect();
            return Err(Error::config("there is no store for secrets of that scheme")
                .with("schemes", known.join(", ")));
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept
            .entry(name.clone())
            .or_insert_with(|| Arc::new(Kept::new(name.clone(), Arc::clone(store), self.lifetime)));
        Ok(Credential::kept(Arc::clone(kept)))
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("schemes", &self.stores.keys())
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
