//! Who a request came from, as far as it is wanted: a cookie, an address, a browser.

use std::time::Duration;

use datalake_core::{Entropy as _, Error, Result, SystemEntropy};
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;

/// A tracker's wish that its user stays unknown.
const ANONYMOUS: HeaderName = HeaderName::from_static("sp-anonymous");

/// A cookie that tells one browser from another: a random UUID.
///
/// ```
/// use std::time::Duration;
///
/// use datalake_connectors::web::collect::Cookie;
///
/// let cookie = Cookie::new("sp").domain("shop.example").lifetime(Duration::from_secs(90 * 86_400));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Cookie {
    name: String,
    domain: Option<String>,
    lifetime: Duration,
    secure: bool,
}

impl Cookie {
    /// A cookie of a name, for a year, for the host that answers. It is sent over HTTPS only, and from other sites too.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), domain: None, lifetime: Duration::from_secs(365 * 86_400), secure: true }
    }

    /// Sends it to the other hosts of a domain too.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long a browser keeps it after the last event.
    pub fn lifetime(mut self, time: Duration) -> Self {
        self.lifetime = time;
        self
    }

    /// Sends it over plain HTTP too, and not from other sites.
    pub fn insecure(mut self) -> Self {
        self.secure = false;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let token = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if token(&self.name) && self.domain.as_deref().is_none_or(token) {
            return Ok(());
        }
        Err(Error::config("name and domain of a cookie are letters, digits, dots, hyphens and underscores"))
    }

    fn header(&self, value: &str) -> Option<HeaderValue> {
        let mut text = format!("{}={value}; Path=/; Max-Age={}", self.name, self.lifetime.as_secs());
        if let Some(domain) = &self.domain {
            text += &format!("; Domain={domain}");
        }
        text += if self.secure { "; SameSite=None; Secure" } else { "; SameSite=Lax" };
        HeaderValue::from_str(&text).ok()
    }

    /// The value that a browser sends, if it is one that we may have given.
    fn of(&self, headers: &HeaderMap) -> Option<String> {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
        let value = pairs
            .flat_map(|pairs| pairs.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.name).then_some(value))?;
        let fit =
            (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fit.then(|| value.to_owned())
    }
}

/// What of a visitor is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Keep {
    pub(super) cookie: Option<Cookie>,
}

/// A visitor, as far as it is wanted.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    pub(super) cookie: Option<String>,
}

impl Keep {
    pub(super) fn visitor(&self, head: &Parts) -> Visitor {
        if head.headers.contains_key(ANONYMOUS) {
            return Visitor::default();
        }
        Visitor { cookie: self.cookie.as_ref().map(|cookie| cookie.of(&head.headers).unwrap_or_else(uuid)) }
    }

    /// Gives the browser its cookie.
    pub(super) fn give(&self, visitor: &Visitor, answer: &mut HeaderMap) {
        let header = self.cookie.as_ref().zip(visitor.cookie.as_deref());
        if let Some(header) = header.and_then(|(cookie, value)| cookie.header(value)) {
            answer.insert(SET_COOKIE, header);
        }
    }
}

/// A random UUID (version 4).
fn uuid() -> String {
    let (high, low) = (SystemEntropy.bits(), SystemEntropy.bits());
    let high = high & !0xf000 | 0x4000;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
