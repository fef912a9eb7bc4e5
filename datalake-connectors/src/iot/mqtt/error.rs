//! What a broker's answers mean to the caller.

use std::io;

use datalake_core::{Error, ErrorKind};

use super::packet::{Malformed, Version};

/// What a broker says in CONNACK or DISCONNECT, or in SUBACK of one filter.
pub(super) fn refused(what: &'static str, version: Version, code: u8, reason: Option<&str>) -> Error {
    let kind = match (version, code) {
        (Version::V3, 1) | (Version::V5, 0x84 | 0x9a | 0x9b | 0x9e | 0xa1 | 0xa2) => ErrorKind::Unsupported,
        (Version::V3, 2) | (Version::V5, 0x85 | 0x8f | 0x90 | 0x9c | 0x9d) => ErrorKind::ConfigInvalid,
        (Version::V3, 4 | 5) | (Version::V5, 0x86 | 0x8c) => ErrorKind::Unauthenticated,
        (Version::V3, 0x80) | (Version::V5, 0x87 | 0x8a) => ErrorKind::PermissionDenied,
        (Version::V5, 0x8e) => ErrorKind::Conflict,
        (Version::V5, 0x95) => ErrorKind::RecordTooLarge,
        (Version::V5, 0x93 | 0x96 | 0x97 | 0x9f) => ErrorKind::RateLimited,
        (Version::V5, 0x81 | 0x82 | 0x94 | 0x99) => ErrorKind::Unexpected,
        _ => ErrorKind::Unavailable,
    };
    let error = Error::new(kind, what).with("code", format_args!("{code:#04x}"));
    match reason {
        Some(reason) => error.with("reason", format_args!("{reason:?}")),
        None => error,
    }
}

/// A connection that broke.
pub(super) fn broken(cause: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the connection to the broker broke").caused_by(cause)
}

/// A peer that sends what no broker may: perhaps something else answers in its place.
pub(super) fn malformed(Malformed(why): Malformed) -> Error {
    Error::new(ErrorKind::Unavailable, "what answers does not speak MQTT as a broker does").with("why", why)
}

/// A connection that ended early.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the broker closed the connection")
}

/// A broker that does not answer in time.
pub(super) fn silent(what: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, "the broker does not answer").with("waiting_for", what)
}

/// Whether other credentials may help.
pub(super) fn is_about_credentials(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied)
}
