//! Documents into records, and where a document may be cut.
//!
//! [`split`] cuts a whole document. A source that streams a long file as several documents asks a [`Cutter`] where
//! one may end, so that the records of the documents are the records of the file.

use std::ops::Range;

use bytes::Bytes;

use crate::RecordError;
use crate::document::Document;
use crate::format::{Content, Format};

mod csv;
mod cutter;
mod decoder;
mod json;
mod lines;
#[cfg(test)]
mod tests;
mod xml;

pub use csv::{
    CsvHeader, HeaderPlace, MAX_COLUMNS, MAX_FIELD, csv_header, detect_csv, detect_delimiter, find_csv_header,
};
pub use cutter::Cutter;
pub use decoder::{Decoder, Decoders};
pub use json::detect_json;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A record as it lies in its document.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Its bytes in the document.
    pub range: Range<usize>,
    /// What the record is: the same bytes, or others made of them (a CSV row becomes a JSON object).
    pub body: Bytes,
    /// What the body contains.
    pub content: Content,
    /// Why it is no record, if it is none.
    pub error: Option<RecordError>,
}

impl Piece {
    /// A record, and the bytes of its document that it was made from.
    #[must_use]
    pub fn new(range: Range<usize>, body: impl Into<Bytes>, content: Content) -> Self {
        Self { range, body: body.into(), content, error: None }
    }

    /// Bytes of a document that are no record, and why.
    #[must_use]
    pub fn error(range: Range<usize>, error: RecordError) -> Self {
        Self { range, body: Bytes::new(), content: Content::Opaque, error: Some(error) }
    }

    fn of(bytes: &Bytes, range: Range<usize>, content: Content) -> Self {
        Self { body: bytes.slice(range.clone()), range, content, error: None }
    }

    fn bad(bytes: &Bytes, range: Range<usize>, error: RecordError) -> Self {
        Self { body: bytes.slice(range.clone()), range, content: Content::Opaque, error: Some(error) }
    }
}

/// Cuts a document into records, in order.
///
/// Total and deterministic: every document gives the same pieces at any time, and input that breaks its format gives
/// a piece with an error that covers the bytes concerned, never an end. Every byte belongs to exactly one piece, save
/// line ends, separators, blank lines of NDJSON and CSV, white space around JSON, a byte order mark before
/// anything but opaque content, the header row of CSV, what surrounds an array found by a JSON Pointer, and what surrounds the elements of XML.
///
/// Bodies are slices of the document; only a CSV row is written anew. Whether JSON is valid is not checked here.
///
/// * [`Format::Whole`] and [`Format::Json`]: one piece, also for an empty document.
/// * [`Format::Lines`]: what is between line ends, `\n` or `\r\n`. The last line needs none.
/// * [`Format::Ndjson`]: the same, without lines of only white space.
/// * [`Format::JsonArray`]: the elements. With no pointer the document may be a fragment of a longer array, cut
///   after a comma; only one that begins at [offset](Document::offset) 0 begins with the bracket of the array.
///   After a broken element the next record is on the next line that begins as the line of the broken one did,
///   if there is one.
/// * [`Format::Csv`]: rows as objects of strings. A row with too many or too few fields, with text after a closing
///   quote, with a quote that is never closed, with a field over [`MAX_FIELD`] or more than [`MAX_COLUMNS`] columns, or
///   that is not UTF-8, is an error. A row that breaks the rules of quoting ends with its first line, so that a stray
///   quote costs no other row. With no header given, the names are those of the document's header row, or `column_1`
///   and so on if it has none. [`CsvRules`](crate::CsvRules) may say otherwise of much of this; what they call a
///   preamble or a footer is no piece.
/// * [`Format::Xml`]: the elements as they stand. Nothing is expanded: references to entities stay as they are, and a
///   document that declares its type is an error. What comes after a break is one piece, an error, with the rest.
/// * [`Format::Decoded`]: one piece, an error: what [`Decoders`] know is cut by [`Decoders::split`].
pub fn split(document: &Document, piece: impl FnMut(Piece)) {
    Decoders::default().split(document, piece);
}

/// Cuts a document of a format that needs no decoder.
fn cut(document: &Document, format: &Format, mut piece: impl FnMut(Piece)) {
    let bytes = document.bytes();
    let first = document.offset() == 0;
    match format {
        Format::Whole => piece(Piece::of(bytes, 0..bytes.len(), Content::Opaque)),
        Format::Json => piece(Piece::of(bytes, json::trim(bytes, bom(bytes)..bytes.len()), Content::Json)),
        Format::Lines => lines::all(bytes, |range| piece(Piece::of(bytes, range, Content::Opaque))),
        Format::Ndjson => {
            lines::filled(bytes, mark(document), |range| piece(Piece::of(bytes, range, Content::Json)))
        }
        Format::JsonArray { pointer } if pointer.is_empty() => json::array(bytes, first, piece),
        Format::JsonArray { pointer } => json::array_at(bytes, pointer, piece),
        Format::Csv(format) => csv::rows(bytes, document.offset(), format, piece),
        Format::Xml { element } => xml::elements(bytes, element, piece),
        Format::Decoded { .. } => {}
    }
}

/// How many pieces [`cut`] cuts.
fn count(document: &Document, format: &Format) -> u32 {
    let mut pieces = 0;
    match format {
        Format::Lines => lines::all(document.bytes(), |_| pieces += 1),
        Format::Ndjson => lines::filled(document.bytes(), mark(document), |_| pieces += 1),
        _ => cut(document, format, |_| pieces += 1),
    }
    pieces
}

/// The length of the byte order mark of a document at the start of its content, if there is one.
fn mark(document: &Document) -> usize {
    if document.offset() == 0 { bom(document.bytes()) } else { 0 }
}

/// The length of the byte order mark at the start, if there is one.
fn bom(bytes: &[u8]) -> usize {
    if bytes.starts_with(BOM) { BOM.len() } else { 0 }
}
