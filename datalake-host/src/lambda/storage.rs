//! New objects of S3, as the bucket's own notification or EventBridge tells of them.

use std::sync::Arc;

use datalake_core::Result;
use serde_json::value::RawValue;

use super::delivery::{Content, Delivery, Item, Object, Service};
use super::event::{Event, Members, malformed, members, text};

/// A notification of the bucket. Its keys are encoded as in a form: `+` is a space.
pub(super) fn from_notification(records: &[&RawValue]) -> Result<Event> {
    let mut items = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let missing = |what| malformed(index, what);
        let record = members(record).ok_or_else(|| missing("a notification is not an object"))?;
        let name = text(&record, "eventName").unwrap_or_default();
        if !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            continue;
        }
        let body = record.get("s3").and_then(|body| members(body));
        let body = body.ok_or_else(|| missing("a notification without `s3`"))?;
        let (bucket, object) = bucket_and_object(&body);
        let bucket = bucket.ok_or_else(|| missing("a notification without the name of a bucket"))?;
        let object = object.ok_or_else(|| missing("a notification without `object`"))?;
        let key = text(&object, "key").ok_or_else(|| missing("a notification without `key`"))?;
        let key = decode(&key).ok_or_else(|| missing("the key is not UTF-8"))?;
        items.push(item(bucket, key, version(&object, "versionId", "eTag")));
    }
    Ok(delivery(items))
}

/// An event of EventBridge. Its key is written as it is.
pub(super) fn from_event_bridge(event: &Members<'_>) -> Result<Event> {
    if text(event, "detail-type").as_deref() != Some("Object Created") {
        return Ok(Event::Nothing);
    }
    let missing = |what| malformed(0, what);
    let detail = event.get("detail").and_then(|detail| members(detail));
    let detail = detail.ok_or_else(|| missing("an event of S3 without `detail`"))?;
    let (bucket, object) = bucket_and_object(&detail);
    let bucket = bucket.ok_or_else(|| missing("an event of S3 without the name of a bucket"))?;
    let object = object.ok_or_else(|| missing("an event of S3 without `object`"))?;
    let key = text(&object, "key").ok_or_else(|| missing("an event of S3 without `key`"))?;
    Ok(delivery(vec![item(bucket, key, version(&object, "version-id", "etag"))]))
}

fn bucket_and_object<'a>(body: &Members<'a>) -> (Option<String>, Option<Members<'a>>) {
    let bucket = body.get("bucket").and_then(|bucket| text(&members(bucket)?, "name"));
    (bucket, body.get("object").and_then(|object| members(object)))
}

/// What tells this object from an older and a newer one of the same key.
fn version(object: &Members<'_>, version: &str, etag: &str) -> String {
    let part = |name: &str| text(object, name).unwrap_or_default();
    format!("{}#{}#{}", part(version), part(etag), part("sequencer"))
}

fn item(bucket: String, key: String, version: String) -> Item {
    let locator: Arc<str> = format!("s3://{bucket}/{key}").into();
    let content = Content::Object(Object { bucket, key });
    Item::new(version.into(), Arc::clone(&locator), locator, content)
}

fn delivery(items: Vec<Item>) -> Event {
    let Some(Content::Object(first)) = items.first().map(|item| &item.content) else { return Event::Nothing };
    let from = format!("arn:aws:s3:::{}", first.bucket);
    Event::Delivery(Delivery { service: Service::Storage, from, items })
}

/// Decodes a key of a notification. `None` if it is not UTF-8.
fn decode(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = match after {
            [high, low, ..] if first == b'%' => hexadecimal(*high).zip(hexadecimal(*low)),
            _ => None,
        };
        match digits {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_notification_is_decoded_as_a_form() {
        for (encoded, key) in [
            ("in/a+b%2Bc.json", Some("in/a b+c.json")),
            ("%C3%A4%20%3d", Some("ä =")),
            ("100%", Some("100%")),
            ("%4", Some("%4")),
            ("%zz", Some("%zz")),
            ("%ff", None),
        ] {
            assert_eq!(decode(encoded).as_deref(), key, "{encoded}");
        }
    }
}
