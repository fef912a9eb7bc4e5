//! The settings that all sources have that ask over HTTP.

use std::time::Duration;

use super::client::Bounds;
use datalake_core::{Error, Result};

/// How a server is reached: what a request may cost, and who may answer it.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) bounds: Bounds,
    /// The certificate authorities that are trusted besides those of the system (PEM).
    pub(crate) trusted: Vec<u8>,
}

impl Reach {
    /// So long a silence, and pages of 64 MiB.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { bounds: Bounds::new(timeout, 64 << 20), trusted: Vec::new() }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let Bounds { timeout, whole, body } = self.bounds;
        if timeout.is_zero() || whole.is_zero() || body == 0 {
            return Err(Error::config("a bound of nothing allows nothing"));
        }
        Ok(())
    }
}

/// The setters of the [`Reach`] in a builder's member `reach`.
macro_rules! setters {
    (timeout: $timeout:literal) => {
        #[doc = $timeout]
        #[must_use]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.reach.bounds.timeout = timeout;
            self
        }

        /// The longest that one answer may take from the request to its last byte, however steadily it comes. One hour by
        /// default.
        #[must_use]
        pub fn answer_within(mut self, time: std::time::Duration) -> Self {
            self.reach.bounds.whole = time;
            self
        }

        /// The largest page in bytes, compressed or not, 64 MiB by default.
        #[must_use]
        pub fn max_body(mut self, bytes: usize) -> Self {
            self.reach.bounds.body = bytes;
            self
        }

        /// Trusts these certificate authorities (PEM) too, besides those of the system.
        #[must_use]
        pub fn trust(mut self, pem: impl AsRef<[u8]>) -> Self {
            self.reach.trusted.extend_from_slice(pem.as_ref());
            self.reach.trusted.push(b'\n');
            self
        }
    };
}

pub(crate) use setters;
