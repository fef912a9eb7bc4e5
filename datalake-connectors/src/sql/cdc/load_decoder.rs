//! Documents of the first load as records.

use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Document, RecordError};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::json::{Columns, Object};
use super::lsn::Lsn;
use super::message::{Broken, Tuple, Value};
use super::relation::Relation;

pub(super) const NAME: &str = "postgres.pgoutput.load";

/// What a document of a first load is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(super) enum LoadSettings {
    /// The answer of the server that made the slot: the load begins.
    Start { lsn: Lsn, tables: Vec<(String, String)> },
    /// Rows of a table, as `COPY` writes them.
    Rows { lsn: Lsn, relation: Relation },
}

/// Makes records of the first load. See the [module](super).
#[derive(Debug, Clone, Copy, Default)]
pub struct PgLoadDecoder;

impl Decoder for PgLoadDecoder {
    fn name(&self) -> &str {
        NAME
    }

    fn decode(&self, document: &Document, settings: &Json, piece: &mut dyn FnMut(Piece)) {
        let bytes = document.bytes();
        match LoadSettings::deserialize(settings) {
            Ok(LoadSettings::Start { lsn, tables }) => {
                let tables: Vec<Json> = tables
                    .iter()
                    .map(|(schema, table)| json!({ "schema": schema, "table": table }))
                    .collect();
                let body = json!({ "op": "load", "tables": tables, "lsn": lsn.to_string() });
                piece(Piece::new(0..bytes.len(), body.to_string(), Content::Json));
            }
            Ok(LoadSettings::Rows { lsn, relation }) => {
                let mut start = 0;
                while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
                    let end = start + memchr(b'\n', rest).unwrap_or(rest.len());
                    piece(match row(&bytes[start..end], &relation, lsn) {
                        Ok(body) => Piece::new(start..end, body, Content::Json),
                        Err(why) => Piece::error(start..end, why),
                    });
                    start = end + 1;
                }
            }
            Err(cause) => {
                let why = format!("the settings of the document cannot be read: {cause}");
                piece(Piece::error(0..bytes.len(), RecordError::new("copy", why)));
            }
        }
    }
}

fn row(line: &[u8], relation: &Relation, lsn: Lsn) -> Result<Vec<u8>, RecordError> {
    let bad = |why: Broken| RecordError::new("copy", why);
    let fields: Vec<Option<Vec<u8>>> = match line {
        // A table without a column.
        b"" if relation.columns.is_empty() => Vec::new(),
        _ => line.split(|byte| *byte == b'\t').map(unescaped).collect::<Result<_, _>>().map_err(bad)?,
    };
    let row: Tuple<'_> =
        fields.iter().map(|field| value(field.as_deref())).collect::<Result<_, _>>().map_err(bad)?;
    if row.len() != relation.columns.len() {
        return Err(bad("a row has another number of fields than its table has columns"));
    }
    let mut object = Object::new("read", relation);
    if relation.has_key() {
        object.row("key", relation, &row, Columns::Key)?;
    }
    object.row("after", relation, &row, Columns::All)?;
    object.lsn(lsn);
    Ok(object.done())
}

fn value(field: Option<&[u8]>) -> Result<Value<'_>, Broken> {
    match field {
        None => Ok(Value::Null),
        Some(field) => std::str::from_utf8(field).map(Value::Text).map_err(|_| "a text is not UTF-8"),
    }
}

/// A field without its backslashes; `None` for null.
fn unescaped(field: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
    if field == b"\\N" {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (byte, after) = rest[at + 1..].split_first().ok_or("a field ends within an escape")?;
        rest = after;
        out.push(match byte {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' => b'\\',
            _ => return Err("a field has an escape that nobody writes"),
        });
    }
    out.extend_from_slice(rest);
    Ok(Some(out))
}
