//! Rows as `COPY … TO STDOUT` writes them, a line each, and the JSON of them.

use std::ops::Range;
use std::str;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::value::{Kind, string};
use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Cut, Document, Format, RecordError};

/// The name of the decoder, which is in the format of each document.
const NAME: &str = "postgres.copy";

/// A column of a table or query, as the documents say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type as the server names it, for instance `numeric(10,2)`.
    #[serde(rename = "type")]
    pub(super) of: String,
    /// The object id of its type.
    pub(super) oid: u32,
    #[serde(flatten)]
    pub(super) kind: Kind,
    /// Whether it is said to have no NULL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) filled: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    columns: Vec<Column>,
}

/// How documents with these columns are read.
pub(super) fn format(columns: &[Column]) -> serde_json::Result<Format> {
    let settings = serde_json::to_value(Settings { columns: columns.to_vec() })?;
    Ok(Format::Decoded { decoder: NAME.into(), settings, cut: Cut::Lines })
}

/// Makes JSON objects of the lines of `COPY … TO STDOUT` in its text format.
///
/// The settings are the names and types of the columns. A line that has more or fewer fields, or a value that is none
/// of its type, is an error and costs no other line anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct CopyDecoder;

impl Decoder for CopyDecoder {
    fn name(&self) -> &str {
        NAME
    }

    fn decode(&self, document: &Document, settings: &Value, piece: &mut dyn FnMut(Piece)) {
        let bytes = document.bytes();
        let settings = match Settings::deserialize(settings) {
            Ok(settings) => settings,
            Err(cause) => {
                let error = RecordError::new("settings", format!("the columns cannot be read: {cause}"));
                return piece(Piece::error(0..bytes.len(), error));
            }
        };
        let mut writer = Writer::new(&settings.columns);
        // Looked at once and not row by row, unless one of them is none.
        let all = simdutf8::basic::from_utf8(bytes).ok();
        let mut from = 0;
        while from < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |at| from + at);
            let line = match all {
                Some(all) => Some(&all[from..end]),
                None => simdutf8::basic::from_utf8(&bytes[from..end]).ok(),
            };
            writer.row(from..end, line);
            from = end + 1;
            if writer.out.len() >= BLOCK {
                writer.give(piece);
            }
        }
        writer.give(piece);
    }
}

/// How many bytes of records share a piece of memory.
const BLOCK: usize = 64 << 10;

/// Writes the records of a document into few large buffers.
struct Writer<'a> {
    columns: &'a [Column],
    /// What comes before each value: `{"name":` or `,"name":`.
    labels: Vec<Vec<u8>>,
    out: Vec<u8>,
    /// The rows in `out`: where each was in the document, and where its record ends or why it is none.
    rows: Vec<(Range<usize>, Result<usize, RecordError>)>,
    scratch: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(columns: &'a [Column]) -> Self {
        let label = |(n, column): (usize, &Column)| {
            let mut label = vec![if n == 0 { b'{' } else { b',' }];
            string(&column.name, &mut label);
            label.push(b':');
            label
        };
        let labels = columns.iter().enumerate().map(label).collect();
        Self { columns, labels, out: Vec::new(), rows: Vec::new(), scratch: Vec::new() }
    }

    /// Takes a row in. `None` is one that is not UTF-8.
    fn row(&mut self, range: Range<usize>, line: Option<&str>) {
        let start = self.out.len();
        let line = line.ok_or_else(|| RecordError::new("encoding", "a row is not UTF-8"));
        let written = line.and_then(|line| self.line(line));
        if written.is_err() {
            self.out.truncate(start);
        }
        self.rows.push((range, written.map(|()| self.out.len())));
    }

    /// Gives the records that were written.
    fn give(&mut self, piece: &mut dyn FnMut(Piece)) {
        let block = Bytes::from(std::mem::replace(&mut self.out, Vec::with_capacity(BLOCK + BLOCK / 8)));
        let mut start = 0;
        for (range, written) in self.rows.drain(..) {
            piece(match written {
                Ok(end) => {
                    let body = block.slice(std::mem::replace(&mut start, end)..end);
                    Piece::new(range, body, Content::Json)
                }
                Err(error) => Piece::error(range, error),
            });
        }
    }

    fn line(&mut self, line: &str) -> Result<(), RecordError> {
        let mut rest = Some(line);
        let plain = memchr::memchr(b'\\', line.as_bytes()).is_none();
        for (column, label) in self.columns.iter().zip(&self.labels) {
            let field = field(&mut rest).ok_or_else(short)?;
            self.out.extend_from_slice(label);
            let text = if plain {
                field
            } else if field == "\\N" {
                self.out.extend_from_slice(b"null");
                continue;
            } else {
                let text = unescaped(field.as_bytes(), &mut self.scratch);
                // A field of UTF-8 between tabs, with ASCII for its escapes, is UTF-8.
                let text = text.and_then(|text| str::from_utf8(text).ok());
                text.ok_or_else(|| RecordError::new("row", "a row has an escape that is none"))?
            };
            let path = |error: RecordError| {
                let name = column.name.replace('~', "~0").replace('/', "~1");
                let inner = error.path.clone().unwrap_or_default();
                error.at(format!("/{name}{inner}"))
            };
            column.kind.write(text, &mut self.out).map_err(path)?;
        }
        // A row without columns is an empty line.
        if field(&mut rest).is_some_and(|rest| !(self.columns.is_empty() && rest.is_empty())) {
            return Err(RecordError::new("row", "a row has more fields than columns"));
        }
        if self.columns.is_empty() {
            self.out.push(b'{');
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// The next field of a line, of which `rest` is what is left.
fn field<'a>(rest: &mut Option<&'a str>) -> Option<&'a str> {
    let line = (*rest)?;
    let (field, after) = match memchr::memchr(b'\t', line.as_bytes()) {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    };
    *rest = after;
    Some(field)
}

fn short() -> RecordError {
    RecordError::new("row", "a row has fewer fields than columns")
}

/// The fields of a line, as they stand.
pub(super) struct Fields<'a>(Option<&'a [u8]>);

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        Self(Some(line))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        match memchr::memchr(b'\t', rest) {
            Some(at) => {
                self.0 = Some(&rest[at + 1..]);
                Some(&rest[..at])
            }
            None => {
                self.0 = None;
                Some(rest)
            }
        }
    }
}

/// A field without its escapes; `None` if one is none.
pub(super) fn unescaped<'a>(field: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    if memchr::memchr(b'\\', field).is_none() {
        return Some(field);
    }
    scratch.clear();
    let mut rest = field.iter();
    while let Some(byte) = rest.next() {
        scratch.push(match byte {
            b'\\' => match rest.next()? {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                b'\\' => b'\\',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(scratch)
}

/// Writes a value as a field, as the server would.
pub(super) fn escape(value: Option<&str>, out: &mut Vec<u8>) {
    let Some(value) = value else { return out.extend_from_slice(b"\\N") };
    for byte in value.bytes() {
        let escape = match byte {
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            11 => b'v',
            b'\\' => b'\\',
            plain => {
                out.push(plain);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escape]);
    }
}
