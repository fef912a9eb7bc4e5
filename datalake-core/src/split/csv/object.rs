//! A row as a JSON object.

use super::row::Field;

/// The names of the columns, as they are written.
#[derive(Debug)]
pub(super) struct Names {
    /// For each column `{"name":"` or `","name":"`.
    written: Vec<Vec<u8>>,
    /// Whether a row may have any number of fields.
    free: bool,
    len: usize,
}

impl Names {
    /// Names from a header; with none, columns are numbered and a row may have any number of fields.
    pub(super) fn given(header: &[String]) -> Self {
        let mut names = Self { written: Vec::new(), free: header.is_empty(), len: 0 };
        header.iter().for_each(|name| names.push(name));
        names
    }

    /// The length of all names as written, in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn columns(&self) -> usize {
        self.written.len()
    }

    pub(super) fn fit(&self, fields: usize) -> bool {
        self.free || fields == self.written.len()
    }

    fn push(&mut self, name: &str) {
        let mut out = if self.written.is_empty() { b"{\"".to_vec() } else { b"\",\"".to_vec() };
        escape(&mut out, name.as_bytes(), false);
        out.extend_from_slice(b"\":\"");
        self.len += out.len() + 2;
        self.written.push(out);
    }
}

/// Writes a row. There is at least one field.
pub(super) fn write_row(out: &mut Vec<u8>, bytes: &[u8], fields: &[Field], names: &mut Names) {
    while names.free && names.columns() < fields.len() {
        names.push(&format!("column_{}", names.columns() + 1));
    }
    for (field, name) in fields.iter().zip(&names.written) {
        out.extend_from_slice(name);
        let text = &bytes[field.range.clone()];
        if field.clean { out.extend_from_slice(text) } else { escape(out, text, field.quoted) }
    }
    out.extend_from_slice(b"\"}");
}

static ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

/// Writes text as the inside of a JSON string. `doubled` says that two quotes stand for one.
fn escape(out: &mut Vec<u8>, text: &[u8], doubled: bool) {
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if !ESCAPED[usize::from(byte)] {
            at += 1;
            continue;
        }
        out.extend_from_slice(&text[start..at]);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
        at += if byte == b'"' && doubled { 2 } else { 1 };
        start = at;
    }
    out.extend_from_slice(&text[start..]);
}
