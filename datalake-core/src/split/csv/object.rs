//! A row as a JSON object.

use super::row::Field;
use super::text::Text;
use crate::dialect::CsvRules;

/// The names of the columns, as they are written.
#[derive(Debug)]
pub(super) struct Names {
    /// For each column `{"name":"` or `","name":"`.
    written: Vec<Vec<u8>>,
    /// Whether a row may have any number of fields.
    free: bool,
    len: usize,
    /// For the fields of a row that have no column: `,"_extra":`.
    extra: String,
}

impl Names {
    /// Names from a header; with none, columns are numbered and a row may have any number of fields.
    pub(super) fn given(header: &[String]) -> Self {
        let mut extra = (1..).map(|n| if n == 1 { "_extra".to_owned() } else { format!("_extra_{n}") });
        let extra = extra.find(|name| !header.contains(name)).unwrap_or_default();
        let extra = format!(",\"{extra}\":");
        let mut names = Self { written: Vec::new(), free: header.is_empty(), len: 0, extra };
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

    /// What comes before a value that is no string: `"name":` or `,"name":`.
    fn before(&self, column: usize) -> &[u8] {
        let written = &self.written[column];
        &written[1..written.len() - 1]
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

/// Writes a row whose text is not that of RFC 4180 in UTF-8.
pub(super) fn write_by_rules(
    out: &mut Vec<u8>,
    text: &Text<'_>,
    fields: &[Field],
    names: &mut Names,
    rules: &CsvRules,
) {
    while names.free && names.columns() < fields.len() {
        names.push(&format!("column_{}", names.columns() + 1));
    }
    let string = |out: &mut Vec<u8>, field: &Field| {
        out.push(b'"');
        escape(out, text.of_field(field).as_bytes(), false);
        out.push(b'"');
    };
    let value = |out: &mut Vec<u8>, field: &Field| match field.quoted {
        false if rules.nulls.iter().any(|null| *null == text.of_field(field)) => {
            out.extend_from_slice(b"null");
        }
        _ => string(out, field),
    };
    let columns = if names.free { fields.len() } else { names.columns() };
    out.push(b'{');
    for n in 0..columns {
        out.extend_from_slice(names.before(n));
        match fields.get(n) {
            Some(field) => value(out, field),
            None => out.extend_from_slice(b"null"),
        }
    }
    if let Some(extra) = fields.get(columns..).filter(|extra| !extra.is_empty()) {
        out.extend_from_slice(names.extra.as_bytes());
        for (n, field) in extra.iter().enumerate() {
            out.push(if n == 0 { b'[' } else { b',' });
            string(out, field);
        }
        out.push(b']');
    }
    out.push(b'}');
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
