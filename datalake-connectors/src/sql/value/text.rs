//! Strings, JSON and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::odd;
use datalake_core::RecordError;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes a text as a JSON string.
pub(in crate::sql) fn string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = special(rest) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Where the first byte is that stands for itself in no JSON string.
fn special(text: &[u8]) -> Option<usize> {
    let is = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    // Sixteen at a time without a branch, which the compiler makes one comparison of.
    let clean =
        text.chunks_exact(16).take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | is(byte)));
    let from = 16 * clean.count();
    text[from..].iter().position(is).map(|at| from + at)
}

/// Writes JSON as it is. A line end in it can only be white space, and a record is one line.
pub(super) fn json(text: &str, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(text.as_bytes());
    out[from..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
}

/// Writes bytes in hexadecimal, `\x…`, as base64.
pub(super) fn bytes(text: &str, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let hex = text.strip_prefix("\\x").ok_or_else(|| odd("bytes are not in hexadecimal"))?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let bytes = bytes.ok_or_else(|| odd("bytes are not in hexadecimal"))?;
    out.push(b'"');
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
    Ok(())
}
