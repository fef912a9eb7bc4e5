//! A batch as events.

use datalake_core::{Batch, Record, RecordError, Refused};

use super::claim::{Claim, Oversized};
use super::event::{Data, Shape, content_type};

/// The event of a record.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) key: String,
    pub(crate) data: Vec<u8>,
}

/// What became of the records of a batch, in order.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) events: Vec<Event>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) refused: Vec<Refused>,
}

/// Makes events of the records of a batch, of at most `limit` bytes with their keys, which may
/// depend on a record and its event id.
pub(crate) fn encode(
    batch: &Batch,
    shape: &Shape,
    oversized: &Oversized,
    limit: usize,
    mut key: impl FnMut(&Record, &str) -> Result<String, RecordError>,
) -> Encoded {
    let head = shape.head(batch);
    let mut encoded = Encoded { events: Vec::with_capacity(batch.records.len()), ..Encoded::default() };
    for (index, record) in batch.records.iter().enumerate() {
        let id = batch.event_id(record);
        let origin = record.origin().id(&batch.id).local();
        let event = key(record, &id).and_then(|key| {
            let mut data = head.write(record, &origin, &id, &Data::Itself);
            let mut bytes = data.len() + key.len();
            if let Some(check) = oversized.claim_check().filter(|_| bytes > limit) {
                let at = check.key(batch.dataset.as_str(), &id);
                data = head.write(record, &origin, &id, &Data::At(&check.uri(&at)));
                bytes = data.len() + key.len();
                let (body, media) = (record.body().clone(), content_type(record));
                encoded.claims.push(Claim { key: at, body, media });
            }
            if bytes > limit {
                let message = format!("as an event it has {bytes} bytes, and the stream takes {}", limit);
                return Err(RecordError::new("too-large", message));
            }
            Ok(Event { key, data })
        });
        match event {
            Ok(event) => encoded.events.push(event),
            Err(error) => encoded.refused.push(Refused { index, error }),
        }
    }
    encoded
}
