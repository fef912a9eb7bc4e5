//! Where a database is: `postgres://user@host:port/database`.

use std::fmt;

use datalake_core::{Error, Result, Secret};

/// Where a database is, and the name we go by. It shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) database: String,
    /// Whether TLS is spoken.
    pub(super) tls: bool,
}

impl Url {
    /// Reads a URL, and the password in it if there is one.
    pub(super) fn parse(url: &Secret) -> Result<(Self, Option<Secret>)> {
        let odd = || Error::config("the url of a database reads postgres://user@host:port/database");
        let text = url.expose();
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let (rest, query) = rest.ok_or_else(odd)?.split_once('?').unwrap_or((rest.unwrap_or_default(), ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').ok_or_else(odd)?;
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(Secret::new(decoded(password)?))),
            None => (login, None),
        };
        let bracketed = place.strip_prefix('[').and_then(|place| place.split_once(']'));
        let (host, port) = match (bracketed, place.rsplit_once(':')) {
            (Some((host, port)), _) => (host, port.strip_prefix(':')),
            (None, Some((host, port))) => (host, Some(port)),
            (None, None) => (place, None),
        };
        let port = port.map_or(Ok(5432), |port| port.parse().map_err(|_| odd()))?;
        let (user, database) = (decoded(user)?, decoded(database)?);
        let database = if database.is_empty() { user.clone() } else { database };
        if user.is_empty() || host.is_empty() || host.contains(',') || port == 0 || user.contains('\0') {
            return Err(odd());
        }
        let here = host == "localhost" || host == "::1" || host.starts_with("127.");
        let mut tls = !here;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            tls = match (name, value) {
                ("sslmode", "disable") => false,
                ("sslmode", "require" | "verify-ca" | "verify-full") => true,
                ("sslmode", _) => {
                    return Err(Error::config(
                        "sslmode is disable, or require, which checks the certificate and the name as \
                         verify-full does; nothing between is offered",
                    ));
                }
                _ => return Err(Error::config("the url has a parameter that is none").with("name", name)),
            };
        }
        Ok((Self { host: host.into(), port, user, database, tls }, password))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "postgres://{host}:{}/{}", self.port, self.database)
    }
}

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> Result<String> {
    let odd = || Error::config("the url of a database has a percent sign that stands for nothing");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next().unwrap_or_default()).to_digit(16).ok_or_else(odd);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| odd())?);
    }
    String::from_utf8(bytes).map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<(Url, Option<Secret>)> {
        Url::parse(&Secret::new(url))
    }

    #[test]
    fn a_url_is_read_with_its_defaults() {
        let (url, password) = parse("postgresql://me:p%40ss%3A@db.example/shop").unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5432/shop");
        assert_eq!((url.user.as_str(), url.tls), ("me", true));
        assert_eq!(password.unwrap().expose(), "p@ss:");
        let (url, password) = parse("postgres://me@[::1]:5433").unwrap();
        assert_eq!(url.to_string(), "postgres://[::1]:5433/me");
        assert!(!url.tls && password.is_none());
        assert!(parse("postgres://me@127.0.0.1/x?sslmode=verify-full").unwrap().0.tls);
        assert!(!parse("postgres://me@db.example/x?sslmode=disable").unwrap().0.tls);
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_repeated() {
        for url in [
            "",
            "mysql://me@h/d",
            "postgres://h/d",
            "postgres://me:hunter2@h:x/d",
            "postgres://me:hunter2@/d",
            "postgres://me:hunter2%@h/d",
            "postgres://me:hunter2@h/d?sslmode=prefer",
            "postgres://me:hunter2@h/d?password=x",
            "postgres://me:hunter2@a,b/d",
        ] {
            let error = parse(url).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        }
    }
}
