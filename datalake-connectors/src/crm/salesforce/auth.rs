//! Who we are to Salesforce.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use crate::http::percent;
use datalake_core::{Credential, Error, Result, Secret};

/// How long an assertion is good for, in seconds. The system takes three to five minutes at most, and its clock may
/// be behind ours.
const LIFE: i64 = 180;

/// How a worker logs in to Salesforce.
///
/// Both ways need an app in the organisation that allows them (an External Client App, or a connected app in older
/// organisations). Client credentials also need a user the app runs as, and the My Domain host as the URL of the source.
///
/// The secret or key goes to the token endpoint of the configured host alone.
#[derive(Clone)]
pub struct SalesforceAuth(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Client { id: String, secret: Credential },
    Jwt { id: String, user: String, key: Credential, audience: Option<String> },
}

impl SalesforceAuth {
    /// By the id and secret of the app (RFC 6749, section 4.4).
    pub fn client_credentials(client_id: impl Into<String>, client_secret: impl Into<Credential>) -> Self {
        Self(Kind::Client { id: client_id.into(), secret: client_secret.into() })
    }

    /// By an assertion signed with the app's private key, for a user who has approved the app (RFC 7523). The key is
    /// RSA in PEM, PKCS #8 or PKCS #1.
    pub fn jwt_bearer(
        client_id: impl Into<String>,
        user: impl Into<String>,
        private_key: impl Into<Credential>,
    ) -> Self {
        Self(Kind::Jwt { id: client_id.into(), user: user.into(), key: private_key.into(), audience: None })
    }

    /// Whom the assertion is for: `https://login.salesforce.com` unless set, `https://test.salesforce.com` for a
    /// sandbox, or the URL of a site. Nothing for client credentials.
    #[must_use]
    pub fn audience(mut self, url: impl Into<String>) -> Self {
        if let Kind::Jwt { audience, .. } = &mut self.0 {
            *audience = Some(url.into());
        }
        self
    }

    /// The secret, or the key.
    pub(super) fn credential(&self) -> &Credential {
        match &self.0 {
            Kind::Client { secret, .. } => secret,
            Kind::Jwt { key, .. } => key,
        }
    }

    /// The form that asks for a token.
    ///
    /// # Errors
    /// `ConfigInvalid` if the key cannot be used.
    pub(super) fn form(&self, credential: &Secret, now: DateTime<Utc>) -> Result<Secret> {
        let mut form = String::new();
        match &self.0 {
            Kind::Client { id, .. } => {
                percent::pair(&mut form, "grant_type", "client_credentials");
                percent::pair(&mut form, "client_id", id);
                percent::pair(&mut form, "client_secret", credential.expose());
            }
            Kind::Jwt { id, user, audience, .. } => {
                let audience = audience.as_deref().unwrap_or("https://login.salesforce.com");
                let claims = json!({
                    "iss": id, "sub": user, "aud": audience, "exp": now.timestamp() + LIFE,
                });
                percent::pair(&mut form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                percent::pair(&mut form, "assertion", &assertion(&claims.to_string(), credential)?);
            }
        }
        Ok(Secret::new(form))
    }

    /// Checks a key that is known already.
    pub(super) fn check(&self) -> Result<()> {
        match (&self.0, self.credential().value()) {
            (Kind::Jwt { .. }, Some(key)) => pair(key).map(drop),
            _ => Ok(()),
        }
    }
}

/// A signed token of claims (RFC 7515, compact).
fn assertion(claims: &str, key: &Secret) -> Result<String> {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let pair = pair(key)?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| Error::config("the private key cannot sign"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key out of its text. Nothing of it is shown.
fn pair(key: &Secret) -> Result<RsaKeyPair> {
    let refused = || Error::config("the private key is no RSA key in PEM, of 2048 bits or more");
    let pem = key.expose().as_bytes();
    match PrivateKeyDer::from_pem_slice(pem).map_err(|_| refused())? {
        PrivateKeyDer::Pkcs8(key) => {
            let key: PrivatePkcs8KeyDer<'_> = key;
            RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| refused())
        }
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(|_| refused()),
        _ => Err(refused()),
    }
}

impl fmt::Debug for SalesforceAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Client { id, secret } => {
                f.debug_struct("ClientCredentials").field("id", id).field("secret", secret).finish()
            }
            Kind::Jwt { id, user, key, audience } => f
                .debug_struct("JwtBearer")
                .field("id", id)
                .field("user", user)
                .field("key", key)
                .field("audience", audience)
                .finish(),
        }
    }
}
