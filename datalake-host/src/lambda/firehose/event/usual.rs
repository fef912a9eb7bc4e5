//! The event as Firehose writes it, read in one look: the data of a record is passed over from quote to quote, and is
//! checked when it is decoded.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::tolerant::{text, time};
use super::{Given, Parts, Text};

/// Reads an event. `None` if it is not just as it always is, and then a more tolerant reader must say what it is.
pub(super) fn read(bytes: &[u8]) -> Option<Parts> {
    let mut reader = Reader { bytes, at: 0 };
    let (mut invocation, mut stream, mut records) = (None, None, None);
    reader.object(|reader, key| match key {
        b"invocationId" => once(&mut invocation, text(reader.any()?)?),
        b"deliveryStreamArn" => once(&mut stream, text(reader.any()?)?),
        b"records" => once(&mut records, reader.records()?),
        _ => reader.any().map(drop),
    })?;
    reader.space();
    let parts = Parts {
        invocation: invocation.unwrap_or_default(),
        stream: stream.unwrap_or_default(),
        records: records?,
    };
    (reader.at == bytes.len()).then_some(parts)
}

/// Sets what must come no more than once.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Reads what stands at a place of the event, and goes on to the byte after it.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }

    fn space(&mut self) {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Takes a byte, after white space. Says whether it was there.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let there = self.byte() == byte;
        self.at += usize::from(there);
        there
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    /// Takes an object, whose values `member` takes.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &[u8]) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.takes(b'}') {
            return Some(());
        }
        loop {
            let key = self.name()?;
            self.take(b':')?;
            let bytes = self.bytes;
            member(self, &bytes[key])?;
            if !self.takes(b',') {
                return self.take(b'}');
            }
        }
    }

    fn records(&mut self) -> Option<Vec<Given>> {
        self.take(b'[')?;
        let mut records = Vec::new();
        if self.takes(b']') {
            return Some(records);
        }
        loop {
            let from = self.at;
            records.push(self.record()?);
            if !self.takes(b',') {
                self.take(b']')?;
                return Some(records);
            }
            if records.len() == 1 {
                // One record is as long as another, about.
                records.reserve((self.bytes.len() - self.at) / (self.at - from) + 1);
            }
        }
    }

    fn record(&mut self) -> Option<Given> {
        let (mut id, mut data, mut arrival) = (None, None, None);
        self.object(|reader, key| match key {
            b"recordId" => once(&mut id, reader.id()?),
            b"data" => once(&mut data, reader.string()?),
            b"approximateArrivalTimestamp" => once(&mut arrival, reader.arrival()?),
            _ => reader.any().map(drop),
        })?;
        Some(Given { id: Text::There(id?), data: Some(Text::There(data?)), arrival: arrival.flatten() })
    }

    /// Takes an id, and gives its place with the quotes.
    fn id(&mut self) -> Option<Range<usize>> {
        let Range { start, end } = self.name()?;
        (start < end).then_some(start - 1..end + 1)
    }

    /// Takes a time in whole milliseconds.
    fn arrival(&mut self) -> Option<Option<DateTime<Utc>>> {
        self.space();
        let digits = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = &self.bytes[self.at..self.at + digits];
        if matches!(number, [b'1'..=b'9', ..])
            && digits <= 15
            && matches!(self.bytes.get(self.at + digits), Some(b',' | b'}'))
        {
            self.at += digits;
            let millis = number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            return Some(DateTime::from_timestamp_millis(millis));
        }
        self.any().map(time)
    }

    /// Takes a string of which each byte stands for itself in any text.
    fn name(&mut self) -> Option<Range<usize>> {
        let range = self.string()?;
        // All are looked at, wrong ones or not, and so several at a time.
        let odd =
            self.bytes[range.clone()].iter().fold(false, |odd, byte| odd | !matches!(byte, b' '..=b'~'));
        (!odd).then_some(range)
    }

    /// Takes a string without escapes, and gives its place without the quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        let length = memchr::memchr2(b'"', b'\\', &self.bytes[start..])?;
        self.at += length;
        self.take(b'"')?;
        Some(start..start + length)
    }

    /// Takes any value.
    fn any(&mut self) -> Option<&'a RawValue> {
        let mut values =
            serde_json::Deserializer::from_slice(&self.bytes[self.at..]).into_iter::<&RawValue>();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}
