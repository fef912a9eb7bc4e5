//! A Parquet file of the lake as stamped lines of JSON.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use bytes::Bytes;
use datalake_core::lake::ndjson::one_line;
use datalake_core::lake::stamp::Stamp;
use datalake_core::{BatchId, Error, ErrorKind, RecordRef, Result};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::FileMetaData;

use super::fit::is_json;
use super::json::quote;
use super::shape::Shape;
use super::{Schema, file, time};

/// Rows read at once.
const ROWS: usize = 8 << 10;

/// A file being read.
pub(super) struct Reading {
    pub(super) schema: Schema,
    pub(super) batches: ParquetRecordBatchReader,
}

impl Reading {
    pub(super) fn new(bytes: &Bytes) -> Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(file::corrupt)?;
        let schema = schema(builder.metadata().file_metadata())?;
        let batches = builder.with_batch_size(ROWS).build().map_err(file::corrupt)?;
        Ok(Self { schema, batches })
    }
}

/// The schema that stands in a file.
pub(super) fn schema(metadata: &FileMetaData) -> Result<Schema> {
    let all = metadata.key_value_metadata();
    let found = all.into_iter().flatten().find(|pair| pair.key == file::SCHEMA_KEY);
    let text = found.and_then(|pair| pair.value.as_deref());
    text.ok_or_else(|| Error::new(ErrorKind::Corrupt, "a Parquet file names no schema of this lake"))?.parse()
}

/// The rows of a file as stamped lines of JSON. What is null has no member.
pub(super) fn lines(bytes: &Bytes) -> Result<Bytes> {
    let reading = Reading::new(bytes)?;
    let shapes = reading.schema.0.shapes(false);
    let mut lines = Vec::with_capacity(bytes.len() * 4);
    for batch in reading.batches {
        write(&mut lines, &batch.map_err(file::corrupt)?, &shapes)?;
    }
    Ok(lines.into())
}

fn write(lines: &mut Vec<u8>, rows: &RecordBatch, shapes: &[(Arc<str>, Shape)]) -> Result<()> {
    let missing = |name: &str| {
        Error::new(ErrorKind::Corrupt, "a Parquet file of the lake lacks a column").with("column", name)
    };
    let column = |name: &str| rows.column_by_name(name).ok_or_else(|| missing(name));
    let mut members = Vec::new();
    for (name, shape) in shapes {
        members.push(Member::new(name, shape, column(name)?)?);
    }
    let text = |name: &str| rows.column_by_name(name).and_then(|array| array.as_string_opt::<i32>());
    let batches = text(file::BATCH).ok_or_else(|| missing(file::BATCH))?;
    let ordinals =
        column(file::ORDINAL)?.as_primitive_opt::<Int64Type>().ok_or_else(|| missing(file::ORDINAL))?;
    let children: Option<&Int32Array> =
        rows.column_by_name(file::CHILD).and_then(|array| array.as_primitive_opt::<Int32Type>());
    let wrapped: Option<&BooleanArray> =
        rows.column_by_name(file::WRAPPED).and_then(|array| array.as_boolean_opt());
    let rescued = text(file::RESCUED);

    let mut stamp: Option<(&str, Stamp)> = None;
    for row in 0..rows.num_rows() {
        let batch = batches.value(row);
        if stamp.as_ref().is_none_or(|(known, _)| *known != batch) {
            stamp = Some((batch, Stamp::new(&batch.parse::<BatchId>()?)));
        }
        let is_wrapped = wrapped.is_some_and(|wrapped| wrapped.is_valid(row) && wrapped.value(row));
        lines.push(b'{');
        let start = lines.len();
        write_members(lines, &members, row);
        if is_wrapped && lines.len() == start {
            lines.extend_from_slice(b"\"value\":null");
        }
        if let Some(rescued) = rescued.filter(|rescued| rescued.is_valid(row)) {
            comma(lines, start);
            lines.extend_from_slice(format!("\"{}\":", file::RESCUED).as_bytes());
            one_line(lines, rescued.value(row).as_bytes());
        }
        comma(lines, start);
        let origin = RecordRef {
            ordinal: u32::try_from(ordinals.value(row)).map_err(file::corrupt)?,
            offset: 0,
            length: 0,
            document: 0,
            child: match children {
                Some(children) if children.is_valid(row) => {
                    u16::try_from(children.value(row)).map_err(file::corrupt)?
                }
                _ => 0,
            },
        };
        if let Some((_, stamp)) = &stamp {
            stamp.write(lines, origin, is_wrapped);
        }
        lines.push(b'\n');
    }
    Ok(())
}

fn comma(lines: &mut Vec<u8>, start: usize) {
    if lines.len() > start {
        lines.push(b',');
    }
}

/// A column with its name as a JSON key.
struct Member<'a> {
    key: String,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Decimal(&'a Decimal128Array, u32),
    Double(&'a Float64Array),
    Date(&'a Date32Array),
    Timestamp(&'a TimestampMicrosecondArray),
    Text(&'a StringArray),
    Any(&'a StringArray),
    List(&'a ListArray, Box<Self>),
    Struct(&'a StructArray, Vec<Member<'a>>),
}

impl<'a> Member<'a> {
    fn new(name: &str, shape: &Shape, array: &'a ArrayRef) -> Result<Self> {
        let cells = Cells::new(shape, array).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "a column of a Parquet file is not of the type its schema says")
                .with("column", name)
        })?;
        Ok(Self { key: format!("{}:", quote(name)), cells })
    }
}

impl<'a> Cells<'a> {
    fn new(shape: &Shape, array: &'a ArrayRef) -> Option<Self> {
        Some(match shape {
            Shape::Bool => Self::Bool(array.as_boolean_opt()?),
            Shape::Int => Self::Int(array.as_primitive_opt::<Int64Type>()?),
            Shape::Decimal(_, scale) => Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?, *scale),
            Shape::Double => Self::Double(array.as_primitive_opt::<Float64Type>()?),
            Shape::Date => Self::Date(array.as_primitive_opt::<Date32Type>()?),
            Shape::Timestamp => Self::Timestamp(array.as_primitive_opt::<TimestampMicrosecondType>()?),
            Shape::Text => Self::Text(array.as_string_opt::<i32>()?),
            Shape::Any => Self::Any(array.as_string_opt::<i32>()?),
            Shape::List(item) => {
                let list = array.as_list_opt::<i32>()?;
                Self::List(list, Box::new(Cells::new(item, list.values())?))
            }
            Shape::Struct(members) => {
                let all = array.as_struct_opt()?;
                let member = |(name, shape): &(Arc<str>, Shape)| {
                    Member::new(name, shape, all.column_by_name(name)?).ok()
                };
                Self::Struct(all, members.iter().map(member).collect::<Option<_>>()?)
            }
        })
    }

    fn array(&self) -> &'a dyn Array {
        match self {
            Self::Bool(array) => *array,
            Self::Int(array) => *array,
            Self::Decimal(array, _) => *array,
            Self::Double(array) => *array,
            Self::Date(array) => *array,
            Self::Timestamp(array) => *array,
            Self::Text(array) | Self::Any(array) => *array,
            Self::List(array, _) => *array,
            Self::Struct(array, _) => *array,
        }
    }

    fn write(&self, out: &mut Vec<u8>, row: usize) {
        if self.array().is_null(row) {
            out.extend_from_slice(b"null");
            return;
        }
        match self {
            Self::Bool(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            Self::Int(array) => json(out, &array.value(row)),
            Self::Decimal(array, scale) => decimal(out, array.value(row), *scale as usize),
            Self::Double(array) => json(out, &array.value(row)),
            Self::Date(array) => json(out, &time::from_days(array.value(row))),
            Self::Timestamp(array) => json(out, &time::from_micros(array.value(row))),
            Self::Text(array) => json(out, array.value(row)),
            Self::Any(array) if is_json(array.value(row)) => one_line(out, array.value(row).as_bytes()),
            Self::Any(array) => json(out, array.value(row)),
            Self::List(array, item) => {
                let (start, end) =
                    (array.value_offsets()[row] as usize, array.value_offsets()[row + 1] as usize);
                out.push(b'[');
                for at in start..end {
                    if at > start {
                        out.push(b',');
                    }
                    item.write(out, at);
                }
                out.push(b']');
            }
            Self::Struct(_, members) => {
                out.push(b'{');
                write_members(out, members, row);
                out.push(b'}');
            }
        }
    }
}

fn write_members(out: &mut Vec<u8>, members: &[Member<'_>], row: usize) {
    let start = out.len();
    for member in members.iter().filter(|member| member.cells.array().is_valid(row)) {
        comma(out, start);
        out.extend_from_slice(member.key.as_bytes());
        member.cells.write(out, row);
    }
}

fn json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}

fn decimal(out: &mut Vec<u8>, value: i128, scale: usize) {
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    if value < 0 {
        out.push(b'-');
    }
    let (whole, part) = digits.split_at(digits.len() - scale);
    out.extend_from_slice(whole.as_bytes());
    if !part.is_empty() {
        out.push(b'.');
        out.extend_from_slice(part.as_bytes());
    }
}
