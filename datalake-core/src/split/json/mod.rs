//! Elements of JSON arrays, without parsing them.

use std::ops::Range;

mod array;
mod detect;
mod elements;
mod nesting;
mod pointer;

pub(super) use array::{array, array_at};
pub use detect::detect_json;
pub(super) use elements::Elements;

/// A range without the JSON white space at its ends.
pub(super) fn trim(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while start < end && is_space(bytes[start]) {
        start += 1;
    }
    while end > start && is_space(bytes[end - 1]) {
        end -= 1;
    }
    start..end
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
