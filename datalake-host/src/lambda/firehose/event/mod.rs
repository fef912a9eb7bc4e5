//! The event: what Firehose hands over, and where each part of it stands.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::Result;

mod tolerant;
mod usual;

#[cfg(test)]
mod tests;

/// An event, and the bytes that it was read from.
#[derive(Debug)]
pub(super) struct Event {
    bytes: Bytes,
    pub(super) invocation: String,
    pub(super) stream: String,
    pub(super) records: Vec<Given>,
}

/// One record of an event.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Given {
    id: Text,
    /// `None` if there is none in Base64.
    data: Option<Text>,
    /// When Firehose got it.
    pub(super) arrival: Option<DateTime<Utc>>,
}

/// A text of the event.
#[derive(Debug, PartialEq)]
enum Text {
    /// It stands there as it is.
    There(Range<usize>),
    /// It stood there with escapes.
    Own(Box<[u8]>),
}

impl Default for Text {
    fn default() -> Self {
        Self::There(0..0)
    }
}

impl Event {
    /// Reads an event. A record that is odd costs no other: it is there with the reason.
    ///
    /// # Errors
    /// [`RecordInvalid`](datalake_core::ErrorKind::RecordInvalid) if it is not JSON or has no list of records.
    pub(super) fn read(bytes: Bytes) -> Result<Self> {
        let parts = match usual::read(&bytes) {
            Some(parts) => parts,
            None => tolerant::read(&bytes)?,
        };
        let Parts { invocation, stream, records } = parts;
        Ok(Self { bytes, invocation, stream, records })
    }

    /// The id of a record as it stands in the JSON, quotes included; empty if there is none that can be given back.
    pub(super) fn id<'a>(&'a self, given: &'a Given) -> &'a [u8] {
        self.text(&given.id)
    }

    /// What Firehose was given, in Base64.
    pub(super) fn data<'a>(&'a self, given: &'a Given) -> Option<&'a [u8]> {
        given.data.as_ref().map(|data| self.text(data))
    }

    fn text<'a>(&'a self, text: &'a Text) -> &'a [u8] {
        match text {
            Text::There(range) => &self.bytes[range.clone()],
            Text::Own(bytes) => bytes,
        }
    }
}

/// What is read of an event.
#[derive(Debug, Default, PartialEq)]
struct Parts {
    invocation: String,
    stream: String,
    records: Vec<Given>,
}
