//! Why a request is not taken, and what it is told.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};

/// How long a sender is asked to wait before it tries again, in seconds.
const PAUSE: &str = "5";

/// A request that is not taken. The reason is fixed text: it tells nothing of the keys, and nothing foreign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
    /// How the sender can show who it is.
    pub(crate) challenge: Option<&'static str>,
    /// The methods that are taken.
    pub(crate) allow: Option<&'static str>,
}

pub(crate) const fn refusal(status: StatusCode, reason: &'static str) -> Refusal {
    Refusal { status, reason, challenge: None, allow: None }
}

pub(crate) const NO_SUCH_PATH: Refusal = refusal(StatusCode::NOT_FOUND, "there is nothing here");
pub(crate) const OTHER_METHOD: Refusal =
    refusal(StatusCode::METHOD_NOT_ALLOWED, "events are sent by another method");
pub(crate) const TOO_LARGE: Refusal = refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
pub(crate) const TOO_SLOW: Refusal = refusal(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
pub(crate) const BROKEN: Refusal = refusal(StatusCode::BAD_REQUEST, "the body did not come whole");
pub(crate) const DAMAGED: Refusal = refusal(StatusCode::BAD_REQUEST, "the body cannot be decompressed");
pub(crate) const UNKNOWN_CODING: Refusal =
    refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content encoding is not known");
pub(crate) const FULL: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "too many events are waiting");
pub(crate) const UNCOMMITTED: Refusal =
    refusal(StatusCode::SERVICE_UNAVAILABLE, "the event was not committed in time");
pub(crate) const CLOSED: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "the receiver is shutting down");

impl Refusal {
    pub(crate) fn response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.status, &serde_json::json!({ "error": self.reason }));
        let extra: Option<(HeaderName, &'static str)> = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, PAUSE)),
            _ if self == UNKNOWN_CODING => Some((ACCEPT_ENCODING, "gzip, zstd")),
            _ => None,
        };
        let challenge = self.challenge.map(|challenge| (WWW_AUTHENTICATE, challenge));
        let allow = self.allow.map(|methods| (ALLOW, methods));
        for (name, value) in [extra, challenge, allow].into_iter().flatten() {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The answer to an event that is committed.
pub(crate) fn committed(id: &str) -> Response<Full<Bytes>> {
    json(StatusCode::OK, &serde_json::json!({ "id": id }))
}

/// An answer without content.
pub(crate) fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
