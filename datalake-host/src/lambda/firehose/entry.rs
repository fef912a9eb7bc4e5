//! The text of an answer: what stands around and in each entry of it.

pub(super) const START: &[u8] = br#"{"records":["#;
pub(super) const END: &[u8] = b"]}";

const OPEN: &[u8] = br#"{"recordId":"#;
const NO_ID: &[u8] = br#""""#;
const DROPPED: &[u8] = br#","result":"Dropped","data":""}"#;
const FAILED: &[u8] = br#","result":"ProcessingFailed","data":""#;
const CLOSE: &[u8] = br#""}"#;

/// What an entry with partition keys has besides id, data and keys, with the padding of Base64.
pub(super) const USUAL: usize = OPEN.len() + 64;

/// Begins the next entry. The id is as it stands in the JSON of the event, quotes included, or empty.
pub(super) fn open(out: &mut Vec<u8>, id: &[u8]) {
    if out.len() > START.len() {
        out.push(b',');
    }
    out.extend_from_slice(OPEN);
    out.extend_from_slice(if id.is_empty() { NO_ID } else { id });
}

/// Ends the entry of a record that is left out.
pub(super) fn dropped(out: &mut Vec<u8>) {
    out.extend_from_slice(DROPPED);
}

/// Ends the entry of a record that is refused, with its data as it came.
pub(super) fn failed(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(FAILED);
    out.extend_from_slice(data);
    out.extend_from_slice(CLOSE);
}

/// The bytes of an entry up to the end of its id, with the comma before it.
pub(super) fn opened(id: &[u8]) -> usize {
    1 + OPEN.len() + if id.is_empty() { NO_ID.len() } else { id.len() }
}

/// The bytes that end the entry of a record that is left out.
pub(super) const DROPPED_BYTES: usize = DROPPED.len();
/// The bytes that end the entry of a record that is refused, without its data.
pub(super) const FAILED_BYTES: usize = FAILED.len() + CLOSE.len();
