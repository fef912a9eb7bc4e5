//! Which pages of other sites may read answers.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// What trackers send with an event.
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-encoding, content-type, sp-anonymous");
/// How long a browser need not ask again, in seconds.
const AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may send events and read the answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Origins {
    /// Only the collector's own.
    #[default]
    Own,
    /// Every one, without cookies.
    Any,
    /// These, with cookies.
    These(Vec<String>),
}

impl Origins {
    /// Tells a browser whether the page may read the answer.
    pub(super) fn permit(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let origin = match self {
            Self::Own => return,
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::These(allowed) => {
                answer.append(VARY, HeaderValue::from_static("origin"));
                let origin = request.get(ORIGIN);
                let known = origin.filter(|origin| allowed.iter().any(|one| *origin == one.as_str()));
                if known.is_some() {
                    answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
                known.cloned()
            }
        };
        if let Some(origin) = origin {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }

    /// Tells a browser what it asks before it sends an event.
    pub(super) fn permit_sending(&self, methods: &'static str, answer: &mut HeaderMap) {
        if *self != Self::Own {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            answer.insert(ACCESS_CONTROL_MAX_AGE, AGE);
        }
    }
}

/// Whether a text is an origin as browsers write it: `https://shop.example`, `http://localhost:8080`.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase())
    };
    plain(scheme) && plain(host) && !host.contains(['/', '?', '#', '@', '*'])
}
