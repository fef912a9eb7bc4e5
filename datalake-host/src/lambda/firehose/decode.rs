//! What Firehose was given, out of Base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::{RecordError, Result};

use super::event::Given;

/// The data of each record. All of it is decoded into one piece of memory.
pub(super) fn decode(records: &[Given]) -> Vec<Result<Bytes, RecordError>> {
    let longest =
        |given: &Given| given.data.as_ref().map_or(0, |data| base64::decoded_len_estimate(data.len()));
    let mut memory = vec![0; records.iter().map(longest).sum()];
    let mut used = 0;
    let ranges: Vec<_> = records
        .iter()
        .map(|given| {
            let data = given.data.as_ref().map_err(Clone::clone)?;
            let length = STANDARD.decode_slice(data, &mut memory[used..]).map_err(|error| {
                RecordError::new("base64", format!("the data is not Base64: {}", describe(&error)))
            })?;
            used += length;
            Ok(used - length..used)
        })
        .collect();
    memory.truncate(used);
    let memory = Bytes::from(memory);
    ranges.into_iter().map(|range| range.map(|range| memory.slice(range))).collect()
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
