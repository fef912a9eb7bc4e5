//! Requests to the system, with a token that is fetched when there is none and replaced when it is refused.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::auth::SalesforceAuth;
use super::error::{PAUSE, Refusal, refusal};
use crate::http::client::{AGENT, Answer, Transport, repeats};
use crate::http::origin::Origin;
use datalake_core::{Error, ErrorKind, Result, Secret};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn get(path: PathAndQuery) -> Self {
        Self { method: Method::GET, path, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(super) fn json(method: Method, path: PathAndQuery, body: &serde_json::Value) -> Self {
        let body = Bytes::from(body.to_string());
        Self { method, path, headers: HeaderMap::new(), body }
    }
}

/// A login, kept.
pub(super) struct Session {
    home: Origin,
    token_path: PathAndQuery,
    auth: SalesforceAuth,
    transport: Transport,
    token: Mutex<Option<Token>>,
    /// Tokens that may be repeated in an answer.
    seen: StdMutex<Vec<Secret>>,
    budget: StdMutex<Budget>,
}

#[derive(Clone)]
struct Token {
    value: Secret,
    at: Origin,
}

impl Token {
    fn is_other_than(&self, refused: Option<&Self>) -> bool {
        refused.is_none_or(|refused| refused.value.expose() != self.value.expose())
    }
}

/// How much of the day's requests may be used, and what is known of it.
#[derive(Debug)]
struct Budget {
    share: f64,
    used: Option<(u64, u64)>,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    instance_url: Option<String>,
}

#[derive(Deserialize)]
struct Denied {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Session {
    /// A session with the host of a URL, that may use a share of the day's requests.
    ///
    /// # Errors
    /// `ConfigInvalid` if the key cannot be used.
    pub(super) fn new(home: Origin, auth: SalesforceAuth, transport: Transport, share: f64) -> Result<Self> {
        auth.check()?;
        if home.is_exposed() {
            tracing::warn!(origin = %home, "credentials go over plain http and can be read on the way");
        }
        Ok(Self {
            home,
            token_path: PathAndQuery::from_static("/services/oauth2/token"),
            auth,
            transport,
            token: Mutex::new(None),
            seen: StdMutex::default(),
            budget: StdMutex::new(Budget { share, used: None, until: None }),
        })
    }

    pub(super) fn home(&self) -> &Origin {
        &self.home
    }

    /// Sends a request and gives the answer if it is a success. A token that is refused is replaced once, for all who
    /// wait for it.
    ///
    /// # Errors
    /// What the system refused; `RateLimited` without asking while the share of the day's requests is used up.
    pub(super) async fn send(self: &Arc<Self>, call: &Call) -> Result<Answer, Refusal> {
        self.within_budget()?;
        let token = self.token(None).await?;
        let mut answer = self.ask(call, &token).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            let token = self.token(Some(&token)).await?;
            answer = self.ask(call, &token).await?;
        }
        if answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        Err(refusal(&answer, &self.home.shown(&call.path), |text| self.reveals(text)))
    }

    /// How many of the day's requests are used, and how many there are.
    pub(super) fn used(&self) -> Option<(u64, u64)> {
        self.lock().used
    }

    /// Whether a text contains a token or the secret, plain or percent-encoded.
    pub(super) fn reveals(&self, text: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        repeats(text, &seen) || repeats(text, &self.auth.credential().known())
    }

    async fn ask(&self, call: &Call, token: &Token) -> Result<Answer> {
        let mut request = Request::builder().method(&call.method).uri(token.at.uri(call.path.clone())?);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&call.headers);
            headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
            if !call.body.is_empty() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.value.expose()))
                .map_err(|_| Error::unexpected("the token holds characters that a header cannot"))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let request = request
            .body(call.body.clone().into())
            .map_err(|cause| Error::unexpected("a request cannot be made").caused_by(cause.to_string()))?;
        let answer = self.transport.send(request, &self.home.shown(&call.path)).await?;
        self.note(&answer);
        Ok(answer)
    }

    /// The token, another one than that refused. One caller fetches, the others wait for it.
    ///
    /// It is fetched by a task of its own, which ends when the caller is dropped: one that is not polled any more keeps
    /// nobody waiting.
    async fn token(self: &Arc<Self>, refused: Option<&Token>) -> Result<Token> {
        if let Ok(kept) = self.token.try_lock()
            && let Some(token) = kept.as_ref().filter(|token| token.is_other_than(refused))
        {
            return Ok(token.clone());
        }
        let (session, refused) = (Arc::clone(self), refused.cloned());
        let mut task = JoinSet::new();
        task.spawn(async move { session.renewed(refused.as_ref()).await });
        let done = task.join_next().await.and_then(Result::ok);
        done.ok_or_else(|| Error::unexpected("fetching a token panicked"))?
    }

    async fn renewed(&self, refused: Option<&Token>) -> Result<Token> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.is_other_than(refused)) {
            return Ok(token.clone());
        }
        *kept = None;
        let token = self.login().await?;
        *kept = Some(token.clone());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(token.value.clone());
        let old = seen.len().saturating_sub(2);
        seen.drain(..old);
        Ok(token)
    }

    async fn login(&self) -> Result<Token> {
        let credential = self.auth.credential();
        let secret = credential.current().await?;
        let mut answer = self.request_token(&secret).await?;
        let refused = matches!(answer.status.as_u16(), 400 | 401 | 403);
        if refused && let Some(other) = credential.instead_of(&secret).await? {
            answer = self.request_token(&other).await?;
        }
        let shown = self.home.shown(&self.token_path);
        if !answer.status.is_success() {
            return Err(self.denied(&answer, &shown));
        }
        let body = answer.content(1 << 20)?;
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the answer of the token endpoint holds no token")
                .with("url", &shown)
        })?;
        let at = match granted.instance_url.as_deref() {
            Some(named) => instance(&self.home, named),
            None => self.home.clone(),
        };
        Ok(Token { value: Secret::new(granted.access_token), at })
    }

    async fn request_token(&self, secret: &Secret) -> Result<Answer> {
        let form = self.auth.form(secret, Utc::now())?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.home.uri(self.token_path.clone())?)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, AGENT)
            .body(Bytes::from(form.expose().to_owned()).into())
            .map_err(|cause| Error::unexpected("a request cannot be made").caused_by(cause.to_string()))?;
        self.transport.send(request, &self.home.shown(&self.token_path)).await
    }

    /// What a token endpoint's refusal means. It answers with an object, not with an array (RFC 6749, section 5.2).
    fn denied(&self, answer: &Answer, shown: &str) -> Error {
        let status = answer.status.as_u16();
        let denied =
            answer.content(1 << 16).ok().and_then(|body| serde_json::from_slice::<Denied>(&body).ok());
        if let (400 | 401, Some(denied)) = (status, denied) {
            let mut error = Error::new(ErrorKind::Unauthenticated, "no token is granted")
                .with("url", shown)
                .with("status", status);
            for (name, text) in [("error", denied.error), ("description", denied.error_description)] {
                if !text.is_empty() && text.len() <= 300 && !self.reveals(&text) {
                    error = error.with(name, format_args!("{text:?}"));
                }
            }
            return error;
        }
        refusal(answer, shown, |text| self.reveals(text)).into_error()
    }

    /// Takes note of how much of the day's requests is used.
    fn note(&self, answer: &Answer) {
        let usage = answer.header("sforce-limit-info").and_then(usage);
        let mut budget = self.lock();
        let Some((used, all)) = usage else { return };
        budget.used = Some((used, all));
        let spent = all > 0 && used as f64 >= all as f64 * budget.share;
        if spent && budget.until.is_none() {
            tracing::warn!(used, all, "the share of the day's requests is used up; waiting");
            budget.until = Some(Instant::now() + PAUSE);
        }
    }

    /// Refuses to ask while the share is used up. After a pause one request finds out whether it still is.
    fn within_budget(&self) -> Result<()> {
        let mut budget = self.lock();
        let Some(until) = budget.until else { return Ok(()) };
        let wait = until.saturating_duration_since(Instant::now());
        if wait == Duration::ZERO {
            budget.until = None;
            return Ok(());
        }
        let (used, all) = budget.used.unwrap_or_default();
        Err(Error::new(ErrorKind::RateLimited, "the share of the day's requests is used up")
            .with("used", used)
            .with("of", all)
            .after(wait))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("home", &self.home).field("auth", &self.auth).finish_non_exhaustive()
    }
}

/// The time of the system by its own clock: of an answer, in whole seconds and never rounded up.
pub(super) fn time(answer: &Answer) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(answer.header(header::DATE)?).ok().map(|at| at.to_utc())
}

/// Our own time, where the system does not say its own.
pub(super) fn our_time() -> DateTime<Utc> {
    let now = Utc::now();
    now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()))
}

/// Where a token is good: the instance that came with it, if it is the configured origin or if both are hosts of
/// Salesforce over TLS. Whatever else is named gets no token; the configured origin is asked.
fn instance(home: &Origin, named: &str) -> Origin {
    let Ok((origin, _)) = Origin::parse(named) else { return home.clone() };
    if origin == *home || (is_salesforce(home) && is_salesforce(&origin)) {
        return origin;
    }
    tracing::debug!(%home, "the token names an instance elsewhere, which is not asked");
    home.clone()
}

fn is_salesforce(origin: &Origin) -> bool {
    let text = origin.to_string();
    let Some(host) = text.strip_prefix("https://") else { return false };
    let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
    [".salesforce.com", ".salesforce.mil"].into_iter().any(|domain| host.ends_with(domain))
}

/// `api-usage=18/15000`, perhaps with more after it.
fn usage(text: &str) -> Option<(u64, u64)> {
    let usage = text.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, all) = usage.split_once('/')?;
    Some((used.trim().parse().ok()?, all.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_an_instance_of_salesforce_and_nowhere_else() {
        let instance = |home: &str, named: &str| {
            let (home, _) = Origin::parse(home).unwrap();
            super::instance(&home, named).to_string()
        };
        let home = "https://login.salesforce.com";
        let shop = "https://shop.my.salesforce.com";
        assert_eq!(instance(home, "https://shop.my.salesforce.com/x"), shop);
        for named in [
            "https://salesforce.com.evil.example",
            "https://evilsalesforce.com",
            "http://shop.my.salesforce.com",
            "https://127.0.0.1",
            "",
            "https://me@shop.my.salesforce.com",
        ] {
            assert_eq!(instance(home, named), home, "{named}");
        }
        assert_eq!(instance("http://127.0.0.1:1", shop), "http://127.0.0.1:1");
        assert_eq!(instance("http://127.0.0.1:1", "http://localhost:1"), "http://127.0.0.1:1");
    }

    #[test]
    fn the_usage_of_the_day_is_read() {
        assert_eq!(usage("api-usage=18/15000"), Some((18, 15000)));
        assert_eq!(usage("api-usage=25/5000; per-app-api-usage=17/250(appName=sample)"), Some((25, 5000)));
        assert_eq!(usage("per-app-api-usage=17/250"), None);
    }
}
