//! Who may come in: logon, sessions, and tokens against forged requests.

use std::collections::HashMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

use super::builder::Builder;
use crate::odata::error::Refusal;
use crate::odata::server::{Answer, Request, pairs};

/// What is known of those who came.
#[derive(Debug, Default)]
pub(super) struct Gate {
    failures: HashMap<String, u32>,
    sessions: HashMap<String, String>,
    opened: usize,
    access: HashMap<String, (String, Instant)>,
    given: usize,
}

/// A request that is let in.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) user: String,
    headers: Vec<(&'static str, String)>,
}

impl Pass {
    /// Adds cookies and the token to an answer.
    pub(super) fn sign(self, mut answer: Answer) -> Answer {
        answer.headers.extend(self.headers);
        answer
    }
}

const COOKIE: &str = "SAP_SESSIONID_S4H_100";

impl Gate {
    pub(super) fn end_sessions(&mut self) {
        self.sessions.clear();
    }

    pub(super) fn expire_access(&mut self) {
        self.access.clear();
    }

    pub(super) fn opened(&self) -> usize {
        self.opened
    }

    pub(super) fn locked(&self, user: &str, most: u32) -> bool {
        self.failures.get(user).is_some_and(|failures| *failures >= most)
    }

    /// Lets a request in, or gives the answer that keeps it out.
    pub(super) fn check(&mut self, settings: &Builder, request: &Request) -> Result<Pass, Answer> {
        let client = request.param("sap-client").or_else(|| request.header("sap-client").map(str::to_owned));
        if client.is_some_and(|client| client != settings.client) {
            return Err(unknown());
        }
        let user = self.user(settings, request).ok_or_else(unknown)?;
        let mut headers = Vec::new();
        let session =
            request.cookie(COOKIE).filter(|id| self.sessions.get(*id) == Some(&user)).map(str::to_owned);
        let session = match session {
            Some(session) => session,
            None => {
                if settings.most_sessions.is_some_and(|most| self.sessions.len() >= most) {
                    return Err(
                        Refusal::new(503, "ICM", "no more sessions").answer(super::version(request), true)
                    );
                }
                self.opened += 1;
                let session = format!("S{:08}%3d{:x}", self.opened, self.opened.wrapping_mul(0x9e37_79b9));
                self.sessions.insert(session.clone(), user.clone());
                headers.push(("set-cookie", format!("{COOKIE}={session}; path=/; HttpOnly")));
                headers
                    .push(("set-cookie", format!("sap-usercontext=sap-client={}; path=/", settings.client)));
                session
            }
        };
        let token = format!("{session}-csrf==");
        match (request.method.as_str(), request.header("x-csrf-token")) {
            ("GET" | "HEAD", Some(wish)) if wish.eq_ignore_ascii_case("fetch") => {
                headers.push(("x-csrf-token", token))
            }
            ("GET" | "HEAD", _) => {}
            (_, Some(given)) if given == token => {}
            _ => {
                let refused = Answer::new(403, "text/plain;charset=utf-8", "CSRF token validation failed");
                return Err(Pass { user, headers }.sign(refused.with("x-csrf-token", "Required")));
            }
        }
        Ok(Pass { user, headers })
    }

    fn user(&mut self, settings: &Builder, request: &Request) -> Option<String> {
        if settings.users.is_empty() && settings.oauth.is_empty() && settings.api_key.is_none() {
            let named = request.basic().map(|(user, _)| user);
            return Some(named.unwrap_or_else(|| "ANONYMOUS".into()));
        }
        if let Some(key) = request.header("apikey") {
            return (settings.api_key.as_deref() == Some(key)).then(|| "APIKEY".into());
        }
        if let Some(token) = request.bearer() {
            let (user, until) = self.access.get(token)?;
            return (*until > Instant::now()).then(|| user.clone());
        }
        let (user, password) = request.basic()?;
        let right = settings.users.iter().any(|known| *known == (user.clone(), password.clone()));
        let failures = self.failures.entry(user.clone()).or_default();
        if *failures >= settings.lock_after || !right {
            *failures += 1;
            return None;
        }
        *failures = 0;
        Some(user)
    }

    /// Gives a token of OAuth.
    pub(super) fn token(&mut self, settings: &Builder, request: &Request) -> Answer {
        let form: HashMap<_, _> = pairs(&String::from_utf8_lossy(&request.body)).into_iter().collect();
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let client = request.basic().unwrap_or_else(|| (field("client_id"), field("client_secret")));
        if request.method != "POST" || !settings.oauth.contains(&client) {
            return no_token(401, "invalid_client");
        }
        let user = match field("grant_type").as_str() {
            "client_credentials" => client.0,
            "urn:ietf:params:oauth:grant-type:saml2-bearer" => match subject(&field("assertion")) {
                Some(subject) => subject,
                None => return no_token(400, "invalid_grant"),
            },
            _ => return no_token(400, "unsupported_grant_type"),
        };
        self.given += 1;
        let token = format!("at.{:06}.{:x}", self.given, self.given.wrapping_mul(0x51_7c_c1_b7));
        self.access.insert(token.clone(), (user, Instant::now() + settings.access_lasts));
        let seconds = settings.access_lasts.as_secs();
        let scope = field("scope");
        let body = serde_json::json!({
            "access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": scope
        });
        Answer::new(200, "application/json;charset=utf-8", body.to_string()).with("cache-control", "no-store")
    }
}

/// The name in an assertion of SAML, which comes in base64url. It is not verified.
fn subject(assertion: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(assertion).or_else(|_| URL_SAFE.decode(assertion)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let name = &text[text.find("NameID")?..];
    let name = &name[name.find('>')? + 1..];
    Some(name[..name.find('<')?].to_owned())
}

fn no_token(status: u16, error: &str) -> Answer {
    Answer::new(status, "application/json;charset=utf-8", serde_json::json!({ "error": error }).to_string())
}

/// What a system says to those that it does not know: it is in HTML whatever was asked for.
fn unknown() -> Answer {
    let body = "<html><head><title>Logon Error Message</title></head><body>Logon failed</body></html>";
    let answer = Answer::new(401, "text/html; charset=utf-8", body);
    answer.with("www-authenticate", "Basic realm=\"SAP NetWeaver Application Server [S4H/100]\"")
}
