//! Records of a Kinesis stream, as an event source mapping brings them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_aws::kpl::disaggregate;
use datalake_core::Result;
use serde_json::value::RawValue;

use super::delivery::{Content, Delivery, Item, Service};
use super::event::{malformed, members, text};

pub(super) fn read(records: &[&RawValue]) -> Result<Delivery> {
    let mut delivery = Delivery { service: Service::Kinesis, from: String::new(), items: Vec::new() };
    for (index, record) in records.iter().enumerate() {
        let missing = |what| malformed(index, what);
        let record = members(record).ok_or_else(|| missing("a record is not an object"))?;
        let body = record.get("kinesis").and_then(|body| members(body));
        let body = body.ok_or_else(|| missing("a record without `kinesis`"))?;
        let sequence = text(&body, "sequenceNumber").filter(|sequence| !sequence.is_empty());
        let sequence = sequence.ok_or_else(|| missing("a record without `sequenceNumber`"))?;
        let data = text(&body, "data").ok_or_else(|| missing("a record without `data`"))?;
        let data = STANDARD.decode(data).map_err(|cause| missing("`data` is not base64").caused_by(cause))?;
        let arn = text(&record, "eventSourceARN").unwrap_or_default();
        let event_id = text(&record, "eventID").unwrap_or_default();
        let shard = event_id.split_once(':').map_or("", |(shard, _)| shard);
        let locator: Arc<str> = if shard.is_empty() { arn.clone() } else { format!("{arn}/{shard}") }.into();
        if delivery.from.is_empty() {
            delivery.from = arn;
        }
        delivery.items.extend(taken_apart(sequence.into(), &locator, data.into()));
    }
    Ok(delivery)
}

/// The records in a record of the stream: itself, or those that a producer has aggregated in it. They have its sequence
/// number, and after a slash their place in it.
fn taken_apart(sequence: Arc<str>, locator: &Arc<str>, data: Bytes) -> Vec<Item> {
    let item =
        |id: Arc<str>, data| Item::new(id, Arc::clone(&sequence), Arc::clone(locator), Content::Here(data));
    match disaggregate(&data) {
        Some(parts) => {
            (0..).zip(parts).map(|(n, part)| item(format!("{sequence}/{n}").into(), part.data)).collect()
        }
        None => vec![item(Arc::clone(&sequence), data)],
    }
}
