//! What can go wrong, and what is written down of it.

use std::fmt;
use std::time::Duration;

use crate::{Error, ErrorKind};

/// An operation of an [`ObjectStore`](crate::store::ObjectStore).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// `put`
    Put,
    /// `put_if_absent`
    PutIfAbsent,
    /// `get`
    Get,
    /// `get_range`
    GetRange,
    /// `head`
    Head,
    /// `list`
    List,
    /// `delete`
    Delete,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 7] =
        [Self::Put, Self::PutIfAbsent, Self::Get, Self::GetRange, Self::Head, Self::List, Self::Delete];

    fn writes(self) -> bool {
        matches!(self, Self::Put | Self::PutIfAbsent | Self::Delete)
    }
}

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    None,
    /// It does not happen, and the caller is told that the store is unavailable: a refused connection, a 503.
    Before,
    /// It does not happen, and the caller is told that there were too many calls and to wait for a second.
    Throttled,
    /// It does not happen, and the caller is told that he may not do it.
    Denied,
    /// A write happens, and the caller is told that the store is unavailable: a reset, a time-out, a 500.
    Lost,
    /// The caller is told that the store is unavailable, and the write happens when so many more operations have
    /// begun, whatever has become of the caller.
    Late {
        /// How many operations begin before it.
        after: u64,
    },
    /// A put if absent does not happen because another write of the key is under way: a 409. Trying again helps.
    Conflict,
    /// A put if absent happens, and the caller is told that the object exists, because a retry below him found his own
    /// object.
    OwnAnswer,
    /// It takes a time. A write whose caller does not wait for it happens a few operations later.
    Slow(Duration),
    /// The answer ends early, and the client notices: unavailable. A list gives some of its objects before that.
    Truncated,
    /// The answer ends early, and nobody notices: fewer bytes. Only a digest can tell.
    Short,
    /// One bit of the answer is another. Only a digest can tell.
    Flipped,
}

impl Fault {
    /// Whether it can happen to this kind of operation.
    #[must_use]
    pub fn concerns(self, op: Op) -> bool {
        match self {
            Self::None | Self::Before | Self::Throttled | Self::Denied | Self::Slow(_) => true,
            Self::Lost | Self::Late { .. } => op.writes(),
            Self::Conflict | Self::OwnAnswer => op == Op::PutIfAbsent,
            Self::Truncated => matches!(op, Op::Get | Op::GetRange | Op::List),
            Self::Short | Self::Flipped => matches!(op, Op::Get | Op::GetRange),
        }
    }

    /// Whether the operation does not happen and the caller gets an error.
    pub(super) fn is_error(self) -> bool {
        matches!(self, Self::Before | Self::Throttled | Self::Denied | Self::Conflict | Self::Truncated)
    }
}

/// What the caller is told.
pub(super) fn error(fault: Fault, key: &str) -> Error {
    let error = match fault {
        Fault::Throttled => {
            Error::new(ErrorKind::RateLimited, "too many calls").after(Duration::from_secs(1))
        }
        Fault::Denied => Error::new(ErrorKind::PermissionDenied, "not allowed"),
        Fault::Conflict => {
            Error::new(ErrorKind::Conflict, "another write of the key is under way").retryable()
        }
        Fault::Truncated => Error::new(ErrorKind::Unavailable, "the answer ended early"),
        Fault::Lost | Fault::Late { .. } => Error::new(ErrorKind::Unavailable, "no answer came"),
        _ => Error::new(ErrorKind::Unavailable, "the store cannot be reached"),
    };
    error.component("testkit.faulty").with("key", key)
}

/// One line of the log of a [`FaultyStore`](super::FaultyStore).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The number of the operation, from 0.
    pub n: u64,
    /// Its kind.
    pub op: Op,
    /// Its key, or the prefix of a list.
    pub key: String,
    /// What went wrong.
    pub fault: Fault,
    /// Whether this is not the beginning of the operation but the late arrival of its write.
    pub late: bool,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = if self.late { " arrives" } else { "" };
        write!(f, "{} {:?} {:?} {:?}{late}", self.n, self.op, self.key, self.fault)
    }
}
