//! Sessions of the AT protocol: made with an app password, refreshed before they end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::Utc;
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use datalake_core::{Credential, Error, ErrorKind, Result, Secret};

use super::token::LONGEST;
use super::transport::{AGENT, Transport};
use super::{Answer, parse_header, refusal};
use crate::http::origin::Origin;

const CREATE: PathAndQuery = PathAndQuery::from_static("/xrpc/com.atproto.server.createSession");
const REFRESH: PathAndQuery = PathAndQuery::from_static("/xrpc/com.atproto.server.refreshSession");
/// How long before its end a token is replaced, at most; a tenth of its life if that is less.
const MARGIN: Duration = Duration::from_secs(60);
/// The life of a token that does not say.
const LIFE: Duration = Duration::from_secs(300);

/// The session of one account.
pub(super) struct Sessions {
    origin: Origin,
    identifier: String,
    password: Credential,
    cached: Mutex<Option<Session>>,
}

#[derive(Clone)]
struct Session {
    /// `None` once a server has refused it.
    access: Option<Secret>,
    until: Instant,
    refresh: Secret,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(rename = "accessJwt")]
    access: String,
    #[serde(rename = "refreshJwt")]
    refresh: String,
}

impl Sessions {
    pub(super) fn new(server: &str, identifier: &str, password: &Credential) -> Result<Self> {
        let (origin, _) =
            Origin::parse(server).map_err(|error| error.with("setting", "server of the session"))?;
        if origin.is_exposed() {
            tracing::warn!(origin = %origin, "the app password goes over plain http and can be read on the way");
        }
        let (identifier, password) = (identifier.to_owned(), password.clone());
        Ok(Self { origin, identifier, password, cached: Mutex::new(None) })
    }

    pub(super) fn are_secure(&self) -> bool {
        self.origin.is_secure()
    }

    /// A token that is good for a while.
    pub(super) async fn current(&self, transport: &Transport) -> Result<Secret> {
        let kept = self.lock().clone();
        if let Some(session) = &kept
            && let Some(access) = &session.access
            && session.until > Instant::now()
        {
            return Ok(access.clone());
        }
        let refreshed = match &kept {
            Some(session) => self.refresh(&session.refresh, transport).await?,
            None => None,
        };
        let session = match refreshed {
            Some(session) => session,
            None => self.create(transport).await?,
        };
        let access = session.access.clone();
        *self.lock() = Some(session);
        access.ok_or_else(|| Error::unexpected("a new session has no token"))
    }

    /// What is to be kept out of texts.
    pub(super) fn known(&self) -> Vec<Secret> {
        let session = self.lock().clone();
        let tokens =
            session.into_iter().flat_map(|session| session.access.into_iter().chain([session.refresh]));
        tokens.chain(self.password.known()).collect()
    }

    /// Drops a token that a server has refused, and keeps what gets another.
    pub(super) fn forget(&self, value: &Secret) {
        if let Some(session) = &mut *self.lock() {
            session.access.take_if(|access| access.expose() == value.expose());
        }
    }

    /// Another session in the place of one. `None` if that cannot be refreshed any more.
    async fn refresh(&self, token: &Secret, transport: &Transport) -> Result<Option<Session>> {
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let mut request = self.request(&REFRESH, Bytes::new())?;
        request.headers_mut().extend([parse_header("authorization", &bearer)?]);
        let answer = transport.send(request, &self.origin.shown(&REFRESH)).await?;
        match answer.status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => Ok(None),
            status if status.is_success() => self.session(&answer, &REFRESH, transport).map(Some),
            _ => Err(self.refusal(&answer, &REFRESH)),
        }
    }

    async fn create(&self, transport: &Transport) -> Result<Session> {
        let password = self.password.current().await?;
        let mut answer = self.ask(&password, transport).await?;
        if refuses(&answer)
            && let Some(other) = self.password.instead_of(&password).await?
        {
            answer = self.ask(&other, transport).await?;
        }
        if refuses(&answer) {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the server does not accept the app password",
            )
            .with("url", self.origin.shown(&CREATE))
            .with("status", answer.status.as_u16()));
        }
        if !answer.status.is_success() {
            return Err(self.refusal(&answer, &CREATE));
        }
        self.session(&answer, &CREATE, transport)
    }

    async fn ask(&self, password: &Secret, transport: &Transport) -> Result<Answer> {
        let body = json!({ "identifier": self.identifier, "password": password.expose() });
        let mut request = self.request(&CREATE, Bytes::from(body.to_string()))?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        transport.send(request, &self.origin.shown(&CREATE)).await
    }

    fn request(&self, path: &PathAndQuery, body: Bytes) -> Result<Request<http_body_util::Full<Bytes>>> {
        let mut request = Request::builder().method(Method::POST).uri(self.origin.uri(path.clone())?);
        if let Some(headers) = request.headers_mut() {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        }
        request.body(body.into()).map_err(|cause| {
            Error::unexpected("a request for a session cannot be made").caused_by(cause.to_string())
        })
    }

    fn session(&self, answer: &Answer, path: &PathAndQuery, transport: &Transport) -> Result<Session> {
        let asked = Instant::now();
        let odd = |what: &'static str| Error::unexpected(what).with("url", self.origin.shown(path));
        let content = answer.content(transport.bounds.body.min(1 << 20))?;
        let granted: Granted =
            serde_json::from_slice(&content).map_err(|_| odd("the server's answer holds no session"))?;
        if [&granted.access, &granted.refresh]
            .iter()
            .any(|text| text.is_empty() || HeaderValue::from_str(text).is_err())
        {
            return Err(odd("the token holds characters that a header cannot"));
        }
        let life = life(&granted.access).unwrap_or(LIFE);
        Ok(Session {
            access: Some(Secret::new(granted.access)),
            until: asked + life.saturating_sub(MARGIN.min(life / 10)),
            refresh: Secret::new(granted.refresh),
        })
    }

    fn refusal(&self, answer: &Answer, path: &PathAndQuery) -> Error {
        refusal::error(answer, None, &self.origin, path, |_| true)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Session>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a server does not know the account or the password.
fn refuses(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
}

/// How long a token lives, by the time of its end that is in it (RFC 7519, section 4.1.4).
fn life(token: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let left = claims.exp.saturating_sub(Utc::now().timestamp());
    Some(Duration::from_secs(u64::try_from(left).unwrap_or_default()).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_out_of_it() {
        let token = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        let in_an_hour = Utc::now().timestamp() + 3600;
        let read = life(&token(&format!(r#"{{"exp":{in_an_hour},"sub":"did:plc:x"}}"#))).unwrap().as_secs();
        assert!((3590..=3600).contains(&read), "{read}");
        for (exp, left) in [(7, Duration::ZERO), (i64::MIN, Duration::ZERO), (i64::MAX, LONGEST)] {
            assert_eq!(life(&token(&format!(r#"{{"exp":{exp}}}"#))), Some(left));
        }
        for other in ["", "opaque", "a.b.c", &token("{}")] {
            assert_eq!(life(other), None, "{other}");
        }
    }
}
