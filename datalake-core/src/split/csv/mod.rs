//! Delimited text.

use std::ops::Range;

use bytes::Bytes;

use super::Piece;
use crate::RecordError;
use crate::dialect::Ragged;
use crate::encoding::Encoding;
use crate::format::{Content, Csv};

mod cutting;
mod detect;
mod header;
mod object;
mod row;
#[cfg(test)]
mod tests;
mod text;

pub(super) use cutting::Cutting;
pub use detect::{detect_csv, detect_delimiter};
pub use header::{CsvHeader, HeaderPlace, csv_header, find_csv_header};
use object::{Names, write_by_rules, write_row};
use row::{Field, Row};
use text::{Text, before};

/// The longest field, in bytes as they lie in the document.
pub const MAX_FIELD: usize = 8 << 20;
/// The most columns of a row.
pub const MAX_COLUMNS: usize = 4096;

/// Objects are written one after the other into buffers of this size.
const CHUNK: usize = 256 << 10;

/// Every row, save the header.
pub(super) fn rows(bytes: &Bytes, offset: u64, format: &Csv, mut piece: impl FnMut(Piece)) {
    let text = Text::new(bytes, format);
    let units = text.units();
    let from = before(bytes, offset, format).min(bytes.len()) / format.rules.encoding.width();
    let mut rows = text::rows(from, format);
    let mut fields = Vec::new();
    let mut names = Names::given(&format.header);
    if format.has_header {
        let first = rows.next(units, true, &mut fields);
        if format.header.is_empty() && first.is_some() {
            names = Names::given(&header::names(&text, first.as_ref(), &fields));
        }
    }
    let plain = format.rules.are_plain();
    let clean = format.rules.encoding == Encoding::UTF_8 && std::str::from_utf8(bytes).is_ok();
    let mut objects = Objects::default();
    while let Some(row) = rows.next(units, true, &mut fields) {
        let range = text.range(&row.range());
        if !plain && matches!(row, Row::Whole(_)) && format.rules.is_footer(&text.first(&fields)) {
            continue;
        }
        let clean = clean || text.is_text(&row.range());
        if let Some(message) = refusal(&row, &fields, &names, format, clean) {
            objects.give(&mut piece);
            piece(Piece::bad(bytes, range, RecordError::new("csv", message)));
            continue;
        }
        let room = 2 * range.len() + names.len();
        if objects.text.capacity() - objects.text.len() < room {
            objects.give(&mut piece);
            objects.text.reserve(room.max(CHUNK.min(room + 4 * (bytes.len() - range.end))));
        }
        match plain {
            true => write_row(&mut objects.text, bytes, &fields, &mut names),
            false => write_by_rules(&mut objects.text, &text, &fields, &mut names, &format.rules),
        }
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

/// Why a row is no record. `clean` says that it is text.
fn refusal(row: &Row, fields: &[Field], names: &Names, format: &Csv, clean: bool) -> Option<String> {
    if let Row::Broken(_) = row {
        return Some("a quoted field is not closed, or text follows its closing quote".to_owned());
    }
    if fields.len() > MAX_COLUMNS {
        return Some(format!("more than {MAX_COLUMNS} columns"));
    }
    if !names.fit(fields.len()) && format.rules.ragged == Ragged::Refuse {
        return Some(format!("{} fields under {} columns", fields.len(), names.columns()));
    }
    if fields.iter().any(|field| field.range.len() > MAX_FIELD) {
        return Some(format!("a field is longer than {MAX_FIELD} bytes"));
    }
    if !clean {
        return Some(format!("not {}", format.rules.encoding));
    }
    None
}
