//! Credentials at work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{HeaderMap, HeaderName};
use http::uri::PathAndQuery;
use sha2::Sha256;

use datalake_core::{Credential, Error, Result, Secret};

use super::parse_header;
use super::session::Sessions;
use super::token::Tokens;
use super::transport::Transport;
use crate::http::auth::{Auth, Kind};
use crate::http::percent;

/// A shorter credential is not looked for in texts: it would be found by chance.
const SHORTEST: usize = 6;

/// Whether one of some secrets is in a text, plain or percent-encoded.
pub(crate) fn repeats(text: &str, secrets: &[Secret]) -> bool {
    let decoded = percent::decode(text);
    let holds = |secret: &str| text.contains(secret) || decoded.contains(secret);
    secrets.iter().any(|secret| secret.expose().len() >= SHORTEST && holds(secret.expose()))
}

/// What is added to every request to the origin.
pub(super) struct Credentials {
    way: Way,
    own: Vec<(String, Credential)>,
}

/// How we prove who we are.
enum Way {
    None,
    Basic(String, Credential),
    Bearer(Credential),
    Proven(Credential, String, Credential),
    Session(Sessions),
    Header(String, Credential),
    Query(String, Credential),
    Token(Tokens),
}

/// What is added to one request.
pub(super) struct Signed {
    pub(super) headers: HeaderMap,
    /// The headers that are configured beside the credentials.
    pub(super) own: HeaderMap,
    query: Option<(String, Secret)>,
    /// The values used, in the order of the credentials they are of.
    used: Vec<Secret>,
}

impl Credentials {
    /// Takes the settings, and checks the values that are known already.
    pub(super) fn new(auth: &Auth, own: &[(String, Credential)]) -> Result<Self> {
        let way = match &auth.0 {
            Kind::None | Kind::Certificate(..) => Way::None,
            Kind::Basic(user, _) if user.contains(':') => {
                return Err(Error::config("the user name of basic auth holds a colon"));
            }
            Kind::Basic(user, password) => Way::Basic(user.clone(), password.clone()),
            Kind::Bearer(token) => Way::Bearer(token.clone()),
            Kind::Proven(token, parameter, secret) => {
                Way::Proven(token.clone(), parameter.clone(), secret.clone())
            }
            Kind::Session(server, handle, password) => Way::Session(Sessions::new(server, handle, password)?),
            Kind::HeaderKey(name, key) => Way::Header(name.clone(), key.clone()),
            Kind::QueryKey(name, key) => Way::Query(name.clone(), key.clone()),
            Kind::OAuth2(oauth) => Way::Token(Tokens::new(oauth)?),
        };
        let header = |name: &str| HeaderName::try_from(name).map(drop);
        let names = own.iter().map(|(name, _)| name).chain(match &way {
            Way::Header(name, _) => Some(name),
            _ => None,
        });
        for name in names {
            header(name).map_err(|_| {
                Error::config("a header has no valid name").with("name", format_args!("{name:?}"))
            })?;
        }
        let new = Self { way, own: own.to_vec() };
        if let Some(known) = new.secret().and_then(Credential::value) {
            new.way.sign(known)?;
        }
        for (name, value) in own {
            value.value().map(|value| parse_header(name, value)).transpose()?;
        }
        Ok(new)
    }

    pub(super) fn are_some(&self) -> bool {
        !matches!(self.way, Way::None)
    }

    /// Whether tokens come over TLS.
    pub(super) fn are_fetched_securely(&self) -> bool {
        match &self.way {
            Way::Token(tokens) => tokens.are_secure(),
            Way::Session(sessions) => sessions.are_secure(),
            _ => false,
        }
    }

    /// What to add to the next request. Looks secrets up, and fetches a token, where there is none or it is too old.
    pub(super) async fn sign(&self, transport: &Transport) -> Result<Signed> {
        let secret = match (&self.way, self.secret()) {
            (Way::Token(tokens), _) => Some(tokens.current(transport).await?),
            (Way::Session(sessions), _) => Some(sessions.current(transport).await?),
            (_, Some(secret)) => Some(secret.current().await?),
            (_, None) => None,
        };
        let mut signed = match &secret {
            Some(secret) => self.way.sign(secret)?,
            None => Signed::nothing(),
        };
        if let (Way::Proven(_, parameter, key), Some(token)) = (&self.way, &secret) {
            let key = key.current().await?;
            signed.query = Some((parameter.clone(), proof(&key, token)));
            signed.used.push(key);
        }
        signed.used.extend(secret);
        for (name, value) in &self.own {
            let value = value.current().await?;
            signed.own.extend([parse_header(name, &value)?]);
            signed.used.push(value);
        }
        Ok(signed)
    }

    /// Looks for others in the place of secrets that the server has refused, and drops a token. Whether another request
    /// can go better.
    pub(super) async fn renew(&self, refused: &Signed) -> Result<bool> {
        let mut used = refused.used.iter();
        let mut other = false;
        match (&self.way, self.secret()) {
            (Way::Token(tokens), _) => {
                used.by_ref().take(1).for_each(|token| tokens.forget(token));
                other = true;
            }
            (Way::Session(sessions), _) => {
                used.by_ref().take(1).for_each(|token| sessions.forget(token));
                other = true;
            }
            (Way::Proven(token, _, key), _) => {
                for (credential, used) in [key, token].into_iter().zip(used.by_ref()) {
                    other |= credential.instead_of(used).await?.is_some();
                }
            }
            (_, Some(secret)) => {
                if let Some(used) = used.next() {
                    other = secret.instead_of(used).await?.is_some();
                }
            }
            (_, None) => {}
        }
        for ((_, value), used) in self.own.iter().zip(used) {
            other |= value.instead_of(used).await?.is_some();
        }
        Ok(other)
    }

    /// Whether one `name=value` of a query is a credential.
    pub(super) fn in_parameter(&self, pair: &str) -> bool {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let named =
            matches!(&self.way, Way::Query(own, _) | Way::Proven(_, own, _) if *own == percent::decode(name));
        named || self.any(|secret| percent::decode(value) == secret || value == secret)
    }

    /// Whether a credential is in a text, plain or percent-encoded.
    pub(super) fn in_text(&self, text: &str) -> bool {
        repeats(text, &self.known())
    }

    fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.known().iter().any(|secret| !secret.expose().is_empty() && test(secret.expose()))
    }

    fn known(&self) -> Vec<Secret> {
        match (&self.way, self.secret()) {
            (Way::Token(tokens), _) => tokens.known(),
            (Way::Session(sessions), _) => sessions.known(),
            (Way::Proven(token, _, key), _) => {
                let (tokens, keys) = (token.known(), key.known());
                let proofs = keys.iter().flat_map(|key| tokens.iter().map(|token| proof(key, token)));
                proofs.chain(tokens.iter().chain(&keys).cloned()).collect()
            }
            (Way::Basic(user, _), Some(password)) => {
                let known = password.known();
                let sent = known.iter().map(|password| Secret::new(pair(user, password.expose())));
                sent.chain(known.iter().cloned()).collect()
            }
            (_, Some(secret)) => secret.known(),
            (_, None) => Vec::new(),
        }
    }

    fn secret(&self) -> Option<&Credential> {
        match &self.way {
            Way::None | Way::Token(_) | Way::Session(_) => None,
            Way::Basic(_, secret)
            | Way::Bearer(secret)
            | Way::Proven(secret, ..)
            | Way::Header(_, secret)
            | Way::Query(_, secret) => Some(secret),
        }
    }
}

impl Way {
    fn sign(&self, secret: &Secret) -> Result<Signed> {
        let mut signed = Signed::nothing();
        match self {
            Self::None => {}
            Self::Basic(user, _) => {
                signed.headers.extend([parse_header("authorization", &basic(user, secret.expose()))?]);
            }
            Self::Bearer(_) | Self::Token(_) | Self::Proven(..) | Self::Session(_) => {
                let value = Secret::new(format!("Bearer {}", secret.expose()));
                signed.headers.extend([parse_header("authorization", &value)?]);
            }
            Self::Header(name, _) => signed.headers.extend([parse_header(name, secret)?]),
            Self::Query(name, _) => signed.query = Some((name.clone(), secret.clone())),
        }
        Ok(signed)
    }
}

impl Signed {
    fn nothing() -> Self {
        Self { headers: HeaderMap::new(), own: HeaderMap::new(), query: None, used: Vec::new() }
    }

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
    Secret::new(format!("Basic {}", pair(user, password)))
}

/// The HMAC-SHA256 of a token under a key, in hexadecimal digits.
fn proof(key: &Secret, token: &Secret) -> Secret {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes());
    let tag = mac.map(|mac| mac.chain_update(token.expose()).finalize().into_bytes());
    let digits = tag.iter().flatten().map(|byte| format!("{byte:02x}"));
    Secret::new(digits.collect::<String>())
}

fn pair(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_the_hmac_of_the_token_in_hexadecimal_digits() {
        let (key, token) = (Secret::new("Jefe"), Secret::new("what do ya want for nothing?"));
        assert_eq!(
            proof(&key, &token).expose(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "the second vector of RFC 4231"
        );
    }
}
