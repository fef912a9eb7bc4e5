//! An HTTP client that speaks to one origin: no redirects, no proxies, no retries, bounds on everything.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request};

use datalake_core::{Credential, Error, ErrorKind, Result, Secret};

mod answer;
mod cookies;
mod credentials;
mod identity;
mod refusal;
mod session;
mod token;
mod transport;

pub(crate) use answer::Answer;
#[cfg(feature = "crm-salesforce")]
pub(crate) use credentials::repeats;
pub(crate) use transport::{AGENT, Transport};

use cookies::Jar;
use credentials::Credentials;
use identity::Identity;

use super::auth::Auth;
use super::meaning::{Meant, Refusals};
use super::origin::Origin;

/// The bounds of a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The longest silence: until an answer begins, and between two pieces of it.
    pub(crate) timeout: Duration,
    /// The longest that one answer takes, from the request to its last byte.
    pub(crate) whole: Duration,
    /// The largest body, compressed and not.
    pub(crate) body: usize,
}

impl Bounds {
    /// So long a silence, and so large a body. An answer takes an hour at most.
    pub(crate) fn new(timeout: Duration, body: usize) -> Self {
        Self { timeout, whole: Duration::from_secs(60 * 60), body }
    }
}

/// A client of one origin.
pub(crate) struct Client {
    origin: Origin,
    transport: Transport,
    identity: Option<Identity>,
    credentials: Credentials,
    cookies: Option<Jar>,
    refusals: Option<Refusals>,
}

impl Client {
    /// A client of an origin, which trusts the certificate authorities of the system and those given (PEM).
    ///
    /// # Errors
    /// `ConfigInvalid` if a header, a certificate or the auth cannot be used.
    pub(crate) fn new(
        origin: Origin,
        auth: &Auth,
        headers: &[(String, Credential)],
        trusted: &[u8],
        bounds: Bounds,
    ) -> Result<Self> {
        let credentials = Credentials::new(auth, headers)?;
        if credentials.are_some() && origin.is_exposed() {
            tracing::warn!(origin = %origin, "credentials go over plain http and can be read on the way");
        }
        let secure = origin.is_secure() || credentials.are_fetched_securely();
        let identity = Identity::new(auth, &origin, trusted, bounds)?;
        let transport = Transport::new(trusted, secure, bounds)?;
        Ok(Self { origin, transport, identity, credentials, cookies: None, refusals: None })
    }

    /// The same with a jar of its own for cookies, so that a server that keeps sessions keeps one.
    pub(crate) fn with_cookies(mut self) -> Self {
        self.cookies = Some(Jar::default());
        self
    }

    /// The same that knows what codes in the bodies of refusals mean.
    pub(crate) fn with_refusals(mut self, refusals: Option<Refusals>) -> Self {
        self.refusals = refusals;
        self
    }

    /// The origin.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Asks for a path and gives the answer, whatever its status. If the server takes a secret or a token no longer and
    /// there is another, the request is sent once more.
    ///
    /// # Errors
    /// What went wrong on the way, and what kept us from a secret or a token.
    pub(crate) async fn get(&self, path: &PathAndQuery, extra: &HeaderMap) -> Result<Answer> {
        self.call(&Method::GET, path, extra, &Bytes::new()).await
    }

    /// As [`get`](Self::get), by any method and with a body. The request must be one that may be sent twice.
    pub(crate) async fn call(
        &self,
        method: &Method,
        path: &PathAndQuery,
        extra: &HeaderMap,
        body: &Bytes,
    ) -> Result<Answer> {
        let signed = self.credentials.sign(&self.transport).await?;
        let answer = self.send(method, path, extra, body, &signed).await?;
        if !self.is_of_credentials(&answer) || !self.credentials.renew(&signed).await? {
            return Ok(answer);
        }
        let signed = self.credentials.sign(&self.transport).await?;
        self.send(method, path, extra, body, &signed).await
    }

    /// The error that an answer with an unwelcome status stands for.
    pub(crate) fn refusal(&self, answer: &Answer, path: &PathAndQuery) -> Error {
        refusal::error(answer, self.meant(answer), &self.origin, path, |text| self.reveals(text))
    }

    /// The error that an answer stands for whose status is a success and whose body is a refusal.
    pub(crate) fn refused(&self, answer: &Answer, path: &PathAndQuery) -> Option<Error> {
        self.meant(answer).is_some().then(|| self.refusal(answer, path))
    }

    /// Whether the server refuses because of who we are.
    fn is_of_credentials(&self, answer: &Answer) -> bool {
        match self.meant(answer).and_then(|meant| meant.kind) {
            Some(kind) => kind == ErrorKind::Unauthenticated,
            None => refusal::is_of_credentials(answer),
        }
    }

    /// What the code in the body of a refusal means.
    fn meant(&self, answer: &Answer) -> Option<Meant> {
        let looked_into = |refusals: &&Refusals| !answer.status.is_success() || refusals.are_in_answers();
        let refusals = self.refusals.as_ref().filter(looked_into)?;
        refusals.read(&answer.content(self.transport.bounds.body).ok()?, Utc::now())
    }

    /// Whether a text contains a credential or the name of a session, plain or percent-encoded.
    pub(crate) fn reveals(&self, text: &str) -> bool {
        self.credentials.in_text(text) || self.cookies.as_ref().is_some_and(|jar| jar.is_in(text))
    }

    /// A path without the parameters that name a credential or hold one. The others stay byte for byte.
    ///
    /// # Errors
    /// `Unexpected` if a credential is elsewhere in it.
    pub(crate) fn without_credentials(&self, path: PathAndQuery) -> Result<PathAndQuery> {
        let path = match path.query() {
            Some(query) => {
                let kept: Vec<_> =
                    query.split('&').filter(|pair| !self.credentials.in_parameter(pair)).collect();
                let query = kept.join("&");
                let mark = if query.is_empty() { "" } else { "?" };
                format!("{}{mark}{query}", path.path())
            }
            None => path.as_str().to_owned(),
        };
        if self.reveals(&path) {
            return Err(Error::unexpected("a link repeats a credential"));
        }
        path.parse().map_err(|_| Error::unexpected("a link is no url"))
    }

    async fn send(
        &self,
        method: &Method,
        path: &PathAndQuery,
        extra: &HeaderMap,
        body: &Bytes,
        signed: &credentials::Signed,
    ) -> Result<Answer> {
        let uri = self.origin.uri(signed.path(path)?)?;
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&signed.own);
            headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
            headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip, zstd"));
            headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
            for (name, value) in extra.iter().chain(&signed.headers) {
                headers.insert(name, value.clone());
            }
            if let Some(cookies) =
                self.cookies.as_ref().and_then(|jar| jar.header(path, self.origin.is_secure()))
            {
                headers.insert(header::COOKIE, cookies);
            }
        }
        let request = request
            .body(body.clone().into())
            .map_err(|cause| Error::unexpected("a request cannot be made").caused_by(cause.to_string()))?;
        let transport = match &self.identity {
            Some(identity) => identity.transport().await?,
            None => &self.transport,
        };
        let answer = transport.send(request, &self.origin.shown(path)).await?;
        if let Some(jar) = &self.cookies {
            jar.take(&answer.headers);
        }
        Ok(answer)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A header out of the configuration, whose value is kept out of every output.
fn parse_header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue)> {
    let header = HeaderName::try_from(name)
        .map_err(|_| Error::config("a header has no valid name").with("name", format_args!("{name:?}")))?;
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| Error::config("a header has no valid value").with("name", name))?;
    value.set_sensitive(true);
    Ok((header, value))
}
