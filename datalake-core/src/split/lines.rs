//! Lines of text and lines of JSON: where they are.

use std::ops::Range;

/// Every line, also a blank one.
pub(super) fn all(bytes: &[u8], line: impl FnMut(Range<usize>)) {
    each(bytes, 0, line);
}

/// Every line that is not blank, from an offset on.
pub(super) fn filled(bytes: &[u8], from: usize, mut line: impl FnMut(Range<usize>)) {
    each(bytes, from, |range| {
        if !bytes[range.clone()].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            line(range);
        }
    });
}

fn each(bytes: &[u8], from: usize, mut line: impl FnMut(Range<usize>)) {
    let mut start = from;
    for end in memchr::memchr_iter(b'\n', &bytes[from..]) {
        let end = from + end;
        line(start..without_return(bytes, start, end));
        start = end + 1;
    }
    if start < bytes.len() {
        line(start..without_return(bytes, start, bytes.len()));
    }
}

fn without_return(bytes: &[u8], start: usize, end: usize) -> usize {
    if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end }
}
