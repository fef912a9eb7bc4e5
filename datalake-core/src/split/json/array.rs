//! The elements of an array as records.

use bytes::Bytes;

use super::elements::{Element, Elements};
use super::pointer::find;
use super::trim;
use crate::RecordError;
use crate::format::Content;
use crate::split::{Piece, bom};

/// The elements of an array or of a fragment of one.
pub(in crate::split) fn array(bytes: &Bytes, first: bool, mut piece: impl FnMut(Piece)) {
    let from = if first { bom(bytes) } else { 0 };
    let mut elements = Elements::new(from, first);
    while let Some(element) = elements.next(bytes, true) {
        give(bytes, element.trimmed(bytes), &mut piece);
    }
}

/// The elements of the array at a JSON Pointer. What surrounds the array is no record.
pub(in crate::split) fn array_at(bytes: &Bytes, pointer: &str, mut piece: impl FnMut(Piece)) {
    let refuse = |message| RecordError::new("json", message).at(pointer);
    let from = match find(bytes, bom(bytes), pointer) {
        Ok(at) if bytes.get(at) == Some(&b'[') => at,
        Ok(_) => return piece(Piece::bad(bytes, trim(bytes, 0..bytes.len()), refuse("not an array"))),
        Err(error) => return piece(Piece::bad(bytes, trim(bytes, 0..bytes.len()), refuse(error))),
    };
    let mut elements = Elements::new(from, true).within();
    while let Some(element) = elements.next(bytes, true) {
        give(bytes, element.trimmed(bytes), &mut piece);
    }
    if elements.is_open() {
        piece(Piece::bad(bytes, bytes.len()..bytes.len(), refuse("the array does not end")));
    }
}

fn give(bytes: &Bytes, element: Element, piece: &mut impl FnMut(Piece)) {
    piece(match element.error {
        None => Piece::of(bytes, element.range, Content::Json),
        Some(error) => Piece::bad(bytes, element.range, RecordError::new("json", error)),
    });
}
