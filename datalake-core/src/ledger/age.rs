//! How old an object may be when a commit names it.

use std::time::Duration;

use tokio::time::Instant;

use super::Commit;
use crate::{Error, ErrorKind, Result};

/// What was written longer ago than this is not committed, so that a clean-up that spares younger objects does not take one
/// that a commit is about to name.
const LONGEST_WRITE: Duration = Duration::from_secs(6 * 3600);

/// Checks that a commit may still name what was written since a time.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) if it took too long: a run writes it again, and a command ends.
pub(crate) fn check_age(commit: &Commit, since: Instant) -> Result<()> {
    if since.elapsed() <= LONGEST_WRITE {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unavailable, "a write took too long to be committed")
        .with("commit", commit.name()))
}
