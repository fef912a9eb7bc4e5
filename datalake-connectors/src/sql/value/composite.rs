//! Values of composite types: `(1,"a b",)`. One with another number of fields than its type had when it was looked up, since
//! the type was changed, stays the text of the server.

use super::{Field, odd, string};
use datalake_core::RecordError;

pub(super) fn write(
    text: &str,
    fields: &[Field],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), RecordError> {
    let mut rest = text.strip_prefix('(').ok_or_else(|| odd("a row does not begin with a parenthesis"))?;
    if count(rest) != fields.len() && !(fields.is_empty() && rest == ")") {
        string(text, out);
        return Ok(());
    }
    out.push(b'{');
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            rest = rest.strip_prefix(',').ok_or_else(|| odd("a row ends before its last field"))?;
            out.push(b',');
        }
        string(&field.name, out);
        out.push(b':');
        if rest.starts_with([',', ')']) {
            out.extend_from_slice(b"null");
            continue;
        }
        let mut value = String::new();
        rest = one(rest, &mut value)?;
        field.kind.nested(&value, depth + 1, out)?;
    }
    if rest == ")" {
        out.push(b'}');
        return Ok(());
    }
    Err(odd("a row goes on after its last field"))
}

/// How many fields a row has.
fn count(row: &str) -> usize {
    let (mut count, mut quoted) = (1, false);
    let mut bytes = row.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => drop(bytes.next()),
            b',' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

/// One field, which may be quoted in parts. Gives what is left.
fn one<'a>(text: &'a str, value: &mut String) -> Result<&'a str, RecordError> {
    let mut chars = text.chars();
    let mut quoted = false;
    loop {
        let rest = chars.as_str();
        match chars.next() {
            Some(',' | ')') if !quoted => return Ok(rest),
            Some('"') if quoted && chars.as_str().starts_with('"') => {
                chars.next();
                value.push('"');
            }
            Some('"') => quoted = !quoted,
            Some('\\') => value.extend(chars.next()),
            Some(other) => value.push(other),
            None => return Err(odd("a row does not end")),
        }
    }
}
