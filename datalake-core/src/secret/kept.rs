//! One secret, fetched and kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Secret, SecretRef, SecretStore};
use crate::{Error, Result};

/// How often a secret that has become old is asked for while its store does not answer.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Kept {
    pub(super) name: SecretRef,
    store: Arc<dyn SecretStore>,
    lifetime: Duration,
    /// Held by the one that fetches. The others wait and take what it got.
    fetching: tokio::sync::Mutex<()>,
    values: Mutex<Values>,
}

#[derive(Default)]
struct Values {
    current: Option<(Secret, Instant)>,
    previous: Option<(Secret, Instant)>,
}

impl Kept {
    pub(super) fn new(name: SecretRef, store: Arc<dyn SecretStore>, lifetime: Duration) -> Self {
        Self { name, store, lifetime, fetching: tokio::sync::Mutex::new(()), values: Mutex::default() }
    }

    pub(super) async fn current(&self) -> Result<Secret> {
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let _one = self.fetching.lock().await;
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        match self.fetch().await {
            Ok(value) => Ok(value),
            Err(error) => {
                let mut values = self.values();
                let Some((old, until)) = &mut values.current else { return Err(error) };
                *until = Instant::now() + PAUSE;
                tracing::warn!(secret = %self.name, %error, "a secret could not be looked up again; the one known is used on");
                Ok(old.clone())
            }
        }
    }

    /// The value in the place of one that was refused; `None` if the store has no other.
    pub(super) async fn instead_of(&self, refused: &Secret) -> Result<Option<Secret>> {
        let _one = self.fetching.lock().await;
        let known = self.values().current.as_ref().map(|(value, _)| value.clone());
        if let Some(other) = known.filter(|known| known.expose() != refused.expose()) {
            return Ok(Some(other));
        }
        let value = self.fetch().await?;
        if value.expose() == refused.expose() {
            return Ok(None);
        }
        tracing::info!(secret = %self.name, "a secret has been rotated");
        Ok(Some(value))
    }

    pub(super) fn known(&self) -> Vec<Secret> {
        let values = self.values();
        values.current.iter().chain(&values.previous).map(|(value, _)| value.clone()).collect()
    }

    /// The value before the current one, if that has come within a time.
    pub(super) fn replaced_within(&self, time: Duration) -> Option<Secret> {
        let values = self.values();
        let (value, at) = values.previous.as_ref()?;
        (at.elapsed() <= time).then(|| value.clone())
    }

    fn fresh(&self) -> Option<Secret> {
        let values = self.values();
        let (value, until) = values.current.as_ref()?;
        (Instant::now() < *until).then(|| value.clone())
    }

    async fn fetch(&self) -> Result<Secret> {
        let named = |error: Error| error.with("secret", &self.name);
        let value = self.store.fetch(&self.name).await.map_err(named)?;
        if value.expose().is_empty() {
            return Err(named(Error::config("a secret is empty")));
        }
        let now = Instant::now();
        let mut values = self.values();
        let before = values.current.replace((value.clone(), now + self.lifetime));
        if let Some((before, _)) = before.filter(|(before, _)| before.expose() != value.expose()) {
            values.previous = Some((before, now));
        }
        Ok(value)
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
