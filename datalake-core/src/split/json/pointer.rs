//! Where the value of a JSON Pointer begins (RFC 6901).

use super::is_space;
use super::nesting::{Nesting, Scan};

const BROKEN: &str = "the document around the array is broken";
const MISSING: &str = "nothing is there";

/// The offset of the first byte of the value, in a document that begins at an offset.
pub(super) fn find(bytes: &[u8], from: usize, pointer: &str) -> Result<usize, &'static str> {
    let mut at = space(bytes, from);
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match bytes.get(at) {
            Some(b'{') => member(bytes, at + 1, &token)?,
            Some(b'[') => item(bytes, at + 1, &token)?,
            Some(_) => return Err(MISSING),
            None => return Err(BROKEN),
        };
    }
    Ok(at)
}

/// The value of a name, in an object whose first name begins at an offset.
fn member(bytes: &[u8], from: usize, name: &str) -> Result<usize, &'static str> {
    let mut at = space(bytes, from);
    loop {
        match bytes.get(at) {
            Some(b'"') => {}
            Some(b'}') => return Err(MISSING),
            _ => return Err(BROKEN),
        }
        let end = skip(bytes, at)?;
        let found = matches(&bytes[at..end], name);
        at = space(bytes, end);
        if bytes.get(at) != Some(&b':') {
            return Err(BROKEN);
        }
        at = space(bytes, at + 1);
        if found {
            return Ok(at);
        }
        at = space(bytes, skip(bytes, at)?);
        if bytes.get(at) == Some(&b',') {
            at = space(bytes, at + 1);
        }
    }
}

/// The value of an index, in an array whose first element begins at an offset.
fn item(bytes: &[u8], from: usize, index: &str) -> Result<usize, &'static str> {
    let index: usize = index.parse().map_err(|_| MISSING)?;
    let mut at = space(bytes, from);
    for _ in 0..index {
        at = match bytes.get(at) {
            Some(b']') => return Err(MISSING),
            _ => space(bytes, skip(bytes, at)?),
        };
        match bytes.get(at) {
            Some(b',') => at = space(bytes, at + 1),
            Some(b']') => return Err(MISSING),
            _ => return Err(BROKEN),
        }
    }
    if bytes.get(at) == Some(&b']') { Err(MISSING) } else { Ok(at) }
}

/// Just after the value that begins at an offset.
fn skip(bytes: &[u8], at: usize) -> Result<usize, &'static str> {
    match bytes.get(at) {
        Some(b'{' | b'[' | b'"') => match Nesting::default().scan(bytes, at) {
            Scan::End(end) => Ok(end),
            _ => Err(BROKEN),
        },
        _ => {
            let stop = |byte: &u8| is_space(*byte) || b",]}\"{[:".contains(byte);
            match bytes[at..].iter().position(stop) {
                None | Some(0) => Err(BROKEN),
                Some(n) => Ok(at + n),
            }
        }
    }
}

fn matches(quoted: &[u8], name: &str) -> bool {
    match memchr::memchr(b'\\', quoted) {
        None => &quoted[1..quoted.len() - 1] == name.as_bytes(),
        Some(_) => serde_json::from_slice::<String>(quoted).is_ok_and(|found| found == name),
    }
}

fn space(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && is_space(bytes[at]) {
        at += 1;
    }
    at
}
