//! Several files made one.

use arrow_array::RecordBatchReader;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::{Piece, stamp};
use datalake_core::{Error, RecordError, Result};
use parquet::file::metadata::KeyValue;
use serde_json::json;

use super::file::{self, Columns, File, Row};
use super::json::{Node, Value};
use super::kind::{MOST_COLUMNS, Members};
use super::line::{self, Reading};
use super::{ParquetSettings, Schema};

/// One file with the rows of several, in their order. Where the files have the same columns, rows are copied as they
/// are; else they get the columns that hold all of them.
pub(super) fn join(pieces: &[Piece]) -> Result<Bytes> {
    let mut readings = Vec::with_capacity(pieces.len());
    for piece in pieces {
        readings.push(Reading::new(&piece.bytes)?);
    }
    let Some(first) = readings.first() else {
        return Err(Error::unexpected("there is nothing to join"));
    };
    let like = |one: &Reading| (one.schema.to_string(), names(&one.batches.schema()));
    let expected = like(first);
    if readings.iter().all(|reading| like(reading) == expected) {
        let columns = columns(&first.schema.0, &[first.batches.schema()], false);
        copied(readings, pieces, columns, &expected.0)
    } else {
        rewritten(&readings, pieces)
    }
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn columns(members: &Members, schemas: &[SchemaRef], rescued: bool) -> Columns {
    let has = |name: &str| schemas.iter().any(|schema| schema.column_with_name(name).is_some());
    Columns {
        members: members.shapes(false),
        children: has(file::CHILD),
        wrapped: has(file::WRAPPED),
        rescued: rescued || has(file::RESCUED),
    }
}

fn begin(columns: Columns, schema: &str) -> Result<File> {
    let lineage = json!({ "schema": "datalake.lineage/1", "joined": true });
    let metadata = vec![
        KeyValue::new(file::LINEAGE_KEY.into(), lineage.to_string()),
        KeyValue::new(file::SCHEMA_KEY.into(), schema.to_owned()),
    ];
    File::new(
        columns,
        ParquetSettings::new().properties((Compression::Zstd, Compression::Zstd.level()), metadata)?,
    )
}

fn copied(readings: Vec<Reading>, pieces: &[Piece], columns: Columns, schema: &str) -> Result<Bytes> {
    let mut file = begin(columns, schema)?;
    for (reading, piece) in readings.into_iter().zip(pieces) {
        let mut at = 0;
        for batch in reading.batches {
            let batch = batch.map_err(file::corrupt)?;
            let (start, end) = (at, at + batch.num_rows() as u64);
            for keep in &piece.rows {
                let (from, to) = (keep.start.max(start), keep.end.min(end));
                if from < to {
                    file.push_all(&batch.slice((from - start) as usize, (to - from) as usize))?;
                }
            }
            at = end;
        }
    }
    file.finish()
}

/// Goes through lines of JSON: once to see which columns hold all, and once to fill them.
fn rewritten(readings: &[Reading], pieces: &[Piece]) -> Result<Bytes> {
    let mut members = Members::default();
    for reading in readings {
        members.merge(&reading.schema.0, MOST_COLUMNS);
    }
    for piece in pieces {
        each_row(piece, |object, _, _, _| {
            members.observe(object, 0, MOST_COLUMNS);
            Ok(())
        })?;
    }
    let schemas: Vec<_> = readings.iter().map(|reading| reading.batches.schema()).collect();
    let columns = columns(&members, &schemas, members.len() >= MOST_COLUMNS);
    let mut file = begin(columns, &Schema(members).to_string())?;
    for piece in pieces {
        each_row(piece, |object, row, rescued, size| file.push(object, row, rescued, size))?;
    }
    file.finish()
}

type Object<'n, 'a> = &'n [(std::borrow::Cow<'a, str>, Node<'a>)];

fn each_row(
    piece: &Piece,
    mut each: impl FnMut(Object<'_, '_>, Row<'_>, Option<&str>, usize) -> Result<()>,
) -> Result<()> {
    let lines = line::lines(&piece.bytes)?;
    let broken = |cause: RecordError| file::corrupt(cause);
    let keep = |n: u64| piece.rows.iter().any(|rows| rows.contains(&n));
    let all = lines.split(|&byte| byte == b'\n').zip(0..).filter(|(line, n)| !line.is_empty() && keep(*n));
    for (line, _) in all {
        let unstamped = || Error::unexpected("a row without a stamp");
        let (body, id) = stamp::read(line).ok_or_else(unstamped)?;
        let text = std::str::from_utf8(&body).map_err(file::corrupt)?;
        let Value::Object(mut object) = Node::parse(text).map_err(broken)?.value else {
            return Err(unstamped());
        };
        let rescued = match object.last() {
            Some((name, _)) if name == file::RESCUED => object.pop(),
            _ => None,
        };
        let rescued = rescued.map(|(_, node)| node.json().into_owned());
        let inside = rescued.as_deref().and_then(|text| text.trim().strip_prefix('{')?.strip_suffix('}'));
        let batch = id.batch.to_string();
        let wrapped = stamp::is_wrapped(line);
        let row = Row { batch: &batch, ordinal: id.ordinal, child: id.child, wrapped };
        each(&object, row, inside, line.len())?;
    }
    Ok(())
}
