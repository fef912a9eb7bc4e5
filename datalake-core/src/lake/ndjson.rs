//! A record as one line of JSON, open for lineage as its last member.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Content;

/// Adds a record as the beginning of a line: all of an object but its last member and the brace that closes it. Says
/// whether the record was wrapped, because it was no JSON object.
///
/// A JSON object is written as it is, line breaks between its tokens apart. Any other JSON value is put under `value`,
/// text under `text`, and bytes that are no text under `base64`.
pub fn open(lines: &mut Vec<u8>, body: &[u8], content: Content) -> bool {
    let mut wrapped = true;
    match content {
        Content::Json => {
            let json = body.trim_ascii();
            if let Some(members) = json.strip_prefix(b"{").and_then(|json| json.strip_suffix(b"}")) {
                wrapped = false;
                lines.push(b'{');
                one_line(lines, members);
                if !members.trim_ascii().is_empty() {
                    lines.push(b',');
                }
            } else {
                lines.extend_from_slice(b"{\"value\":");
                one_line(lines, json);
                lines.push(b',');
            }
        }
        _ => {
            match std::str::from_utf8(body) {
                Ok(text) => {
                    lines.extend_from_slice(b"{\"text\":");
                    string(lines, text);
                }
                Err(_) => {
                    lines.extend_from_slice(b"{\"base64\":\"");
                    lines.extend_from_slice(STANDARD.encode(body).as_bytes());
                    lines.push(b'"');
                }
            }
            lines.push(b',');
        }
    }
    wrapped
}

/// Copies JSON, with line breaks as spaces: inside a string there is none, so they stand between tokens.
pub fn one_line(lines: &mut Vec<u8>, json: &[u8]) {
    let mut rest = json;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        lines.extend_from_slice(&rest[..at]);
        lines.push(b' ');
        rest = &rest[at + 1..];
    }
    lines.extend_from_slice(rest);
}

fn string(lines: &mut Vec<u8>, text: &str) {
    if serde_json::to_writer(&mut *lines, text).is_err() {
        lines.extend_from_slice(b"null");
    }
}
