//! What an event is, by its shape.
//!
//! The types are our own and take no more of an event than is used, so that a field that is missing or of another type
//! somewhere else costs nothing. Emulators and older samples differ from the service in many.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use datalake_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::delivery::Delivery;
use super::{kinesis, sqs, storage};

/// An event by its shape.
#[derive(Debug)]
pub(super) enum Event {
    /// Firehose asks for records to be transformed.
    Firehose,
    /// Records, messages or objects to land.
    Delivery(Delivery),
    /// Nothing to do: S3 tries whether a notification arrives.
    Nothing,
    /// Anything else, by a schedule, a rule or by hand: what there is is to be taken, by the pipelines of these names
    /// or by all.
    Schedule(Vec<String>),
}

/// The members of an object, unparsed.
pub(super) type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// The event's members that say what it is.
const FIREHOSE: [&str; 2] = ["recordId", "kinesisRecordMetadata"];

/// Reads an event.
///
/// # Errors
/// [`RecordInvalid`](ErrorKind::RecordInvalid) if it is no JSON, or has the shape of a delivery and lacks what one
/// has; [`Unsupported`](ErrorKind::Unsupported) for records of a service that this library does not know.
pub(super) fn read(event: &[u8]) -> Result<Event> {
    if begins_as_firehose(event) {
        return Ok(Event::Firehose);
    }
    let event: &RawValue = serde_json::from_slice(event)
        .map_err(|cause| Error::new(ErrorKind::RecordInvalid, "the event is not JSON").caused_by(cause))?;
    let Some(members) = members(event) else { return Ok(Event::Schedule(Vec::new())) };
    if is_firehose(&members) {
        return Ok(Event::Firehose);
    }
    if text(&members, "Event").as_deref() == Some("s3:TestEvent") {
        return Ok(Event::Nothing);
    }
    if text(&members, "source").as_deref() == Some("aws.s3") {
        return storage::from_event_bridge(&members);
    }
    let Some(records) = members.get("Records").and_then(|records| elements(records)) else {
        return Ok(Event::Schedule(only(&members)?));
    };
    let source = records.first().and_then(|first| self::members(first));
    let source = source.and_then(|first| text(&first, "eventSource")).unwrap_or_default();
    match source.as_str() {
        "aws:kinesis" => kinesis::read(&records).map(Event::Delivery),
        "aws:sqs" => sqs::read(&records).map(Event::Delivery),
        "aws:s3" => storage::from_notification(&records),
        other => Err(Error::new(ErrorKind::Unsupported, "records of a service that is not known here")
            .with("eventSource", format_args!("{other:?}"))),
    }
}

/// Whether an event names its delivery stream before its records, as the service writes it: then nobody has to go
/// through megabytes of records to know what they are. Whether they are any is found when they are read.
fn begins_as_firehose(event: &[u8]) -> bool {
    struct Beginning<'a>(&'a mut bool);
    impl<'de> Visitor<'de> for Beginning<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
            while let Some(name) = members.next_key::<Cow<'de, str>>()? {
                match &*name {
                    "deliveryStreamArn" => {
                        *self.0 = true;
                        break;
                    }
                    "invocationId" | "region" => members.next_value::<IgnoredAny>()?,
                    _ => break,
                };
            }
            Ok(())
        }
    }
    let mut found = false;
    // The rest is left unread, which the parser calls an error.
    serde_json::Deserializer::from_slice(event).deserialize_map(Beginning(&mut found)).ok();
    found
}

/// Emulators leave out everything but the records.
fn is_firehose(members: &Members<'_>) -> bool {
    let Some(records) = members.get("records") else { return false };
    if members.contains_key("deliveryStreamArn") {
        return true;
    }
    let first = elements(records).and_then(|records| self::members(records.first()?));
    first.is_some_and(|first| FIREHOSE.iter().any(|name| first.contains_key(*name)))
}

/// The names of the pipelines that an event is for: `{"pipelines": ["orders"]}`.
fn only(members: &Members<'_>) -> Result<Vec<String>> {
    let Some(names) = members.get("pipelines") else { return Ok(Vec::new()) };
    serde_json::from_str(names.get()).map_err(|cause| {
        Error::new(ErrorKind::RecordInvalid, "`pipelines` of the event is not a list of names")
            .caused_by(cause)
    })
}

/// The members of an object; `None` for anything else.
pub(super) fn members(value: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// The elements of an array; `None` for anything else.
pub(super) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// A member as text: a string, or a number as it is written.
pub(super) fn text(members: &Members<'_>, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let raw = members.get(name)?.get();
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0.into_owned()),
        b'-' | b'0'..=b'9' => Some(raw.to_owned()),
        _ => None,
    }
}

/// A record of an event that lacks something.
pub(super) fn malformed(index: usize, what: &'static str) -> Error {
    Error::new(ErrorKind::RecordInvalid, what).with("record", index)
}
