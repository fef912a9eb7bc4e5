//! What the failures of a server mean to the caller.

use std::error::Error as _;

use tokio_postgres::error::{DbError, SqlState};

use datalake_core::{Error, ErrorKind};

/// What a failure means, by the code of the server (SQLSTATE) where it gives one.
///
/// A query that was cancelled, because it took too long or because a replica had to go on, and a transaction that was
/// rolled back for another can be tried again.
pub(super) fn of(cause: &tokio_postgres::Error, what: &'static str) -> Error {
    if let Some(told) = cause.as_db_error() {
        return told_by_the_server(told, what);
    }
    // Only what lies beneath is told: an error of the client may quote its settings.
    let beneath = cause.source();
    let said = beneath.map(ToString::to_string).unwrap_or_default();
    if cause.to_string().starts_with("error performing TLS handshake") {
        let error = Error::config("the server and we do not agree on TLS, or its certificate does not hold");
        return error.with("because", said);
    }
    match cause.to_string().as_str() {
        "authentication error" => {
            Error::new(ErrorKind::Unauthenticated, "the server does not take the login")
        }
        "invalid configuration" => Error::new(ErrorKind::Unauthenticated, "the server asks for a password"),
        "error parsing response from server" | "unexpected message from server" => {
            Error::unexpected("the server does not speak the protocol").with("because", said)
        }
        _ => Error::new(ErrorKind::Unavailable, what).caused_by(format!("{cause}: {said}")),
    }
}

fn told_by_the_server(told: &DbError, what: &'static str) -> Error {
    let code = told.code();
    let kind = kind(code);
    let mut error = Error::new(kind, what).with("sqlstate", code.code()).with("message", told.message());
    if matches!(kind, ErrorKind::Conflict) {
        error = error.retryable();
    }
    for (name, value) in [("table", told.table()), ("column", told.column())] {
        error = value.into_iter().fold(error, |error, value| error.with(name, value));
    }
    error
}

/// What the caller can do about a code.
pub(super) fn kind(code: &SqlState) -> ErrorKind {
    let class = code.code().get(..2).unwrap_or_default();
    match (code.code(), class) {
        ("28P01" | "28000", _) => ErrorKind::Unauthenticated,
        ("42501", _) => ErrorKind::PermissionDenied,
        // No such table, schema, database, slot.
        ("42P01" | "3F000" | "3D000" | "42704", _) => ErrorKind::NotFound,
        // Too many connections.
        ("53300", _) => ErrorKind::RateLimited,
        // Serialisation failure, deadlock: again.
        (_, "40") => ErrorKind::Conflict,
        // The table was changed under a plan that was made before, or is locked.
        ("0A000", _) => ErrorKind::Unsupported,
        ("55006" | "55P03", _) => ErrorKind::Unavailable,
        // A snapshot that is gone with the transaction that exported it.
        ("22023" | "42P02", _) => ErrorKind::ConfigInvalid,
        // Broken connections, cancelled queries, shutdowns, out of resources, errors of the system.
        (_, "08" | "57" | "53" | "58" | "25") => ErrorKind::Unavailable,
        // Syntax, names and types of what we were told to ask.
        (_, "42" | "22") => ErrorKind::ConfigInvalid,
        (_, "XX") => ErrorKind::Corrupt,
        _ => ErrorKind::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_can_be_done() {
        for (code, expected) in [
            ("28P01", ErrorKind::Unauthenticated),
            ("42501", ErrorKind::PermissionDenied),
            ("42P01", ErrorKind::NotFound),
            ("3D000", ErrorKind::NotFound),
            ("42703", ErrorKind::ConfigInvalid),
            ("53300", ErrorKind::RateLimited),
            ("40001", ErrorKind::Conflict),
            ("57014", ErrorKind::Unavailable),
            ("57P01", ErrorKind::Unavailable),
            ("25P03", ErrorKind::Unavailable),
            ("08006", ErrorKind::Unavailable),
            ("XX001", ErrorKind::Corrupt),
            ("P0001", ErrorKind::Unexpected),
        ] {
            assert_eq!(kind(&SqlState::from_code(code)), expected, "{code}");
        }
    }
}
