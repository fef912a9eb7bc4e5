//! The text of fields.

use std::borrow::Cow;
use std::ops::Range;

use super::row::{Field, Row, Rows};
use crate::encoding::Encoding;
use crate::format::Csv;

/// Delimited text and how to read it. Rows and fields are ranges of its units.
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    units: Cow<'a, [u8]>,
    encoding: Encoding,
    quote: Option<char>,
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8], csv: &Csv) -> Self {
        let encoding = csv.rules.encoding;
        Self { bytes, units: encoding.units(bytes), encoding, quote: csv.rules.quote }
    }

    pub(super) fn units(&self) -> &[u8] {
        &self.units
    }

    /// Where some units lie in the bytes.
    pub(super) fn range(&self, units: &Range<usize>) -> Range<usize> {
        self.encoding.bytes_of(units, self.bytes)
    }

    /// Whether some units are text.
    pub(super) fn is_text(&self, units: &Range<usize>) -> bool {
        self.encoding.decode(&self.bytes[self.range(units)]).is_some()
    }

    /// The text of a row as it stands.
    pub(super) fn of_row(&self, row: &Row) -> Cow<'a, str> {
        self.encoding.decode_lossy(&self.bytes[self.range(&row.range())])
    }

    /// What a field means. What is no text is replaced.
    pub(super) fn of_field(&self, field: &Field) -> Cow<'a, str> {
        let text = self.encoding.decode_lossy(&self.bytes[self.range(&field.range)]);
        match self.quote {
            Some(quote) if field.quoted && text.contains(quote) => {
                let quote = quote.to_string();
                text.replace(&quote.repeat(2), &quote).into()
            }
            _ => text,
        }
    }

    /// The first field with something in it.
    pub(super) fn first(&self, fields: &[Field]) -> Cow<'a, str> {
        let texts = fields.iter().map(|field| self.of_field(field));
        texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default()
    }
}

/// The bytes before the first row of a document that begins at an offset of its file: a byte order mark, and what comes
/// before the header.
pub(in crate::split) fn before(bytes: &[u8], offset: u64, csv: &Csv) -> usize {
    let mark = if offset == 0 { csv.rules.encoding.mark(bytes) } else { 0 };
    let preamble = usize::try_from(csv.rules.preamble.saturating_sub(offset)).unwrap_or(usize::MAX);
    mark.max(preamble)
}

/// The rows from a unit on.
pub(in crate::split) fn rows(at: usize, csv: &Csv) -> Rows {
    Rows::new(at, csv.delimiter, csv.rules.quote)
}
