//! What trackers send, as rows to work with.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::{Record, RecordError, Records, Result, Transform, async_trait};
use serde_json::{Map, Value};

use super::properties::PROTOCOL;

mod fields;
mod members;
mod segment;
mod snowplow;
mod time;

pub(super) use time::text as time_text;

/// Makes rows of Snowplow's events: the short names of the tracker protocol become those of Snowplow's own tables.
///
/// `e` becomes `event` (`page_view`, `page_ping`, `struct`, `unstruct`, `transaction`, `transaction_item`), `eid` becomes
/// `event_id`, `url` becomes `page_url` and so on. Times become RFC 3339 in UTC, numbers and truth values become JSON, sizes
/// such as `1280x720` become two numbers. The self-describing event, in base64 (`ue_px`) or not (`ue_pr`), becomes
/// `unstruct_event`, and contexts (`cx`, `co`) become `contexts`, each with `schema` and `data` as they were. Names that the
/// protocol does not know stay, with their text, in `other`.
///
/// `collector_tstamp` is when the collector received the event. `derived_tstamp` is when it happened: the tracker's
/// `true_tstamp` if it sent one, else `collector_tstamp - (dvce_sent_tstamp - dvce_created_tstamp)`, which takes the error of
/// the device's clock out; `collector_tstamp` where one of the two is missing, or they are in the wrong order.
///
/// An event that is no object, that says no known kind of event, of more than 64 KiB, or with a value that does not fit its field
/// is refused with the reason `snowplow`, and the field. Records of other protocols pass unchanged.
#[must_use]
pub fn snowplow_event() -> impl Transform + fmt::Debug {
    snowplow_event_up_to(SNOWPLOW_EVENT)
}

/// The same for events of so many bytes at most.
#[must_use]
pub fn snowplow_event_up_to(bytes: usize) -> impl Transform + fmt::Debug {
    Rows { name: "snowplow-event", version: "2", protocol: "snowplow", most: bytes, make: snowplow::row }
}

/// Completes Segment's events with what their service would add: `type`, from the path if the event does not say it;
/// `sentAt`, from around the events; `receivedAt`; `originalTimestamp`, which is what the sender's clock said; and
/// `timestamp`, which is when the event happened.
///
/// `timestamp` is `receivedAt - (sentAt - originalTimestamp)`, which takes the error of the sender's clock out. Without
/// `sentAt` it is `originalTimestamp`, without that, or if it would be later than it was received, `receivedAt`. Everything else
/// stays as it was sent.
///
/// An event that is no object, of an unknown type, or with a time that is none is refused with the reason `segment`, and the
/// field. Records of other protocols pass unchanged.
#[must_use]
pub fn segment_event() -> impl Transform + fmt::Debug {
    Rows { name: "segment-event", version: "1", protocol: "segment", most: usize::MAX, make: segment::row }
}

/// How large an event of Snowplow is, in bytes, unless told otherwise.
const SNOWPLOW_EVENT: usize = 64 << 10;

/// Makes a row of an event and of what is known of the request.
type Make = fn(&[u8], &Map<String, Value>) -> Result<Vec<u8>, RecordError>;

/// Makes a row of each record of one protocol.
struct Rows {
    name: &'static str,
    version: &'static str,
    protocol: &'static str,
    /// How many bytes an event has at most.
    most: usize,
    make: Make,
}

#[async_trait]
impl Transform for Rows {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> &'static str {
        self.version
    }

    async fn apply(&self, mut records: Records) -> Result<Records> {
        let documents = Arc::clone(records.documents());
        records.try_map(|record| {
            let document = &documents[usize::from(record.origin().document)];
            match document.properties().filter(|all| all.get(PROTOCOL).is_some_and(|p| p == self.protocol)) {
                Some(properties) => self.row(record, properties),
                None => Ok(record),
            }
        });
        Ok(records)
    }
}

impl Rows {
    fn row(&self, record: Record, properties: &Map<String, Value>) -> Result<Record, RecordError> {
        if record.body().len() > self.most {
            let message = format!("the event is larger than {} bytes", self.most);
            return Err(RecordError::new(self.protocol, message));
        }
        let row = (self.make)(record.body(), properties)?;
        Ok(record.with_body(Bytes::from(row)))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
