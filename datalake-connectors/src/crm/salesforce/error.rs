//! What the system's failures mean.

use std::time::Duration;

use serde::Deserialize;

use crate::http::client::Answer;
use datalake_core::{Error, ErrorKind};

/// How long to wait when the allowance of a day is spent: it comes back bit by bit.
pub(super) const PAUSE: Duration = Duration::from_secs(15 * 60);

/// The most of a message that is shown.
const MESSAGE: usize = 300;

/// A request that was refused, by what the source can do about it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The next page of a query is gone.
    Locator(Error),
    /// The answer would take too long or be too large: ask for less.
    Timeout(Error),
    /// A field or the object is not there: describe again.
    Field(Error),
    /// The object cannot be read by bulk jobs.
    NoBulk(Error),
    /// The query is too long for a URL.
    TooLong(Error),
    /// There is no such thing.
    Gone(Error),
    /// Anything else.
    Other(Error),
}

impl Refusal {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Locator(error)
            | Self::Timeout(error)
            | Self::Field(error)
            | Self::NoBulk(error)
            | Self::TooLong(error)
            | Self::Gone(error)
            | Self::Other(error) => error,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    message: String,
    #[serde(rename = "errorCode", default)]
    code: String,
}

/// What an answer that is no success means. `reveals` keeps credentials out of what is shown.
pub(super) fn refusal(answer: &Answer, shown: &str, reveals: impl Fn(&str) -> bool) -> Refusal {
    let status = answer.status.as_u16();
    let entry = answer
        .content(1 << 20)
        .ok()
        .and_then(|body| serde_json::from_slice::<Vec<Entry>>(&body).ok())
        .and_then(|entries| entries.into_iter().next());
    let is_code = |code: &str| code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let code = entry.as_ref().map_or("", |entry| entry.code.as_str());
    let code = if is_code(code) { code } else { "" };
    let message = entry.as_ref().map_or("", |entry| entry.message.as_str());
    let (kind, what) = classify(status, code);
    let mut error = Error::new(kind, what).with("url", shown).with("status", status);
    if !code.is_empty() {
        error = error.with("code", code);
    }
    if !message.is_empty() && !reveals(message) {
        let short: String = message.chars().take(MESSAGE).collect();
        error = error.with("message", format_args!("{short:?}"));
    }
    if code == "REQUEST_LIMIT_EXCEEDED" {
        error = error.after(PAUSE);
    } else if let Some(seconds) = answer.header("retry-after").and_then(|text| text.parse().ok())
        && error.is_retryable()
    {
        error = error.after(Duration::from_secs(seconds).min(Duration::from_secs(86_400)));
    }
    let text = message.to_ascii_lowercase();
    match (status, code) {
        (_, code) if code.contains("LOCATOR") => Refusal::Locator(error),
        (_, "QUERY_TIMEOUT" | "OPERATION_TOO_LARGE" | "EXCEEDED_ID_LIMIT") => Refusal::Timeout(error),
        (_, "INVALID_FIELD" | "INVALID_TYPE") => Refusal::Field(error),
        (_, "INVALIDENTITY") => Refusal::NoBulk(error),
        _ if text.contains("not supported by the bulk api") || text.contains("selecting compound data") => {
            Refusal::NoBulk(error)
        }
        (414 | 431, _) => Refusal::TooLong(error),
        (404, _) => Refusal::Gone(error),
        _ => Refusal::Other(error),
    }
}

fn classify(status: u16, code: &str) -> (ErrorKind, &'static str) {
    use ErrorKind as Kind;
    match (status, code) {
        (_, "REQUEST_LIMIT_EXCEEDED") => (Kind::RateLimited, "the requests of the day are used up"),
        (_, "QUERY_TIMEOUT") => (Kind::Unavailable, "the query takes too long"),
        (_, "OPERATION_TOO_LARGE" | "EXCEEDED_ID_LIMIT") => {
            (Kind::Unavailable, "the answer would be too large")
        }
        (_, "SERVER_UNAVAILABLE" | "UNABLE_TO_LOCK_ROW") => {
            (Kind::Unavailable, "the system cannot answer now")
        }
        (_, "INVALID_SESSION_ID") | (401, _) => {
            (Kind::Unauthenticated, "the system does not accept the token")
        }
        (_, "TXN_SECURITY_METERING_ERROR") => {
            (Kind::ConfigInvalid, "a transaction security policy of the organisation forbids the query")
        }
        (300..400, _) => (Kind::ConfigInvalid, "the server redirects, and redirects are not followed"),
        (403, _) => (Kind::PermissionDenied, "the system refuses"),
        (404, _) => (Kind::NotFound, "the system has nothing there"),
        (429, _) => (Kind::RateLimited, "the system wants fewer requests"),
        (400, "") | (406 | 408 | 409 | 420 | 425 | 500.., _) => {
            (Kind::Unavailable, "the system cannot answer now")
        }
        (400..500, _) => (Kind::ConfigInvalid, "the system does not accept the request"),
        _ => (Kind::Unexpected, "the answer has a status that is not understood"),
    }
}
