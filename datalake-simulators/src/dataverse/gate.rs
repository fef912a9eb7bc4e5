//! Who may come in, and how often.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::builder::Builder;
use crate::odata::Version;
use crate::odata::error::Refusal;
use crate::odata::server::{Answer, Request, pairs};

/// What is known of those who came.
#[derive(Debug, Default)]
pub(super) struct Gate {
    access: HashMap<String, Instant>,
    given: u64,
    closed_until: Option<Instant>,
    told: bool,
    early: u64,
}

impl Gate {
    pub(super) fn throttle(&mut self, time: Duration) {
        self.closed_until = Some(Instant::now() + time);
        self.told = false;
    }

    pub(super) fn early(&self) -> u64 {
        self.early
    }

    pub(super) fn expire_access(&mut self) {
        self.access.clear();
    }

    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// The answer that keeps a request out, if it is not let in.
    pub(super) fn check(&mut self, settings: &Builder, request: &Request) -> Option<Answer> {
        let known = request.bearer().and_then(|token| self.access.get(token));
        if !settings.clients.is_empty() && known.is_none_or(|until| *until <= Instant::now()) {
            let refused = Refusal::new(401, "0x80072560", "The user is not a member of the organization.");
            let origin = format!("http://{}", request.header("host").unwrap_or_default());
            let way = format!(
                "Bearer authorization_uri={origin}/{}/oauth2/authorize, resource_id={origin}/",
                settings.tenant
            );
            return Some(refused.answer(Version::V4, false).with("www-authenticate", way));
        }
        let now = Instant::now();
        if self.closed_until.is_none_or(|until| until <= now) {
            self.closed_until = None;
            return None;
        }
        if self.told {
            self.early += 1;
            self.closed_until = Some(now + settings.wait);
        }
        self.told = true;
        let seconds = settings.wait.as_secs().max(1).to_string();
        let message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds.";
        Some(Refusal::new(429, "0x80072322", message).answer(Version::V4, false).with("retry-after", seconds))
    }

    /// Gives a token for client credentials.
    pub(super) fn token(&mut self, settings: &Builder, request: &Request) -> Answer {
        let form: HashMap<_, _> = pairs(&String::from_utf8_lossy(&request.body)).into_iter().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let no = |status, error: &str, text: &str| {
            let body = serde_json::json!({ "error": error, "error_description": text });
            Answer::new(status, "application/json; charset=utf-8", body.to_string())
        };
        if request.method != "POST" || field("grant_type") != "client_credentials" {
            return no(400, "unsupported_grant_type", "AADSTS70003: The grant is not supported.");
        }
        let client = (field("client_id").to_owned(), field("client_secret").to_owned());
        if !settings.clients.contains(&client) {
            return no(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
        }
        let scope = format!("http://{}/.default", request.header("host").unwrap_or_default());
        if field("scope") != scope {
            return no(400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.");
        }
        self.given += 1;
        let token = format!("eyJ.{:06}.{:x}", self.given, self.given.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.access.insert(token.clone(), Instant::now() + settings.access_lasts);
        let seconds = settings.access_lasts.as_secs();
        let body = serde_json::json!({
            "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token
        });
        Answer::new(200, "application/json; charset=utf-8", body.to_string())
            .with("cache-control", "no-store, no-cache")
    }
}
