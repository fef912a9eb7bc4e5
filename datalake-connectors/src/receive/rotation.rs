//! Secrets of senders that are exchanged for others while they send.

use std::time::Duration;

use datalake_core::{Credential, Result, Secret};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the secret before a rotation is still taken: senders go over to a new one as late as this.
const OVERLAP: Duration = Duration::from_secs(3600);
/// How often at most what does not hold makes us look secrets up again. Anybody can send it.
const PAUSE: Duration = Duration::from_secs(5);

/// The secret that was exchanged for the current one, as long as it is still taken.
pub(crate) fn before(named: &Credential) -> Option<Secret> {
    named.replaced_within(OVERLAP)
}

/// When secrets were looked up again at last.
#[derive(Debug, Default)]
pub(crate) struct Renewal(Mutex<Option<Instant>>);

impl Renewal {
    /// Looks secrets up again, unless that was done a moment ago, and gives whether it was. Whoever asks meanwhile waits.
    ///
    /// # Errors
    /// A secret cannot be had.
    pub(crate) async fn of(&self, named: &[Credential]) -> Result<bool> {
        let mut renewed = self.0.lock().await;
        if renewed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Ok(false);
        }
        *renewed = Some(Instant::now());
        for named in named {
            let current = named.current().await?;
            named.instead_of(&current).await?;
        }
        Ok(true)
    }
}
