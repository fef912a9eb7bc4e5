//! Row groups, one after the other.

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
        match read_group(bytes, &file, n, &mut given, out) {
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
    let columns = plain.parquet_schema().root_schema().get_fields();
    let old = |n: usize| {
        columns
            .get(n)
            .is_some_and(|column| column.is_primitive() && column.get_physical_type() == Physical::INT96)
    };
    if !(0..columns.len()).any(old) {
        return Ok(plain);
    }
    // In nanoseconds a date beyond 2262 would become another one.
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let field = |(n, field): (usize, &Arc<Field>)| match old(n) {
        true => Arc::new(field.as_ref().clone().with_data_type(micros.clone())),
        false => Arc::clone(field),
    };
    let fields: Vec<_> = plain.schema().fields().iter().enumerate().map(field).collect();
    ArrowReaderMetadata::load(bytes, options.with_schema(Arc::new(Schema::new(fields))))
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
