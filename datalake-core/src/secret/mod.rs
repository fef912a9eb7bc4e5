//! Values that must never be seen, and where they are looked up.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

mod credential;
mod kept;
mod local;
mod reference;
mod secrets;
#[cfg(test)]
mod tests;

pub use credential::Credential;
pub use local::{EnvSecrets, FileSecrets};
pub use reference::SecretRef;
pub use secrets::{SecretStore, Secrets};

/// A secret: a password, a token, a signing key.
///
/// It prints as `***`, cannot be serialised, and its memory is overwritten when the last clone goes. Call
/// [`expose`](Self::expose) only where the value leaves for the peer it is meant for.
///
/// ```
/// use datalake_core::Secret;
///
/// let token = Secret::new("s3cr3t");
/// assert_eq!(format!("{token:?}"), "***");
/// assert_eq!(token.expose(), "s3cr3t");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(value.into())))
    }

    /// The value itself. Never log it, format it into an error or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}
