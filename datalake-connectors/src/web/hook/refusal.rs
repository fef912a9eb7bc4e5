//! Why a request is not taken, and what it is told.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

/// How long a sender is asked to wait before it tries again, in seconds.
const PAUSE: &str = "5";

/// A request that is not taken. The reason is fixed text: it tells nothing of the keys, and nothing foreign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
}

const fn refusal(status: StatusCode, reason: &'static str) -> Refusal {
    Refusal { status, reason }
}

pub(super) const NO_SUCH_PATH: Refusal = refusal(StatusCode::NOT_FOUND, "there is nothing here");
pub(super) const NOT_A_POST: Refusal = refusal(StatusCode::METHOD_NOT_ALLOWED, "events are sent by POST");
pub(super) const UNSIGNED: Refusal = refusal(StatusCode::UNAUTHORIZED, "a signature header is missing");
pub(super) const FORGED: Refusal = refusal(StatusCode::UNAUTHORIZED, "the signature does not hold");
pub(super) const STALE: Refusal = refusal(StatusCode::UNAUTHORIZED, "the signed time is too far from now");
pub(super) const TOO_LARGE: Refusal = refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
pub(super) const TOO_SLOW: Refusal = refusal(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
pub(super) const BROKEN: Refusal = refusal(StatusCode::BAD_REQUEST, "the body did not come whole");
pub(super) const DAMAGED: Refusal = refusal(StatusCode::BAD_REQUEST, "the body cannot be decompressed");
pub(super) const UNKNOWN_CODING: Refusal =
    refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content encoding is not known");
pub(super) const FULL: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "too many events are waiting");
pub(super) const UNCOMMITTED: Refusal =
    refusal(StatusCode::SERVICE_UNAVAILABLE, "the event was not committed in time");
pub(super) const KEYLESS: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "events cannot be verified now");
pub(super) const CLOSED: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "the receiver is shutting down");

impl Refusal {
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.status, &serde_json::json!({ "error": self.reason }));
        let extra: Option<(HeaderName, &'static str)> = match self.status {
            StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "POST")),
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, PAUSE)),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some((ACCEPT_ENCODING, "gzip, zstd")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The answer to an event that is committed.
pub(super) fn committed(id: &str) -> Response<Full<Bytes>> {
    json(StatusCode::OK, &serde_json::json!({ "id": id }))
}

/// An answer without content.
pub(super) fn empty(status: StatusCode) -> Response<Full<Bytes>> {
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
