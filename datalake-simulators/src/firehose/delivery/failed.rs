//! What failed, as lines of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::Arriving;
use super::builder::Settings;
use super::function::Failure;

/// Sets the buffers of what failed apart from those of partitions.
pub(super) const MARK: &str = "\u{1}";

/// The line of a record: why, when and after how many calls it failed, and its bytes as they came.
pub(super) fn line(
    settings: &Settings,
    record: &Arriving,
    failure: &Failure,
    tries: u32,
    now: DateTime<Utc>,
) -> Vec<u8> {
    let line = json!({
        "attemptsMade": tries,
        "arrivalTimestamp": record.arrived.timestamp_millis(),
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptEndingTimestamp": now.timestamp_millis(),
        "rawData": STANDARD.encode(&record.data),
        "lambdaARN": settings.arn,
    });
    format!("{line}\n").into_bytes()
}
