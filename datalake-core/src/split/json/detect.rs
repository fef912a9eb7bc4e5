//! What a file or a response called JSON is.

use super::is_space;
use super::nesting::{Nesting, Scan};
use crate::format::Format;
use crate::split::bom;

/// The format of JSON, by how it begins: several values, one a line, are [`Format::Ndjson`]; otherwise one that begins
/// with `[` is a [`Format::JsonArray`] and anything else a [`Format::Json`]. A mebibyte of the beginning is enough.
#[must_use]
pub fn detect_json(head: &[u8]) -> Format {
    let mut start = bom(head);
    while start < head.len() && is_space(head[start]) {
        start += 1;
    }
    let otherwise = if head.get(start) == Some(&b'[') { Format::json_array() } else { Format::Json };
    let line = memchr::memchr(b'\n', &head[start..]).map_or(head.len(), |n| start + n);
    let end = match head.get(start) {
        None => return otherwise,
        Some(b'{' | b'[' | b'"') => match Nesting::default().scan(&head[..line], start) {
            Scan::End(end) => end,
            _ => return otherwise,
        },
        Some(_) => start + head[start..line].iter().take_while(|byte| !is_space(**byte)).count(),
    };
    let alone = head[end..line].iter().all(|byte| is_space(*byte));
    let more = head[line..].iter().any(|byte| !is_space(*byte));
    if alone && more { Format::Ndjson } else { otherwise }
}
