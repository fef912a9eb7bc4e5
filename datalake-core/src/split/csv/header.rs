//! The names of the columns.

use std::collections::HashSet;

use memchr::memchr2;

use super::row::{Field, Row};
use super::text::{Text, before, rows};
use crate::format::Csv;

/// The header row of delimited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvHeader {
    /// The names of the columns. Bytes that are not of the encoding are replaced, an empty name becomes `column_` and its
    /// number from 1, and a name that was there before gets `_2`, `_3` and so on.
    pub names: Vec<String>,
    /// Where the header row begins in the file.
    pub start: usize,
    /// Where the header row ends in the file, without its line end. A document that begins before that has the header.
    pub end: usize,
}

/// Where the header row is in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderPlace {
    /// The first row that is not blank.
    #[default]
    First,
    /// The first row that is not blank after as many lines, blank ones counted.
    After(usize),
    /// The first row in which all of these columns are, under whatever lines.
    With(Vec<String>),
}

/// Reads the header row from the beginning of a file: the first row that is not blank. `None` if it does not
/// end in these bytes and `whole` does not say that they are all, or if there is none.
#[must_use]
pub fn csv_header(head: &[u8], delimiter: char, whole: bool) -> Option<CsvHeader> {
    find_csv_header(head, &Csv::new(delimiter), &HeaderPlace::First, whole)
}

/// Looks for the header row at the beginning of a file whose delimiter, quote and encoding are known. `None` if it does
/// not end in these bytes and `whole` does not say that they are all, or if there is none.
#[must_use]
pub fn find_csv_header(head: &[u8], csv: &Csv, place: &HeaderPlace, whole: bool) -> Option<CsvHeader> {
    let text = Text::new(head, csv);
    let units = text.units();
    let mut start = before(head, 0, csv).min(head.len()) / csv.rules.encoding.width();
    if let HeaderPlace::After(lines) = place {
        for _ in 0..*lines {
            start = next_line(units, start)?;
        }
    }
    let mut fields = Vec::new();
    loop {
        let mut found = rows(start, csv);
        let row = found.next(units, whole, &mut fields)?;
        let names = names(&text, Some(&row), &fields);
        let is_it = match place {
            HeaderPlace::With(columns) => columns.iter().all(|column| names.contains(column)),
            HeaderPlace::First | HeaderPlace::After(_) => true,
        };
        if is_it {
            let range = text.range(&row.range());
            return Some(CsvHeader { start: range.start, end: range.end, names });
        }
        // By lines and not by rows: a stray quote above the header must not hide it.
        start = next_line(units, row.range().start)?;
    }
}

/// Where the next line begins.
fn next_line(units: &[u8], from: usize) -> Option<usize> {
    let end = from + memchr2(b'\n', b'\r', units.get(from..)?)?;
    let pair = units[end] == b'\r' && units.get(end + 1) == Some(&b'\n');
    Some(end + 1 + usize::from(pair))
}

/// The names in a header row.
pub(super) fn names(text: &Text<'_>, row: Option<&Row>, fields: &[Field]) -> Vec<String> {
    let found: Vec<String> = match row {
        Some(row @ Row::Broken(_)) => vec![text.of_row(row).into_owned()],
        _ => fields.iter().map(|field| text.of_field(field).into_owned()).collect(),
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
