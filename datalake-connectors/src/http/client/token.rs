//! Tokens by client credentials or an assertion: fetched, kept, replaced in time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;

use datalake_core::{Error, ErrorKind, Result, Secret};

use super::credentials::basic;
use super::transport::{AGENT, Transport};
use super::{Answer, parse_header, refusal};
use crate::http::auth::{ASSERTION, OAuth2};
use crate::http::origin::Origin;
use crate::http::percent;

/// How long before its end a token is replaced, at most; a tenth of its life if that is less.
const MARGIN: Duration = Duration::from_secs(60);
/// The longest that a token is believed to live.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The life of a token that does not say.
const LIFE: u64 = 300;

/// The tokens of one client.
pub(super) struct Tokens {
    origin: Origin,
    path: PathAndQuery,
    oauth: OAuth2,
    cached: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    value: Secret,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

impl Tokens {
    pub(super) fn new(oauth: &OAuth2) -> Result<Self> {
        let (origin, path) =
            Origin::parse(&oauth.token_url).map_err(|error| error.with("setting", "token url"))?;
        if origin.is_exposed() {
            tracing::warn!(origin = %origin, "client credentials go over plain http and can be read on the way");
        }
        Ok(Self { origin, path, oauth: oauth.clone(), cached: Mutex::new(None) })
    }

    pub(super) fn are_secure(&self) -> bool {
        self.origin.is_secure()
    }

    /// A token that is good for a while.
    pub(super) async fn current(&self, transport: &Transport) -> Result<Secret> {
        let kept = self.lock().clone().filter(|token| token.until > Instant::now());
        if let Some(token) = kept {
            return Ok(token.value);
        }
        let token = self.fetch(transport).await?;
        *self.lock() = Some(token.clone());
        Ok(token.value)
    }

    /// What is to be kept out of texts: the token, and the secrets of the client.
    pub(super) fn known(&self) -> Vec<Secret> {
        let token = self.lock().as_ref().map(|token| token.value.clone());
        let assertions = self.oauth.parameters.iter().filter(|(name, _)| name == ASSERTION);
        let assertions = assertions.flat_map(|(_, assertion)| assertion.known());
        token.into_iter().chain(self.oauth.client_secret.known()).chain(assertions).collect()
    }

    pub(super) fn forget(&self, value: &Secret) {
        self.lock().take_if(|token| token.value.expose() == value.expose());
    }

    async fn fetch(&self, transport: &Transport) -> Result<Token> {
        let asked = Instant::now();
        let secret = self.oauth.client_secret.current().await?;
        let mut parameters = Vec::new();
        for (_, value) in &self.oauth.parameters {
            parameters.push(value.current().await?);
        }
        let mut answer = self.ask(&secret, transport).await?;
        if refuses_the_client(&answer) {
            let secret_now = self.oauth.client_secret.instead_of(&secret).await?;
            let mut other = secret_now.is_some();
            for ((_, value), used) in self.oauth.parameters.iter().zip(&parameters) {
                other |= value.instead_of(used).await?.is_some();
            }
            if other {
                answer = self.ask(secret_now.as_ref().unwrap_or(&secret), transport).await?;
            }
        }
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        let content = answer.content(transport.bounds.body.min(1 << 20))?;
        let odd = |what: &'static str| Error::unexpected(what).with("url", self.origin.shown(&self.path));
        let granted: Granted =
            serde_json::from_slice(&content).map_err(|_| odd("the token server's answer holds no token"))?;
        if granted.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(odd("the token is no bearer token"));
        }
        let value = Secret::new(granted.access_token);
        if value.expose().is_empty() || HeaderValue::from_str(value.expose()).is_err() {
            return Err(odd("the token holds characters that a header cannot"));
        }
        let life = Duration::from_secs(granted.expires_in.as_ref().and_then(number).unwrap_or(LIFE));
        let life = life.min(LONGEST);
        Ok(Token { value, until: asked + life.saturating_sub(MARGIN.min(life / 10)) })
    }

    async fn ask(&self, secret: &Secret, transport: &Transport) -> Result<Answer> {
        let request = self.request(secret).await?;
        transport.send(request, &self.origin.shown(&self.path)).await
    }

    fn refusal(&self, answer: &Answer) -> Error {
        if answer.status == StatusCode::BAD_REQUEST {
            return Error::new(ErrorKind::Unauthenticated, "the token server does not grant a token")
                .with("url", self.origin.shown(&self.path))
                .with("status", answer.status.as_u16());
        }
        refusal::error(answer, None, &self.origin, &self.path, |_| true)
    }

    async fn request(&self, secret: &Secret) -> Result<Request<http_body_util::Full<Bytes>>> {
        let oauth = &self.oauth;
        let mut form = String::new();
        percent::pair(&mut form, "grant_type", oauth.grant);
        for (name, value) in &oauth.parameters {
            let value = value.current().await?;
            match value.expose().trim_start() {
                xml if name == ASSERTION && xml.starts_with('<') => {
                    percent::pair(&mut form, name, &URL_SAFE_NO_PAD.encode(xml));
                }
                _ => percent::pair(&mut form, name, value.expose()),
            }
        }
        if oauth.in_body {
            percent::pair(&mut form, "client_id", &oauth.client_id);
            percent::pair(&mut form, "client_secret", secret.expose());
        }
        let mut request = Request::builder().method(Method::POST).uri(self.origin.uri(self.path.clone())?);
        if let Some(headers) = request.headers_mut() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, form);
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
            if !oauth.in_body {
                let value = basic(&percent::encode(&oauth.client_id), &percent::encode(secret.expose()));
                headers.extend([parse_header("authorization", &value)?]);
            }
        }
        request
            .body(Bytes::from(form).into())
            .map_err(|cause| Error::unexpected("a token request cannot be made").caused_by(cause.to_string()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Token>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a token server does not know the client. 400 is how it says so (RFC 6749, section 5.2).
fn refuses_the_client(answer: &Answer) -> bool {
    answer.status == StatusCode::BAD_REQUEST || refusal::is_of_credentials(answer)
}

/// Servers write the number of seconds as a number or as text.
fn number(value: &serde_json::Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
