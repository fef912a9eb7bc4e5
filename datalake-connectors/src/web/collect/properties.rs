//! What lineage keeps beside a document.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::body::Found;
use super::events::time_text;
use super::route::Route;
use super::visitor::Visitor;

/// The protocol: `snowplow` or `segment`.
pub(super) const PROTOCOL: &str = "protocol";
/// When the request was received.
pub(super) const RECEIVED: &str = "received_at";
/// When its sender says that it was sent, where that stands around the events.
pub(super) const SENT: &str = "sent_at";
/// The type of the event, where the path says it.
pub(super) const TYPE: &str = "type";

/// The longest time of a sender, in bytes.
const LONGEST: usize = 64;

/// What is known of a request.
pub(super) fn properties(
    route: Route,
    now: DateTime<Utc>,
    found: &Found,
    visitor: &Visitor,
) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut put = |name: &str, value: String| drop(properties.insert(name.to_owned(), value.into()));
    put(PROTOCOL, if route.is_segment() { "segment" } else { "snowplow" }.to_owned());
    put(RECEIVED, time_text(now));
    if let Route::SegmentEvent(kind) = route {
        put(TYPE, kind.to_owned());
    }
    if let Some(sent) = found.sent_at.as_ref().filter(|sent| sent.len() <= LONGEST) {
        put(SENT, sent.clone());
    }
    visitor.describe(&mut properties);
    properties
}
