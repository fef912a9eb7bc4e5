//! Cookies of one origin, as far as sessions need them (RFC 6265).

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;

use crate::http::percent;

/// More cookies than this are not kept.
const MOST: usize = 100;
/// A longer one is not kept.
const LONGEST: usize = 4096;
/// A shorter one is not looked for in texts: it would be found by chance, and names no session.
const SHORTEST: usize = 16;

/// The cookies that a server has set. They last as long as this, or until the server takes one back.
#[derive(Default)]
pub(super) struct Jar(Mutex<Vec<Cookie>>);

struct Cookie {
    name: String,
    value: String,
    path: String,
    secure: bool,
    /// Whether scripts of a page may not see it, as is usual for the names of sessions.
    hidden: bool,
}

impl Jar {
    /// Takes in what an answer sets.
    pub(super) fn take(&self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            if let Some((cookie, lasts)) = value.to_str().ok().and_then(parse) {
                let mut kept = self.lock();
                kept.retain(|other| other.name != cookie.name || other.path != cookie.path);
                if lasts && kept.len() < MOST {
                    kept.push(cookie);
                }
            }
        }
    }

    /// The header of a request for a path.
    pub(super) fn header(&self, path: &PathAndQuery, secure: bool) -> Option<HeaderValue> {
        let kept = self.lock();
        let fits = |cookie: &&Cookie| (secure || !cookie.secure) && cookie.covers(path.path());
        let pairs = kept.iter().filter(fits).map(|cookie| format!("{}={}", cookie.name, cookie.value));
        let pairs: Vec<String> = pairs.collect();
        let mut value = HeaderValue::from_str(&pairs.join("; ")).ok().filter(|_| !pairs.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether the name of a session is in a text, plain or percent-encoded.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let decoded = percent::decode(text);
        let named = |cookie: &Cookie| {
            let value = cookie.value.trim_matches('"');
            value.len() >= SHORTEST
                && (text.contains(value)
                    || decoded.contains(value)
                    || decoded.contains(&percent::decode(value)))
        };
        self.lock().iter().any(|cookie| cookie.hidden && named(cookie))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Cookie>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cookie {
    fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }
}

/// A cookie, and whether it is set and not taken back. A domain is not looked at: there is one origin.
fn parse(text: &str) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
    if name.is_empty() || text.len() > LONGEST {
        return None;
    }
    let mut cookie = Cookie { name, value, path: "/".to_owned(), secure: false, hidden: false };
    let mut lasts = true;
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.trim().to_ascii_lowercase().as_str() {
            "path" if value.trim().starts_with('/') => cookie.path = value.trim().to_owned(),
            "secure" => cookie.secure = true,
            "httponly" => cookie.hidden = true,
            "max-age" => lasts = !value.trim().parse().is_ok_and(|seconds: i64| seconds <= 0),
            "expires" if value.contains("1970") => lasts = false,
            _ => {}
        }
    }
    Some((cookie, lasts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(set: &[&'static str]) -> Jar {
        let jar = Jar::default();
        let mut headers = HeaderMap::new();
        for cookie in set {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        jar.take(&headers);
        jar
    }

    fn sent(jar: &Jar, path: &'static str, secure: bool) -> Option<String> {
        let header = jar.header(&PathAndQuery::from_static(path), secure);
        header.map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn cookies_come_back_where_they_belong() {
        let jar = jar(&["a=1; path=/sap", "b=2; Path=/; HttpOnly", "c=x=y; secure", "odd"]);
        assert_eq!(sent(&jar, "/sap/opu", false).as_deref(), Some("a=1; b=2"));
        assert_eq!(sent(&jar, "/sapling", false).as_deref(), Some("b=2"));
        assert_eq!(sent(&jar, "/", true).as_deref(), Some("b=2; c=x=y"));
    }

    #[test]
    fn a_cookie_is_replaced_and_taken_back() {
        let jar = jar(&["a=1", "b=1", "a=2", "b=; Max-Age=0"]);
        assert_eq!(sent(&jar, "/", false).as_deref(), Some("a=2"));
        let jar = jar_of_expired();
        assert_eq!(sent(&jar, "/", false), None);
    }

    #[test]
    fn the_name_of_a_session_is_known_again_and_that_of_a_client_is_not() {
        let jar =
            jar(&["s=S00000001%3d9e3779b9; HttpOnly", "c=sap-client=100/EN/x; path=/", "d=no; HttpOnly"]);
        for text in ["/x?s=S00000001%3d9e3779b9", "/x/S00000001=9e3779b9/y", "/x?S00000001%253d9e3779b9"] {
            assert!(jar.is_in(text), "{text}");
        }
        for text in ["/x?sap-client=100/EN/x", "/no", ""] {
            assert!(!jar.is_in(text), "{text}");
        }
    }

    fn jar_of_expired() -> Jar {
        jar(&["a=1", "a=; expires=Thu, 01-Jan-1970 00:00:00 GMT"])
    }
}
