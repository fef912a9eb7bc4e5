//! What a component proves itself with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::kept::Kept;
use super::{Secret, SecretRef};
use crate::Result;

/// What a component proves itself with: a secret, or the name of one, looked up when it is needed.
///
/// A component takes `impl Into<Credential>`, so that both can be given. It asks for the [current](Self::current) value
/// with every request, and when the peer refuses it, once for the one [in its place](Self::instead_of): then a rotation
/// in the middle of a run costs one request and loses nothing.
///
/// Cloning is cheap; clones share what is kept. `Debug` shows the name, or `***`.
#[derive(Clone)]
pub struct Credential(Of);

#[derive(Clone)]
enum Of {
    Value(Secret),
    Name(Arc<Kept>),
}

impl Credential {
    pub(super) fn kept(kept: Arc<Kept>) -> Self {
        Self(Of::Name(kept))
    }

    /// The value. Fetches it if there is none, or if the one kept is past its lifetime.
    ///
    /// **Single flight**: of several calls at the same time one fetches. Dropping a call harms no other.
    ///
    /// # Errors
    /// The secret cannot be had. The error names it and never shows it.
    pub async fn current(&self) -> Result<Secret> {
        match &self.0 {
            Of::Value(value) => Ok(value.clone()),
            Of::Name(kept) => kept.current().await,
        }
    }

    /// The value in the place of one that the peer has refused: fetched anew, unless another call has done so already.
    /// `None` if there is no other.
    ///
    /// # Errors
    /// The secret cannot be had.
    pub async fn instead_of(&self, refused: &Secret) -> Result<Option<Secret>> {
        match &self.0 {
            Of::Value(_) => Ok(None),
            Of::Name(kept) => kept.instead_of(refused).await,
        }
    }

    /// The value, if it was given as one and never changes.
    #[must_use]
    pub fn value(&self) -> Option<&Secret> {
        match &self.0 {
            Of::Value(value) => Some(value),
            Of::Name(_) => None,
        }
    }

    /// The name, if it was given by one.
    #[must_use]
    pub fn name(&self) -> Option<&SecretRef> {
        match &self.0 {
            Of::Value(_) => None,
            Of::Name(kept) => Some(&kept.name),
        }
    }

    /// The values seen so far that a peer may still repeat, to keep them out of texts: the current and the one before.
    #[must_use]
    pub fn known(&self) -> Vec<Secret> {
        match &self.0 {
            Of::Value(value) => vec![value.clone()],
            Of::Name(kept) => kept.known(),
        }
    }

    /// The value before the current one, if it was replaced at most so long ago. A receiver accepts it for a while, since
    /// senders rotate later than stores.
    #[must_use]
    pub fn replaced_within(&self, time: Duration) -> Option<Secret> {
        match &self.0 {
            Of::Value(_) => None,
            Of::Name(kept) => kept.replaced_within(time),
        }
    }
}

impl<S: Into<Secret>> From<S> for Credential {
    fn from(value: S) -> Self {
        Self(Of::Value(value.into()))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Of::Value(value) => value.fmt(f),
            Of::Name(kept) => write!(f, "{}", kept.name),
        }
    }
}
