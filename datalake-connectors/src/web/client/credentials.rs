//! Credentials at work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;

use datalake_core::{Error, Result, Secret};

use super::parse_header;
use super::token::Tokens;
use super::transport::Transport;
use crate::web::auth::{Auth, Kind};
use crate::web::percent;

/// A shorter credential is not looked for in texts: it would be found by chance.
const SHORTEST: usize = 6;

/// What is added to every request to the origin.
pub(super) struct Credentials {
    headers: HeaderMap,
    query: Option<(String, Secret)>,
    tokens: Option<Tokens>,
    secrets: Vec<Secret>,
}

/// What is added to one request.
pub(super) struct Signed {
    pub(super) headers: HeaderMap,
    query: Option<(String, Secret)>,
    /// The token used, if it can be replaced.
    pub(super) token: Option<Secret>,
}

impl Credentials {
    pub(super) fn new(auth: &Auth) -> Result<Self> {
        let mut new = Self { headers: HeaderMap::new(), query: None, tokens: None, secrets: Vec::new() };
        match &auth.0 {
            Kind::None => {}
            Kind::Basic(user, password) => {
                if user.contains(':') {
                    return Err(Error::config("the user name of basic auth holds a colon"));
                }
                let value = basic(user, password.expose());
                new.secrets.push(Secret::new(value.expose().trim_start_matches("Basic ")));
                new.headers.extend([parse_header("authorization", &value)?]);
                new.secrets.push(password.clone());
            }
            Kind::Bearer(token) => {
                new.headers.insert(header::AUTHORIZATION, bearer(token)?);
                new.secrets.push(token.clone());
            }
            Kind::HeaderKey(name, key) => {
                new.headers.extend([parse_header(name, key)?]);
                new.secrets.push(key.clone());
            }
            Kind::QueryKey(name, key) => {
                new.query = Some((name.clone(), key.clone()));
                new.secrets.push(key.clone());
            }
            Kind::OAuth2(oauth) => {
                new.secrets.push(oauth.client_secret.clone());
                new.tokens = Some(Tokens::new(oauth)?);
            }
        }
        Ok(new)
    }

    pub(super) fn are_some(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Whether tokens come over TLS.
    pub(super) fn are_fetched_securely(&self) -> bool {
        self.tokens.as_ref().is_some_and(Tokens::are_secure)
    }

    /// What to add to the next request. Fetches a token if there is none or it is about to expire.
    pub(super) async fn sign(&self, transport: &Transport) -> Result<Signed> {
        let mut headers = self.headers.clone();
        let token = match &self.tokens {
            Some(tokens) => Some(tokens.current(transport).await?),
            None => None,
        };
        if let Some(token) = &token {
            headers.insert(header::AUTHORIZATION, bearer(token)?);
        }
        Ok(Signed { headers, query: self.query.clone(), token })
    }

    /// Drops a token that the server no longer takes.
    pub(super) fn forget(&self, token: &Secret) {
        if let Some(tokens) = &self.tokens {
            tokens.forget(token);
        }
    }

    /// Whether one `name=value` of a query is a credential.
    pub(super) fn in_parameter(&self, pair: &str) -> bool {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let named = self.query.as_ref().is_some_and(|(own, _)| *own == percent::decode(name));
        named || self.any(|secret| percent::decode(value) == secret || value == secret)
    }

    /// Whether a credential is in a text, plain or percent-encoded.
    pub(super) fn in_text(&self, text: &str) -> bool {
        let decoded = percent::decode(text);
        self.any(|secret| secret.len() >= SHORTEST && (text.contains(secret) || decoded.contains(secret)))
    }

    fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        let token = self.tokens.as_ref().and_then(Tokens::cached);
        self.secrets.iter().chain(&token).any(|secret| !secret.expose().is_empty() && test(secret.expose()))
    }
}

impl Signed {
    /// The path with the key in its query, if it goes there.
    pub(super) fn path(&self, path: &PathAndQuery) -> Result<PathAndQuery> {
        let Some((name, key)) = &self.query else { return Ok(path.clone()) };
        let mut query = path.query().unwrap_or_default().to_owned();
        percent::pair(&mut query, name, key.expose());
        format!("{}?{query}", path.path())
            .parse()
            .map_err(|_| Error::unexpected("the key cannot be put into the query"))
    }
}

/// The value of an `Authorization` header for a name and password.
pub(super) fn basic(user: &str, password: &str) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn bearer(token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| Error::config("a bearer token holds characters that a header cannot"))?;
    value.set_sensitive(true);
    Ok(value)
}
