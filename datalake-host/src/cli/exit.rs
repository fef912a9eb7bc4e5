//! The codes a worker ends with.

use datalake_core::{Error, ErrorKind};

/// The code a worker ends with, by what whoever started it can do.
///
/// A second ctrl-c or SIGTERM ends `run` at once, with 130. What was committed stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: it did what it was told.
    Done = 0,
    /// 1: `verify` found problems, or something failed in a way that should be reported.
    Failed = 1,
    /// 2: the command line is wrong.
    Usage = 2,
    /// 3: a setting, a credential or a grant is wrong; it fails again until that is mended.
    Config = 3,
    /// 4: a peer cannot be reached or has too much to do; start it again later.
    Temporary = 4,
    /// 5: there is no such record, dataset or input.
    NotFound = 5,
    /// 6: stored data is not what was written, or the source no longer has what follows the last commit.
    Damaged = 6,
}

impl Exit {
    /// The code for an error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        if error.is_temporary() {
            return Self::Temporary;
        }
        match error.kind() {
            ErrorKind::ConfigInvalid
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::Unsupported => Self::Config,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Corrupt | ErrorKind::PositionInvalid => Self::Damaged,
            _ => Self::Failed,
        }
    }

    /// The code for both of two ends: that which waiting alone does not mend.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done | Self::Temporary, other) if other != Self::Done => other,
            (this, _) => this,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_passes_gives_way_to_one_that_stays() {
        let config = Exit::of(&Error::config("x"));
        let temporary = Exit::of(&Error::new(ErrorKind::Unavailable, "x").exhausted());
        assert_eq!((config, temporary), (Exit::Config, Exit::Temporary));
        assert_eq!(Exit::Done.and(temporary).and(config).and(Exit::Done), Exit::Config);
        assert_eq!(config.and(temporary), Exit::Config);
        assert_eq!(temporary.and(Exit::Done), Exit::Temporary);
    }
}
