//! Messages of an SQS queue, as an event source mapping brings them.

use std::sync::Arc;

use bytes::Bytes;
use datalake_core::Result;
use serde_json::value::RawValue;

use super::delivery::{Content, Delivery, Item, Service};
use super::event::{malformed, members, text};

pub(super) fn read(records: &[&RawValue]) -> Result<Delivery> {
    let mut from = String::new();
    let mut items = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let missing = |what| malformed(index, what);
        let record = members(record).ok_or_else(|| missing("a message is not an object"))?;
        let id = text(&record, "messageId").filter(|id| !id.is_empty());
        let id: Arc<str> = id.ok_or_else(|| missing("a message without `messageId`"))?.into();
        let body = text(&record, "body").ok_or_else(|| missing("a message without `body`"))?;
        let arn = text(&record, "eventSourceARN").unwrap_or_default();
        let content = Content::Here(Bytes::from(body));
        items.push(Item::new(Arc::clone(&id), id, arn.as_str().into(), content));
        if from.is_empty() {
            from = arn;
        }
    }
    Ok(Delivery { service: Service::Sqs { fifo: from.ends_with(".fifo") }, from, items })
}
