//! Delimited text.

use std::ops::Range;

use bytes::Bytes;

use super::Piece;
use crate::RecordError;
use crate::format::{Content, Csv};

mod header;
mod object;
mod row;

pub use header::{CsvHeader, csv_header, detect_delimiter};
use object::{Names, write_row};
pub(super) use row::Rows;
use row::{Field, Row};

/// The longest field, in bytes as they lie in the document.
pub const MAX_FIELD: usize = 8 << 20;
/// The most columns of a row.
pub const MAX_COLUMNS: usize = 4096;

/// Objects are written one after the other into buffers of this size.
const CHUNK: usize = 256 << 10;

/// Every row from an offset on, save the header.
pub(super) fn rows(bytes: &Bytes, from: usize, format: &Csv, mut piece: impl FnMut(Piece)) {
    let mut rows = Rows::new(from, format.delimiter);
    let mut fields = Vec::new();
    let mut names = Names::given(&format.header);
    if format.has_header {
        let first = rows.next(bytes, true, &mut fields);
        if format.header.is_empty() && first.is_some() {
            names = Names::given(&header::names(bytes, first, &fields));
        }
    }
    let clean = std::str::from_utf8(bytes).is_ok();
    let mut objects = Objects::default();
    while let Some(row) = rows.next(bytes, true, &mut fields) {
        let range = row.range();
        if let Some(message) = refusal(bytes, &row, &fields, &names, clean) {
            objects.give(&mut piece);
            piece(Piece::bad(bytes, range, RecordError::new("csv", message)));
            continue;
        }
        let room = 2 * range.len() + names.len();
        if objects.text.capacity() - objects.text.len() < room {
            objects.give(&mut piece);
            objects.text.reserve(room.max(CHUNK.min(room + 4 * (bytes.len() - range.end))));
        }
        write_row(&mut objects.text, bytes, &fields, &mut names);
        objects.ends.push((range, objects.text.len()));
    }
    objects.give(&mut piece);
}

/// Rows as objects, one after the other in one buffer, and where each row lies and its object ends.
#[derive(Default)]
struct Objects {
    text: Vec<u8>,
    ends: Vec<(Range<usize>, usize)>,
}

impl Objects {
    fn give(&mut self, piece: &mut impl FnMut(Piece)) {
        if self.ends.is_empty() {
            return;
        }
        let text = Bytes::from(std::mem::take(&mut self.text));
        let mut start = 0;
        for (range, end) in self.ends.drain(..) {
            piece(Piece { range, body: text.slice(start..end), content: Content::Json, error: None });
            start = end;
        }
    }
}

/// Why a row is no record.
fn refusal(bytes: &[u8], row: &Row, fields: &[Field], names: &Names, clean: bool) -> Option<String> {
    if let Row::Broken(_) = row {
        return Some("a quoted field is not closed, or text follows its closing quote".to_owned());
    }
    if fields.len() > MAX_COLUMNS {
        return Some(format!("more than {MAX_COLUMNS} columns"));
    }
    if !names.fit(fields.len()) {
        return Some(format!("{} fields under {} columns", fields.len(), names.columns()));
    }
    if fields.iter().any(|field| field.range.len() > MAX_FIELD) {
        return Some(format!("a field is longer than {MAX_FIELD} bytes"));
    }
    if !clean && std::str::from_utf8(&bytes[row.range()]).is_err() {
        return Some("not UTF-8".to_owned());
    }
    None
}
