//! The keys that events are signed with, looked up where they are named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_core::{Credential, Error, Result, Secret};
use hmac::{Hmac, KeyInit as _};
use zeroize::Zeroizing;

use crate::receive::rotation::{self, Renewal};

/// A key made ready.
pub(super) type Mac = Hmac<sha2::Sha256>;

/// How a key is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Writing {
    /// As the text itself.
    Text,
    /// In base64, with or without `whsec_` before it.
    Whsec,
}

/// The keys of a receiver.
pub(super) struct Keys {
    fixed: Vec<Mac>,
    named: Vec<Credential>,
    writing: Writing,
    renewal: Renewal,
}

/// The keys as they are now.
pub(super) struct Ready {
    pub(super) macs: Vec<Mac>,
    /// Why a key is missing.
    pub(super) missing: Option<Error>,
}

impl Keys {
    pub(super) fn none() -> Self {
        Self { fixed: Vec::new(), named: Vec::new(), writing: Writing::Text, renewal: Renewal::default() }
    }

    pub(super) fn new(secrets: &[Credential], writing: Writing) -> Result<Self> {
        let mut keys = Self { writing, ..Self::none() };
        for secret in secrets {
            match secret.value() {
                Some(value) => keys.fixed.push(writing.read(value)?),
                None => keys.named.push(secret.clone()),
            }
        }
        Ok(keys)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.fixed.len() + self.named.len()
    }

    /// Whether keys can come in the place of others.
    pub(super) fn can_change(&self) -> bool {
        !self.named.is_empty()
    }

    /// The keys that events may be signed with now: each as it is, and as it was if it has just been rotated.
    pub(super) async fn ready(&self) -> Ready {
        let mut ready = Ready { macs: self.fixed.clone(), missing: None };
        for named in &self.named {
            let current = match named.current().await {
                Ok(current) => self.writing.read(&current),
                Err(error) => Err(error),
            };
            let before = rotation::before(named).map(|before| self.writing.read(&before));
            for key in [Some(current), before].into_iter().flatten() {
                match key {
                    Ok(key) => ready.macs.push(key),
                    Err(error) => ready.missing = Some(error),
                }
            }
        }
        ready
    }

    /// Looks named keys up again, unless that was done a moment ago.
    ///
    /// # Errors
    /// A key cannot be had.
    pub(super) async fn renew(&self) -> Result<()> {
        self.renewal.of(&self.named).await.map(drop)
    }
}

impl Writing {
    /// A key out of its text. The cause of a failure is left out: it quotes a character of the secret.
    fn read(self, secret: &Secret) -> Result<Mac> {
        let text = secret.expose();
        let bytes = Zeroizing::new(match self {
            Self::Whsec => STANDARD
                .decode(text.strip_prefix("whsec_").unwrap_or(text))
                .map_err(|_| Error::config("a secret of Standard Webhooks is base64 after whsec_"))?,
            Self::Text => text.as_bytes().to_vec(),
        });
        if bytes.is_empty() {
            return Err(Error::config("a secret to verify events with is empty"));
        }
        Hmac::new_from_slice(&bytes).map_err(|_| Error::config("a secret has the wrong length"))
    }
}
