use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::DataType;
use bytes::Bytes;

use super::*;

mod broken;
mod python;
mod suite;
mod values;

/// The records of a file; what is none has an exclamation mark, the reason and the message.
fn records(bytes: impl Into<Bytes>, parquet: &Parquet) -> Vec<String> {
    let document = Document::new(bytes, "memory:///table", parquet.format());
    let Format::Decoded { settings, .. } = &**document.format() else { panic!("not decoded") };
    let mut records = Vec::new();
    ParquetDecoder.decode(&document, settings, &mut |piece| {
        assert_eq!(piece.range, 0..document.len());
        records.push(match piece.error {
            None => {
                serde_json::from_slice::<Value>(&piece.body).unwrap();
                String::from_utf8(piece.body.to_vec()).unwrap()
            }
            Some(error) => format!("!{}: {}", error.reason, error.message),
        });
    });
    records
}

/// A file of these columns.
fn file(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn plain() -> WriterProperties {
    WriterProperties::new()
}

/// Numbers from 0 on, in row groups of so many.
fn numbers(n: i64, group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    file(vec![("n", Arc::new(Int64Array::from_iter_values(0..n)))], properties)
}
