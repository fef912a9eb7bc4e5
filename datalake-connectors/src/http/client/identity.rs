//! A client certificate at work.

use tokio::sync::OnceCell;

use super::Bounds;
use super::transport::Transport;
use crate::http::auth::{Auth, Kind};
use crate::http::origin::Origin;
use datalake_core::{Credential, Error, Result};

/// Connections that show a client certificate. They are set up at the first request, since the key may have to be looked
/// up.
pub(super) struct Identity {
    chain: Vec<u8>,
    key: Credential,
    trusted: Vec<u8>,
    bounds: Bounds,
    transport: OnceCell<Transport>,
}

impl Identity {
    /// `None` if the auth is another. A key that is known already is checked.
    ///
    /// # Errors
    /// `ConfigInvalid` if the origin does not speak TLS, or the certificate and the key cannot be used.
    pub(super) fn new(auth: &Auth, origin: &Origin, trusted: &[u8], bounds: Bounds) -> Result<Option<Self>> {
        let Kind::Certificate(chain, key) = &auth.0 else { return Ok(None) };
        if !origin.is_secure() {
            return Err(Error::config("a client certificate needs https"));
        }
        if let Some(key) = key.value() {
            Transport::with_identity(trusted, true, bounds, Some((chain, key)))?;
        }
        let (chain, key, trusted) = (chain.clone(), key.clone(), trusted.to_vec());
        Ok(Some(Self { chain, key, trusted, bounds, transport: OnceCell::new() }))
    }

    pub(super) async fn transport(&self) -> Result<&Transport> {
        let set_up = async {
            let key = self.key.current().await?;
            Transport::with_identity(&self.trusted, true, self.bounds, Some((&self.chain, &key)))
        };
        self.transport.get_or_try_init(|| set_up).await
    }
}
