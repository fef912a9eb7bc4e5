//! The names of the columns.

use std::collections::HashSet;

use super::row::{Field, Row, Rows};
use crate::split::bom;

/// The header row of delimited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvHeader {
    /// The names of the columns. Bytes that are not UTF-8 are replaced, an empty name becomes `column_` and its
    /// number from 1, and a name that was there before gets `_2`, `_3` and so on.
    pub names: Vec<String>,
    /// Where the header row ends in the file, without its line end. A document that begins before that has the header.
    pub end: usize,
}

/// Reads the header row from the beginning of a file: the first row that is not blank. `None` if it does not
/// end in these bytes and `whole` does not say that they are all, or if there is none.
#[must_use]
pub fn csv_header(head: &[u8], delimiter: char, whole: bool) -> Option<CsvHeader> {
    let mut rows = Rows::new(bom(head), delimiter);
    let mut fields = Vec::new();
    let row = rows.next(head, whole, &mut fields)?;
    Some(CsvHeader { end: row.range().end, names: names(head, Some(row), &fields) })
}

/// The delimiter a file seems to have, by its first line: a comma if there is one, otherwise a semicolon or a tab
/// if there is one, otherwise a comma. Quoted text is not looked at.
#[must_use]
pub fn detect_delimiter(head: &[u8]) -> char {
    let mut quoted = false;
    let mut found = None;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' => return ',',
            b';' | b'\t' => found = found.or(Some(char::from(*byte))),
            b'\n' => break,
            _ => {}
        }
    }
    found.unwrap_or(',')
}

/// The names in a header row.
pub(super) fn names(bytes: &[u8], row: Option<Row>, fields: &[Field]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let found: Vec<String> = match row {
        Some(Row::Broken(line)) => vec![text(&bytes[line])],
        _ => fields
            .iter()
            .map(|field| match field.quoted {
                true => text(&bytes[field.range.clone()]).replace("\"\"", "\""),
                false => text(&bytes[field.range.clone()]),
            })
            .collect(),
    };
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<String> = found.iter().cloned().collect();
    let mut out = Vec::with_capacity(found.len());
    for (n, name) in found.into_iter().enumerate() {
        let base = if name.is_empty() { format!("column_{}", n + 1) } else { name.clone() };
        let mut unique = base.clone();
        let mut again = 1;
        while taken.contains(&unique) || (unique != name && given.contains(&unique)) {
            again += 1;
            unique = format!("{base}_{again}");
        }
        taken.insert(unique.clone());
        out.push(unique);
    }
    out
}
