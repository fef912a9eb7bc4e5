//! Why an event is not taken for its signature.

use hyper::StatusCode;

use crate::receive::{Refusal, refusal};

pub(super) const UNSIGNED: Refusal = refusal(StatusCode::UNAUTHORIZED, "a signature header is missing");
pub(super) const FORGED: Refusal = refusal(StatusCode::UNAUTHORIZED, "the signature does not hold");
pub(super) const STALE: Refusal = refusal(StatusCode::UNAUTHORIZED, "the signed time is too far from now");
pub(super) const KEYLESS: Refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, "events cannot be verified now");
