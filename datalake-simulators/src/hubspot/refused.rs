//! What the service refuses.

use serde_json::json;

use crate::rest::Answer;

const CORRELATION: &str = "00000000-0000-4000-8000-000000000000";

/// Status, category or policy, and message of an answer that says no.
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

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "VALIDATION_ERROR", message)
    }

    pub(super) fn missing() -> Self {
        Self::new(404, "OBJECT_NOT_FOUND", "resource not found")
    }

    pub(super) fn answer(&self) -> Answer {
        answer(self.status, self.code, &self.message)
    }
}

/// What is refused for its rate names a policy, everything else a category.
pub(super) fn answer(status: u16, code: &str, message: &str) -> Answer {
    let mut body = json!({ "status": "error", "message": message, "correlationId": CORRELATION });
    if status == 429 {
        body["errorType"] = "RATE_LIMIT".into();
        body["policyName"] = code.into();
    } else {
        body["category"] = code.into();
    }
    Answer::json(status, body.to_string())
}
