//! Who may send.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_core::{Credential, Entropy as _, Error, Result, Secret, SystemEntropy};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap};

use super::refusal::{Refusal, refusal};
use super::rotation::{self, Renewal};

const LOCKED: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "passwords cannot be checked now");

/// The users and their passwords. None means that everybody may send.
pub(crate) struct Access {
    users: Vec<(String, Credential)>,
    renewal: Renewal,
    /// A key of this life: what is compared is an HMAC, so that time tells nothing.
    blind: Hmac<sha2::Sha256>,
}

impl Access {
    pub(crate) fn new(users: Vec<(String, Credential)>) -> Result<Self> {
        let empty =
            |password: &Credential| password.value().is_some_and(|password| password.expose().is_empty());
        if users.iter().any(|(_, password)| empty(password)) {
            return Err(Error::config("a password to let senders in is empty"));
        }
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&SystemEntropy.bits().to_le_bytes());
        }
        let blind =
            Hmac::new_from_slice(&key).map_err(|_| Error::unexpected("a key has the wrong length"))?;
        Ok(Self { users, renewal: Renewal::default(), blind })
    }

    /// Whether everybody may send.
    pub(crate) fn is_open(&self) -> bool {
        self.users.is_empty()
    }

    /// Looks every password up that is named.
    pub(crate) async fn ready(&self) -> Result<()> {
        for (_, password) in &self.users {
            password.current().await?;
        }
        Ok(())
    }

    /// Whether a user with a password may send.
    pub(crate) async fn admits(&self, user: &str, password: &Secret) -> Result<bool, Refusal> {
        if self.knows(user, password).await? {
            return Ok(true);
        }
        Ok(self.renew(user).await? && self.knows(user, password).await?)
    }

    async fn knows(&self, user: &str, password: &Secret) -> Result<bool, Refusal> {
        let given = self.mac(password).finalize().into_bytes();
        let mut known = false;
        for (_, credential) in self.users.iter().filter(|(name, _)| name == user) {
            let current = credential.current().await.map_err(locked)?;
            for right in [Some(current), rotation::before(credential)].into_iter().flatten() {
                known |= self.mac(&right).verify_slice(&given).is_ok();
            }
        }
        Ok(known)
    }

    /// Looks the passwords of a user up again that are named, unless that was done a moment ago. Gives whether it was.
    async fn renew(&self, user: &str) -> Result<bool, Refusal> {
        let named = self.users.iter().filter(|(name, password)| name == user && password.name().is_some());
        let named: Vec<Credential> = named.map(|(_, password)| password.clone()).collect();
        Ok(!named.is_empty() && self.renewal.of(&named).await.map_err(locked)?)
    }

    fn mac(&self, password: &Secret) -> Hmac<sha2::Sha256> {
        self.blind.clone().chain_update(password.expose())
    }
}

fn locked(error: Error) -> Refusal {
    tracing::warn!(%error, "a password cannot be looked up");
    LOCKED
}

/// User and password of a request.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let (scheme, text) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let text = STANDARD.decode(text.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(text).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("users", &self.users.len()).finish_non_exhaustive()
    }
}
