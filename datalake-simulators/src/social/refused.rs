//! What the services refuse, each in its own form.

use serde_json::json;

use crate::rest::{Answer, Refusal};

/// An answer that says no, in the form of the service that an operation belongs to.
pub(super) fn answer(operation: &str, status: u16, code: &str, message: &str) -> Answer {
    let body = match operation {
        "stripe" => json!({ "error": { "type": kind(status), "code": code, "message": message } }),
        "bluesky" | "bluesky_session" | "bluesky_refresh" => json!({ "error": code, "message": message }),
        "graph" => {
            let code: u64 = code.parse().unwrap_or(1);
            json!({ "error": { "message": message, "type": "OAuthException", "code": code, "fbtrace_id": "simulated" } })
        }
        "shopify" => json!({ "errors": message }),
        "shopify_graphql" => json!({ "errors": [{ "message": message, "extensions": { "code": code } }] }),
        "youtube" => json!({ "error": {
            "code": status, "message": message,
            "errors": [{ "message": message, "domain": "youtube", "reason": code }],
        } }),
        _ => json!({ "error": message }),
    };
    Answer::json(status, body.to_string())
}

/// The answer to a request that is to be refused.
pub(super) fn refuse(operation: &str, refusal: &Refusal) -> Answer {
    let answer = answer(operation, refusal.status, &refusal.code, &refusal.message);
    refusal.headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
}

fn kind(status: u16) -> &'static str {
    match status {
        500.. => "api_error",
        429 => "rate_limit_error",
        _ => "invalid_request_error",
    }
}
