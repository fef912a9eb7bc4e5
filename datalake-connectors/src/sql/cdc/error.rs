//! What failures of the stream mean.

use datalake_core::{Error, ErrorKind, Secret};
use tokio_postgres::error::SqlState;

use super::SYSTEM;
use crate::sql::error::kind;

/// An error message of the server.
pub(super) struct Refusal {
    pub(super) code: SqlState,
    message: String,
}

impl Refusal {
    /// Reads one, with its tag and length.
    pub(super) fn of(message: &[u8]) -> Self {
        let mut refusal = Self { code: SqlState::from_code(""), message: String::new() };
        for field in message.get(5..).unwrap_or_default().split(|byte| *byte == 0) {
            match field.split_first() {
                Some((b'C', code)) => refusal.code = SqlState::from_code(&String::from_utf8_lossy(code)),
                Some((b'M', text)) => refusal.message = String::from_utf8_lossy(text).into_owned(),
                _ => {}
            }
        }
        refusal
    }

    /// Forgets a message that repeats the password.
    pub(super) fn without(mut self, password: Option<&Secret>) -> Self {
        if password.is_some_and(|password| self.message.contains(password.expose())) {
            self.message.clear();
        }
        self
    }

    /// As an error.
    pub(super) fn error(&self) -> Error {
        let error = Error::new(kind(&self.code), "the server refuses").component(SYSTEM);
        let error = error.with("sqlstate", self.code.code()).with("message", &self.message);
        match error.kind() {
            ErrorKind::Conflict => error.retryable(),
            _ => error,
        }
    }
}

/// Something that the protocol does not allow.
pub(super) fn broken(why: &'static str) -> Error {
    Error::unexpected(why).component(SYSTEM)
}

/// A connection that is no more.
pub(super) fn lost(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the connection to the server is lost")
        .component(SYSTEM)
        .caused_by(cause)
}

/// A server that says nothing.
pub(super) fn silent() -> Error {
    Error::new(ErrorKind::Unavailable, "the server does not answer").component(SYSTEM)
}

/// What follows a position is no more.
pub(super) fn gone(why: &'static str, slot: &str) -> Error {
    Error::new(ErrorKind::PositionInvalid, why).component(SYSTEM).with("slot", slot)
}
