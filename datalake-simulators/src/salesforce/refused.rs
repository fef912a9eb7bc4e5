//! What the service refuses.

use serde_json::json;

use crate::rest::{Answer, Refusal};

/// Status, code and message of an answer that says no.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn missing() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(super) fn session() -> Self {
        Self::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "MALFORMED_QUERY", message)
    }

    pub(super) fn field(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_FIELD", message)
    }

    /// REST refuses with an array.
    pub(super) fn answer(&self) -> Answer {
        let body = json!([{ "message": self.message, "errorCode": self.code }]);
        Answer::json(self.status, body.to_string())
    }
}

/// What a plan refuses: OAuth answers with an object, everything else with an array.
pub(super) fn planned(operation: &str, refusal: &Refusal) -> Answer {
    let body = if operation == "token" {
        json!({ "error": refusal.code, "error_description": refusal.message })
    } else {
        json!([{ "message": refusal.message, "errorCode": refusal.code }])
    };
    let answer = Answer::json(refusal.status, body.to_string());
    refusal.headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
}
