//! Row groups, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;

use super::column::{self, Column};
use super::{Fault, Out, Parquet, names};

/// Rows that are unpacked at a time.
const ROWS: usize = 1024;

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::new("parquet", format!("the file cannot be read: {error}"))
}

/// Gives the rows of a file.
pub(super) fn read(bytes: &Bytes, settings: &Parquet, out: &mut Out<'_>) -> Result<(), Fault> {
    if bytes.ends_with(b"PARE") {
        return Err(Fault::new("encrypted", "the file is encrypted"));
    }
    let file = open(bytes).map_err(broken)?;
    let groups = file.metadata().row_groups();
    let unpacked: u64 = groups.iter().map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0)).sum();
    if unpacked > settings.max_bytes {
        let message = format!("the file unpacks to {unpacked} bytes, more than {}", settings.max_bytes);
        return Err(Fault::new("too-large", message));
    }
    for field in file.schema().fields() {
        column::check(field.data_type()).map_err(|kind| {
            Fault::new(
                "parquet",
                format!("the column {:?} is of type {kind}, which is not read", field.name()),
            )
        })?;
    }
    let mut row = 0;
    for (n, group) in groups.iter().enumerate() {
        let last = row + u64::try_from(group.num_rows()).unwrap_or(0);
        let mut given = row;
        // Some damage makes the library panic.
        let group = catch_unwind(AssertUnwindSafe(|| read_group(bytes, &file, n, &mut given, out)));
        match group.unwrap_or_else(|_| Err(Broken::Group("they are damaged".to_owned()))) {
            Ok(()) if given == last => {}
            Ok(()) => out.refuse(
                "parquet",
                format!("the row group {} has {} rows and not {}", n + 1, given - row, last - row),
            ),
            Err(Broken::Full) => {
                let message = format!("the records of the file have more than {} bytes", settings.max_bytes);
                return Err(Fault::new(
                    "too-large",
                    format!("{message}; from row {} on they are missing", given + 1),
                ));
            }
            Err(Broken::Group(error)) => {
                let message = format!(
                    "the rows {} to {last} of row group {} cannot be read: {error}",
                    given + 1,
                    n + 1
                );
                out.refuse("parquet", message);
            }
        }
        row = last;
    }
    Ok(())
}

fn open(bytes: &Bytes) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain = ArrowReaderMetadata::load(bytes, options.clone())?;
    let mut old = plain.parquet_schema().columns().iter().map(|leaf| leaf.physical_type() == Physical::INT96);
    if !old.any(|old| old) {
        return Ok(plain);
    }
    // In nanoseconds a date beyond 2262 would become another one.
    let mut old = plain.parquet_schema().columns().iter().map(|leaf| leaf.physical_type() == Physical::INT96);
    let fields: Vec<Field> = plain.schema().fields().iter().map(|field| in_micros(field, &mut old)).collect();
    ArrowReaderMetadata::load(bytes, options.with_schema(Arc::new(Schema::new(fields))))
}

/// A field with its timestamps of 96 bits in microseconds. `old` says of each leaf, in order, whether it is one.
fn in_micros(field: &Field, old: &mut dyn Iterator<Item = bool>) -> Field {
    let mut of = |field: &Arc<Field>| Arc::new(in_micros(field, old));
    let kind = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of).collect()),
        DataType::List(item) => DataType::List(of(item)),
        DataType::LargeList(item) => DataType::LargeList(of(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(of(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(of(entries), *sorted),
        leaf => match old.next() {
            Some(true) => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => leaf.clone(),
        },
    };
    field.clone().with_data_type(kind)
}

enum Broken {
    Group(String),
    Full,
}

/// Gives the rows of a row group, and counts them on.
fn read_group(
    bytes: &Bytes,
    file: &ArrowReaderMetadata,
    group: usize,
    row: &mut u64,
    out: &mut Out<'_>,
) -> Result<(), Broken> {
    let broken = |error: &dyn std::fmt::Display| Broken::Group(error.to_string());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), file.clone())
        .with_row_groups(vec![group])
        .with_batch_size(ROWS)
        .build()
        .map_err(|error| broken(&error))?;
    for batch in reader {
        give(&batch.map_err(|error| broken(&error))?, row, out)?;
    }
    Ok(())
}

fn give(batch: &RecordBatch, row: &mut u64, out: &mut Out<'_>) -> Result<(), Broken> {
    let schema = batch.schema();
    let names = names(schema.fields().iter().map(|field| field.name().as_str()));
    let columns: Vec<(Vec<u8>, Column<'_>)> = names
        .iter()
        .zip(batch.columns())
        .map(|(name, array)| (column::key(name), column::of(array.as_ref() as &dyn Array)))
        .collect();
    for n in 0..batch.num_rows() {
        let mut body = vec![b'{'];
        let mut wrong = None;
        for (at, (key, column)) in columns.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            body.extend_from_slice(key);
            if let Err(why) = column(n, &mut body) {
                wrong = Some(format!("the row {}, column {:?}: {why}", *row + 1, names[at]));
                break;
            }
        }
        body.push(b'}');
        match wrong {
            Some(why) => out.refuse("row", why),
            None if out.give(body) => {}
            None => return Err(Broken::Full),
        }
        *row += 1;
    }
    Ok(())
}
