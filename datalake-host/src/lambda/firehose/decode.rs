//! What Firehose was given, out of Base64 and out of the events of our own sinks.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64_simd::AsOut;
use bytes::Bytes;
use datalake_core::{Content, RecordError};

use super::envelope::{self, Opened, Origin};
use super::event::Given;

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
    pub(super) body: Bytes,
    /// What is known of the content and where it came from, if it was in an event.
    pub(super) opened: Option<(Content, Origin)>,
}

/// Decodes records. The data of all is decoded into one piece of memory.
pub(super) fn decode(records: &[Given]) -> Decoded {
    let longest =
        |given: &Given| given.data.as_ref().map_or(0, |data| base64::decoded_len_estimate(data.len()));
    let mut memory = vec![0; records.iter().map(longest).sum()];
    let mut used = 0;
    let ranges: Vec<_> = records
        .iter()
        .map(|given| {
            let data = given.data.as_ref().map_err(Clone::clone)?;
            let length = decode_into(data, &mut memory[used..])?;
            used += length;
            Ok(used - length..used)
        })
        .collect();
    memory.truncate(used);
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

/// Decodes into the start of some memory, and says how much of it is used. The fast way says no more than that something
/// is wrong; then the slow one says what.
fn decode_into(data: &[u8], memory: &mut [u8]) -> Result<usize, RecordError> {
    if let Ok(decoded) = base64_simd::STANDARD.decode(data, memory.as_out()) {
        return Ok(decoded.len());
    }
    STANDARD
        .decode_slice(data, memory)
        .map_err(|error| RecordError::new("base64", format!("the data is not Base64: {}", describe(&error))))
}

/// What is wrong, without a quotation.
fn describe(error: &base64::DecodeSliceError) -> String {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
    match error {
        base64::DecodeSliceError::DecodeError(InvalidByte(at, _)) => format!("a wrong byte at {at}"),
        base64::DecodeSliceError::DecodeError(InvalidLength(_)) => "a wrong length".into(),
        base64::DecodeSliceError::DecodeError(InvalidLastSymbol { .. }) => "a wrong end".into(),
        base64::DecodeSliceError::DecodeError(InvalidPadding) => "wrong padding".into(),
        base64::DecodeSliceError::OutputSliceTooSmall => "a wrong length".into(),
    }
}
