//! One error for every component: what the caller can do about it, and everything needed to find out why.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The result of every fallible call in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, named for what the caller can do about it.
///
/// What a peer over HTTP answers is told like this:
///
/// ```
/// use std::time::Duration;
///
/// use datalake_core::{Error, ErrorKind};
///
/// fn refused(status: u16, retry_after: Option<Duration>) -> Error {
///     let error = match status {
///         401 => Error::new(ErrorKind::Unauthenticated, "the meter does not know us"),
///         403 => Error::new(ErrorKind::PermissionDenied, "the meter refuses"),
///         404 | 410 => Error::new(ErrorKind::NotFound, "the meter has no such readings"),
///         429 => Error::new(ErrorKind::RateLimited, "the meter asks for a pause"),
///         408 | 500..=599 => Error::new(ErrorKind::Unavailable, "the meter cannot answer now"),
///         _ => Error::new(ErrorKind::Unexpected, "the meter gave an answer of no use"),
///     };
///     let error = error.component("meter.readings").with("status", status);
///     match retry_after {
///         Some(pause) if error.is_retryable() => error.after(pause),
///         _ => error,
///     }
/// }
///
/// let error = refused(503, Some(Duration::from_secs(7)));
/// assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(7))));
/// assert!(!refused(401, None).is_retryable());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is wrong. Mend the configuration.
    ConfigInvalid,
    /// The peer does not know who we are. Mend or refresh the credentials.
    Unauthenticated,
    /// The peer knows us and refuses. Mend the grant.
    PermissionDenied,
    /// The thing named does not exist.
    NotFound,
    /// Too many calls. Wait, as long as [`Error::retry_after`] says where it says so.
    RateLimited,
    /// The peer cannot be reached or cannot answer now. Try again.
    Unavailable,
    /// A position is not of this source, or the source no longer has what follows it.
    PositionInvalid,
    /// A record breaks the rules of its format.
    RecordInvalid,
    /// A record or document is larger than a limit allows.
    RecordTooLarge,
    /// Somebody else changed the thing first.
    Conflict,
    /// The component cannot do this at all.
    Unsupported,
    /// Stored data is not what was written: a checksum, a hash chain or a length does not hold.
    Corrupt,
    /// A broken expectation, here or at the peer. Report it.
    Unexpected,
}

impl ErrorKind {
    /// The kind as one lower-case word, as logs and machine output show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "config-invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission-denied",
            Self::NotFound => "not-found",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::PositionInvalid => "position-invalid",
            Self::RecordInvalid => "record-invalid",
            Self::RecordTooLarge => "record-too-large",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::Corrupt => "corrupt",
            Self::Unexpected => "unexpected",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retryability {
    Permanent,
    Temporary,
    Exhausted,
}

/// Why a call failed.
///
/// An `Err` always means that *the call* failed. One bad record is never an `Err`: it is a rejected record
/// and goes to quarantine (see [`RecordError`]).
///
/// Whether another try can help is a property of its own, beside the kind. [`ErrorKind::RateLimited`] and
/// [`ErrorKind::Unavailable`] start out retryable. Whoever has tried again, by a [`Retry`](crate::Retry), and gives up, says
/// so: the error is *exhausted*, and no outer layer tries again.
///
/// ```
/// use datalake_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "the shop does not answer")
///     .component("web.poll")
///     .with("url", "https://shop.example/orders");
/// assert!(error.is_retryable());
/// assert_eq!(
///     error.to_string(),
///     "web.poll: unavailable: the shop does not answer (url: https://shop.example/orders)"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    retryability: Retryability,
    retry_after: Option<Duration>,
    component: Option<Cow<'static, str>>,
    context: Vec<(&'static str, String)>,
    cause: Option<Cause>,
}

impl Error {
    /// An error of a kind, with a message that says what failed and never contains a secret.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let retryability = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => Retryability::Temporary,
            _ => Retryability::Permanent,
        };
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retryability,
            retry_after: None,
            component: None,
            context: Vec::new(),
            cause: None,
        }))
    }

    /// A wrong setting.
    pub fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::ConfigInvalid, message)
    }

    /// A broken expectation.
    pub fn unexpected(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// An input or output error of the local machine, classified by its kind.
    pub fn io(message: impl Into<Cow<'static, str>>, cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match cause.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied => ErrorKind::PermissionDenied,
            Io::AlreadyExists => ErrorKind::Conflict,
            Io::InvalidInput | Io::InvalidFilename | Io::NotADirectory | Io::IsADirectory => {
                ErrorKind::ConfigInvalid
            }
            Io::TimedOut
            | Io::Interrupted
            | Io::WouldBlock
            | Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::BrokenPipe
            | Io::NotConnected
            | Io::StorageFull
            | Io::QuotaExceeded
            | Io::ResourceBusy => ErrorKind::Unavailable,
            Io::InvalidData | Io::UnexpectedEof => ErrorKind::Corrupt,
            _ => ErrorKind::Unexpected,
        };
        Self::new(kind, message).caused_by(cause)
    }

    /// Says which component failed, for instance `web.poll`. The innermost name stays.
    #[must_use]
    pub fn component(mut self, component: impl Into<Cow<'static, str>>) -> Self {
        self.0.component.get_or_insert_with(|| component.into());
        self
    }

    /// Adds a fact that helps to find the cause. Never a secret; URLs without their query.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds the error beneath this one.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Says that another try can help, whatever the kind.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryability = Retryability::Temporary;
        self
    }

    /// Says that another try cannot help, whatever the kind.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.0.retryability = Retryability::Permanent;
        self
    }

    /// Says that another try can help after a delay, as the peer asked.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self.retryable()
    }

    /// Says that the tries are used up, so that no outer layer begins again.
    #[must_use]
    pub fn exhausted(mut self) -> Self {
        if self.0.retryability == Retryability::Temporary {
            self.0.retryability = Retryability::Exhausted;
        }
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message alone, without component, kind, context and cause.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether another try can help and nobody has used up the tries yet.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryability == Retryability::Temporary
    }

    /// Whether the condition passes by itself, even if the tries for now are used up.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.0.retryability != Retryability::Permanent
    }

    /// How long the peer asked us to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(component) = &self.0.component {
            write!(f, "{component}: ")?;
        }
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        for (n, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}: {value}", if n == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        if let Some(cause) = &self.0.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        out.field("retryability", &self.0.retryability);
        if let Some(delay) = self.0.retry_after {
            out.field("retry_after", &delay);
        }
        if let Some(component) = &self.0.component {
            out.field("component", component);
        }
        if !self.0.context.is_empty() {
            out.field("context", &self.0.context);
        }
        if let Some(cause) = &self.0.cause {
            out.field("cause", cause);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| &**cause as _)
    }
}

/// Why one record was refused: a stable reason to count by, a message for a person, and where in the record.
///
/// It is not an [`Error`]: the call that met the record goes on, and the record goes to quarantine with this.
/// The message may quote a name or a type out of the record, never a value that a mask is meant to hide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}{}", .path.as_deref().map(|path| format!(" at {path}")).unwrap_or_default())]
pub struct RecordError {
    /// A short, stable word to count by, for instance `json` or `cast`.
    pub reason: Cow<'static, str>,
    /// What is wrong, for a person.
    pub message: String,
    /// Where in the record, as a JSON Pointer, where that makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl RecordError {
    /// A refusal with its reason and message.
    pub fn new(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), path: None }
    }

    /// Says where in the record.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exhausted_error_is_temporary_but_not_retryable() {
        let error = Error::new(ErrorKind::Unavailable, "down").exhausted();
        assert!(!error.is_retryable());
        assert!(error.is_temporary());
    }

    #[test]
    fn a_permanent_error_does_not_become_temporary_by_exhaustion() {
        assert!(!Error::config("no url").exhausted().is_temporary());
    }

    #[test]
    fn the_innermost_component_is_named() {
        let error = Error::unexpected("x").component("inner").component("outer");
        assert_eq!(error.to_string(), "inner: unexpected: x");
    }

    #[test]
    fn a_record_error_names_its_path() {
        let error = RecordError::new("cast", "not an integer").at("/qty");
        assert_eq!(error.to_string(), "cast: not an integer at /qty");
    }
}
