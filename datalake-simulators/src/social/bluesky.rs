//! The AT protocol: sessions, and lists by cursor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};

use super::State;
use super::list::{Lists, array, limit, member};
use super::refused;
use crate::rest::{Answer, Request};

const MOST: usize = 100;
const LIFE: i64 = 7_200;

/// Who is logged in.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    made: u64,
    access: Option<String>,
    refresh: Option<String>,
}

impl Sessions {
    /// The token that is good now is so no more.
    pub(super) fn expire(&mut self) {
        self.access = None;
    }

    /// Nothing is good any more but the password.
    pub(super) fn end(&mut self) {
        *self = Self { made: self.made, ..Self::default() };
    }

    fn make(&mut self) -> Answer {
        self.made += 1;
        let token = |scope: &str| {
            let claims = json!({ "scope": scope, "n": self.made, "exp": Utc::now().timestamp() + LIFE });
            format!("e30.{}.simulated", URL_SAFE_NO_PAD.encode(claims.to_string()))
        };
        let (access, refresh) = (token("com.atproto.access"), token("com.atproto.refresh"));
        let body = json!({ "accessJwt": access, "refreshJwt": refresh, "handle": "shop.example", "did": "did:plc:shop" });
        (self.access, self.refresh) = (Some(access), Some(refresh));
        Answer::json(200, body.to_string())
    }
}

/// Makes or refreshes a session.
pub(super) fn session(state: &State, lists: &mut Lists, operation: &str, request: &Request) -> Answer {
    let refused = |status, code, message| refused::answer(operation, status, code, message);
    if operation == "bluesky_refresh" {
        return match request.bearer() {
            Some(token) if lists.sessions.refresh.as_deref() == Some(token) => lists.sessions.make(),
            _ => refused(400, "ExpiredToken", "Token has been revoked"),
        };
    }
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if asked["password"] != state.settings.token.as_str() {
        return refused(401, "AuthenticationRequired", "Invalid identifier or password");
    }
    lists.sessions.make()
}

/// A page of a list. Without a token everything is public.
pub(super) fn answer(lists: &mut Lists, request: &Request) -> Answer {
    let refused = |status, code, message| refused::answer("bluesky", status, code, message);
    if let Some(token) = request.bearer()
        && lists.sessions.access.as_deref() != Some(token)
    {
        return refused(400, "ExpiredToken", "Token has expired");
    }
    if !lists.enter() {
        let reset = (Utc::now().timestamp() + 300).to_string();
        return refused(429, "RateLimitExceeded", "Rate Limit Exceeded").with("ratelimit-reset", reset);
    }
    let Some(records) = lists.get(&request.path) else {
        return refused(501, "MethodNotImplemented", "Method Not Implemented");
    };
    let from: usize = match request.query("cursor").map(str::parse) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return refused(400, "InvalidRequest", "Invalid cursor"),
    };
    let since = request.query("since");
    let mut found: Vec<_> = records
        .iter()
        .filter(|record| since.is_none_or(|since| member(record, "indexedAt").as_str() >= since))
        .collect();
    if request.query("reverse") != Some("true") {
        found.reverse();
    }
    let most = limit(request, "limit", 50, MOST);
    let page: Vec<_> = found.iter().skip(from).take(most).copied().collect();
    // As long as a page has something, it has a cursor: the end is a page without either.
    let cursor =
        if page.is_empty() { String::new() } else { format!(r#","cursor":"{}""#, from + page.len()) };
    let name = match request.path.rsplit('.').next() {
        Some("listRecords") => "records",
        Some("searchPosts") => "posts",
        _ => "feed",
    };
    Answer::json(200, format!(r#"{{"{name}":{}{cursor}}}"#, array(page)))
}
