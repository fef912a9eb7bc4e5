//! Why a request of a tracker is not taken.

use hyper::StatusCode;

use crate::receive::{Refusal, refusal};

pub(super) const NO_TEXT: Refusal = refusal(StatusCode::BAD_REQUEST, "the body is not in UTF-8");
pub(super) const NO_JSON: Refusal = refusal(StatusCode::BAD_REQUEST, "the body is no JSON object of events");
pub(super) const NO_LIST: Refusal = refusal(StatusCode::BAD_REQUEST, "the body has no array of events");
pub(super) const EMPTY: Refusal = refusal(StatusCode::BAD_REQUEST, "there is no event in the request");
pub(super) const MANY: Refusal =
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "there are too many events in the body");
pub(super) const LONG_EVENT: Refusal = refusal(StatusCode::BAD_REQUEST, "an event is too large");
pub(super) const LONG_BATCH: Refusal = refusal(StatusCode::BAD_REQUEST, "the body is larger than 500 KB");
pub(super) const BUSY: Refusal =
    refusal(StatusCode::SERVICE_UNAVAILABLE, "the body cannot be looked through now");
pub(super) const NO_KEY: Refusal = Refusal {
    challenge: Some("Basic realm=\"collector\", charset=\"UTF-8\""),
    ..refusal(StatusCode::UNAUTHORIZED, "the write key is not known")
};
