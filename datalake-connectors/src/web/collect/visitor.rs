//! Who a request came from, as far as it is wanted: a cookie, an address, a browser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use datalake_core::{Entropy as _, Error, Result, SystemEntropy};
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT};
use hyper::http::request::Parts;
use serde_json::{Map, Value};

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// A tracker's wish that its user stays unknown.
const ANONYMOUS: HeaderName = HeaderName::from_static("sp-anonymous");
/// The longest cookie and user agent that are kept, in bytes.
const LONGEST: usize = 1024;

/// How much of an address is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// The whole.
    Whole,
    /// The first three parts of an IPv4 address, the first 48 bits of an IPv6 address; the rest is zero.
    Truncated,
}

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
    pub(super) address: Option<Address>,
    /// How many proxies in front of us write down where a request came from.
    pub(super) proxies: usize,
    pub(super) user_agent: bool,
}

/// A visitor, as far as it is wanted.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    pub(super) cookie: Option<String>,
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Keep {
    pub(super) fn visitor(&self, head: &Parts) -> Visitor {
        let headers = &head.headers;
        if headers.contains_key(ANONYMOUS) {
            return Visitor::default();
        }
        let user_agent = || {
            let text = headers.get(USER_AGENT)?.to_str().ok()?;
            Some(text.get(..LONGEST).unwrap_or(text).to_owned())
        };
        let user_agent = if self.user_agent { user_agent() } else { None };
        let cookie = self.cookie.as_ref().map(|cookie| cookie.of(headers).unwrap_or_else(uuid));
        let address = self.address.and_then(|how| Some(how.of(self.address(head)?)));
        Visitor { cookie, address, user_agent }
    }

    /// Gives the browser its cookie.
    pub(super) fn give(&self, visitor: &Visitor, answer: &mut HeaderMap) {
        let header = self.cookie.as_ref().zip(visitor.cookie.as_deref());
        if let Some(header) = header.and_then(|(cookie, value)| cookie.header(value)) {
            answer.insert(SET_COOKIE, header);
        }
    }

    /// Where a request came from: what the first of the trusted proxies saw, else the other end of the connection.
    fn address(&self, head: &Parts) -> Option<IpAddr> {
        let direct = head.extensions.get::<SocketAddr>()?.ip();
        let Some(before) = self.proxies.checked_sub(1) else { return Some(direct) };
        let lists = head.headers.get_all(FORWARDED).iter().filter_map(|list| list.to_str().ok());
        let seen: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
        seen.iter().rev().nth(before)?.parse().ok()
    }
}

impl Visitor {
    /// What lineage keeps of the visitor.
    pub(super) fn describe(&self, properties: &mut Map<String, Value>) {
        let known = [
            ("network_userid", self.cookie.clone()),
            ("user_ipaddress", self.address.map(|address| address.to_string())),
            ("useragent", self.user_agent.clone()),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        properties.extend(known);
    }
}

impl Address {
    fn of(self, address: IpAddr) -> IpAddr {
        match (self, address.to_canonical()) {
            (Self::Whole, address) => address,
            (Self::Truncated, IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Ipv4Addr::new(a, b, c, 0).into()
            }
            (Self::Truncated, IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
            }
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
