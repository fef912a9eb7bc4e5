//! What Firehose was given, out of Base64 and out of the events of our own sinks.

use std::ops::Range;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use bytes::Bytes;
use datalake_core::{Content, RecordError};

use super::envelope::{self, Opened, Origin};
use super::event::{Event, Given};

/// The reason of a record whose data is no Base64.
pub(super) const NO_BASE64: &str = "base64";

/// Some records of an event, decoded.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// What is to be transformed, record after record.
    pub(super) pieces: Vec<Piece>,
    /// Of each record how many pieces it has, or why it has none.
    pub(super) records: Vec<Result<usize, RecordError>>,
}

/// A record as it came, or out of an event.
#[derive(Debug)]
pub(super) struct Piece {
    /// Empty once it is on its way.
    pub(super) body: Bytes,
    /// What is known of the content and where it came from, if it was in an event.
    pub(super) opened: Option<(Content, Origin)>,
}

/// Decodes records of an event. The data of all is decoded into one piece of memory.
pub(super) fn decode(event: &Event, records: &[Given]) -> Decoded {
    let longest =
        |given: &Given| event.data(given).map_or(0, |data| base64::decoded_len_estimate(data.len()));
    let mut memory = Vec::with_capacity(records.iter().map(longest).sum());
    let ranges: Vec<_> = records
        .iter()
        .map(|given| {
            let no_data = || RecordError::new("data", "the record has no data in Base64");
            let start = memory.len();
            decode_onto(event.data(given).ok_or_else(no_data)?, &mut memory)?;
            Ok(start..memory.len())
        })
        .collect();
    let memory = Bytes::from(memory);
    let mut decoded = Decoded { pieces: Vec::with_capacity(ranges.len()), records: Vec::new() };
    decoded.records.reserve(ranges.len());
    for range in ranges {
        let pieces = range.and_then(|range: Range<usize>| decoded.add(memory.slice(range)));
        decoded.records.push(pieces);
    }
    decoded
}

impl Decoded {
    /// Adds the pieces of a record: itself, or what is in its events if every line of it is one of ours.
    fn add(&mut self, data: Bytes) -> Result<usize, RecordError> {
        if envelope::is_likely(&data)
            && let Some(opened) = events(&data)
        {
            let opened = opened?;
            let count = opened.len();
            let piece = |Opened { body, content, origin }| Piece { body, opened: Some((content, origin)) };
            self.pieces.extend(opened.into_iter().map(piece));
            return Ok(count);
        }
        self.pieces.push(Piece { body: data, opened: None });
        Ok(1)
    }
}

/// The events of a record. `None` if one of the lines is none of ours.
fn events(data: &Bytes) -> Option<Result<Vec<Opened>, RecordError>> {
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| envelope::open(&data.slice_ref(line))).collect()
}

/// Decodes onto the end of some memory. The fast way says no more than that something is wrong; then the slow one says
/// what.
fn decode_onto(data: &[u8], memory: &mut Vec<u8>) -> Result<(), RecordError> {
    if base64_simd::STANDARD.decode_append(data, memory).is_ok() {
        return Ok(());
    }
    let decoded = STANDARD.decode(data).map_err(|error| {
        RecordError::new(NO_BASE64, format!("the data is not Base64: {}", describe(error)))
    })?;
    memory.extend_from_slice(&decoded);
    Ok(())
}

/// What is wrong, without a quotation.
fn describe(error: DecodeError) -> String {
    match error {
        DecodeError::InvalidByte(at, _) => format!("a wrong byte at {at}"),
        DecodeError::InvalidLength(_) => "a wrong length".into(),
        DecodeError::InvalidLastSymbol { .. } => "a wrong end".into(),
        DecodeError::InvalidPadding => "wrong padding".into(),
    }
}
