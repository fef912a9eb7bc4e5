//! Errors as both versions write them.

use std::fmt::Write;

use super::Version;
use super::server::Answer;
use super::write::{escaped, quoted};

/// What is refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "005056A509B11ED1B9BF9F46393FE17A", message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "/IWFND/CM_MGW_RT/020", message)
    }

    /// As the client gets it.
    pub(crate) fn answer(&self, version: Version, xml: bool) -> Answer {
        let (code, message) = (&self.code, &self.message);
        if xml {
            let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
            write!(
                body,
                "<error xmlns=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\"><code>{}</code>\
                 <message xml:lang=\"en\">{}</message></error>",
                escaped(code),
                escaped(message)
            )
            .ok();
            return Answer::new(self.status, "application/xml;charset=utf-8", body);
        }
        let (code, message) = (quoted(code), quoted(message));
        let body = match version {
            Version::V2 => format!(
                "{{\"error\":{{\"code\":{code},\"message\":{{\"lang\":\"en\",\"value\":{message}}},\"innererror\":\
                 {{\"transactionid\":\"9F3C0A2E1B7D4C58\",\"errordetails\":[]}}}}}}"
            ),
            Version::V4 => format!("{{\"error\":{{\"code\":{code},\"message\":{message},\"details\":[]}}}}"),
        };
        let answer = Answer::new(self.status, "application/json;charset=utf-8", body);
        match version {
            Version::V2 => answer.with("dataserviceversion", "1.0"),
            Version::V4 => answer.with("odata-version", "4.0"),
        }
    }
}
