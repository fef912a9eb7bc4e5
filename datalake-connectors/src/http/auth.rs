//! Who we are to a server.

use std::fmt;

use datalake_core::Credential;

/// The grant type of RFC 7522.
const SAML_BEARER: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";
/// The parameter that holds an assertion.
pub(super) const ASSERTION: &str = "assertion";

/// Credentials for an HTTP server. They are sent to the configured origin and nowhere else.
///
/// A secret is given as a value, or as a [`Credential`] by name. One that is named is looked up again when the server
/// answers 401 or 403, and the request sent once more if it has changed.
///
/// ```
/// use datalake_connectors::web::{Auth, OAuth2};
///
/// let key = Auth::api_key_header("X-Api-Key", "s3cr3t");
/// assert!(!format!("{key:?}").contains("s3cr3t"));
///
/// let oauth = Auth::from(OAuth2::client_credentials("https://login.example/token", "worker", "s3cr3t").scope("read"));
/// assert!(!format!("{oauth:?}").contains("s3cr3t"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Auth(pub(super) Kind);

#[derive(Debug, Clone, Default)]
pub(super) enum Kind {
    #[default]
    None,
    Basic(String, Credential),
    Bearer(Credential),
    /// A token, the name of a parameter and the secret that proves the token in it.
    Proven(Credential, String, Credential),
    /// A server, an account and its app password.
    Session(String, String, Credential),
    HeaderKey(String, Credential),
    QueryKey(String, Credential),
    Certificate(Vec<u8>, Credential),
    OAuth2(Box<OAuth2>),
}

impl Auth {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// A user name and password (RFC 7617).
    pub fn basic(user: impl Into<String>, password: impl Into<Credential>) -> Self {
        Self(Kind::Basic(user.into(), password.into()))
    }

    /// A bearer token (RFC 6750).
    pub fn bearer(token: impl Into<Credential>) -> Self {
        Self(Kind::Bearer(token.into()))
    }

    /// A bearer token, and in a parameter of this name the proof that who sends it has a secret too: the HMAC-SHA256 of
    /// the token, in hexadecimal digits. Meta calls it `appsecret_proof`.
    pub fn proven_bearer(
        token: impl Into<Credential>,
        parameter: impl Into<String>,
        secret: impl Into<Credential>,
    ) -> Self {
        Self(Kind::Proven(token.into(), parameter.into(), secret.into()))
    }

    /// A session of the AT protocol, made at a server with the handle of an account and an app password. It is
    /// refreshed before it ends, and when a server answers 401, or by a code that means `Unauthenticated`. The password
    /// goes to that server only, the token to the configured origin only.
    pub fn at_session(
        server: impl Into<String>,
        handle: impl Into<String>,
        app_password: impl Into<Credential>,
    ) -> Self {
        Self(Kind::Session(server.into(), handle.into(), app_password.into()))
    }

    /// A key in a header of this name.
    pub fn api_key_header(name: impl Into<String>, key: impl Into<Credential>) -> Self {
        Self(Kind::HeaderKey(name.into(), key.into()))
    }

    /// A key in a parameter of this name in the query.
    pub fn api_key_query(name: impl Into<String>, key: impl Into<Credential>) -> Self {
        Self(Kind::QueryKey(name.into(), key.into()))
    }

    /// A client certificate with those that lead to an authority (PEM), and its private key (PEM). For TLS alone. A key
    /// that is named is looked up when the first connection is made.
    pub fn certificate(chain: impl AsRef<[u8]>, key: impl Into<Credential>) -> Self {
        Self(Kind::Certificate(chain.as_ref().to_vec(), key.into()))
    }
}

impl From<OAuth2> for Auth {
    fn from(oauth: OAuth2) -> Self {
        Self(Kind::OAuth2(Box::new(oauth)))
    }
}

/// An OAuth 2.0 client that gets its tokens by its own credentials (RFC 6749, section 4.4), or by a SAML assertion of whom
/// it acts for (RFC 7522).
///
/// A token is kept in memory, replaced before it expires, and replaced once when a server answers 401 or 403. The client's
/// credentials go to the token URL only, the token to the configured origin only. A named client secret is looked up
/// again when the token server does not take it, and so is a named assertion.
#[derive(Clone)]
pub struct OAuth2 {
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: Credential,
    pub(super) parameters: Vec<(String, Credential)>,
    pub(super) in_body: bool,
    pub(super) grant: &'static str,
}

impl OAuth2 {
    /// A client by its id and secret. The token URL may be of any origin.
    pub fn client_credentials(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Credential>,
    ) -> Self {
        Self {
            token_url: token_url.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            parameters: Vec::new(),
            in_body: false,
            grant: "client_credentials",
        }
    }

    /// A client by its id and secret, which acts for the subject of a SAML 2.0 assertion. The assertion is XML, or that in
    /// base64url.
    pub fn saml_bearer(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Credential>,
        assertion: impl Into<Credential>,
    ) -> Self {
        let client = Self::client_credentials(token_url, client_id, client_secret);
        Self { grant: SAML_BEARER, ..client }.parameter(ASSERTION, assertion)
    }

    /// The scopes to ask for, separated by spaces.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.parameter("scope", scope.into())
    }

    /// Another parameter of the token request, for instance `audience` or `resource`.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sends id and secret in the body of the token request. By default they go into its `Authorization` header.
    #[must_use]
    pub fn credentials_in_body(mut self) -> Self {
        self.in_body = true;
        self
    }
}

impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret)
            .field("parameters", &self.parameters)
            .field("grant", &self.grant)
            .field("in_body", &self.in_body)
            .finish_non_exhaustive()
    }
}
