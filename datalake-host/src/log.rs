//! What may be logged.

use tracing::{Level, Metadata};

/// Whether an event may be logged whatever the filter says: not those of the AWS SDK at `TRACE`, in which it shows
/// requests with the session token in their headers. The logs of a worker hold them back; a program with a subscriber of
/// its own should too:
///
/// ```
/// use tracing_subscriber::filter::filter_fn;
/// use tracing_subscriber::prelude::*;
///
/// let logs = tracing_subscriber::registry()
///     .with(filter_fn(datalake_host::may_be_logged))
///     .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr));
/// # drop(logs);
/// ```
#[must_use]
pub fn may_be_logged(event: &Metadata<'_>) -> bool {
    *event.level() != Level::TRACE || !event.target().starts_with("aws_")
}
