//! Times as the server tells them: microseconds since 2000.

use chrono::{DateTime, Utc};

/// From 1970 to 2000, microseconds.
const EPOCH: i64 = 946_684_800_000_000;

/// The time now, as the server would tell it.
pub(super) fn now() -> i64 {
    Utc::now().timestamp_micros() - EPOCH
}

/// A time that the server told.
pub(super) fn of(told: i64) -> Option<DateTime<Utc>> {
    told.checked_add(EPOCH).and_then(DateTime::from_timestamp_micros)
}
