//! Parquet written by pipelines and read back.

mod columns;
mod contracts;
mod cost;
mod pipelines;
mod suite;

use std::sync::Arc;

use bytes::Bytes;
use datalake_core::lake::{Lake, ObjectFormat, stamp};
use datalake_core::store::MemoryStore;
use datalake_core::testkit::batch;
use datalake_core::{Content, Error, Land, Receipt, Result, Sink};

use super::{ParquetFormat, ParquetSettings};
use crate::lake::LakeSink;

fn lake() -> Lake {
    Lake::new(Arc::new(MemoryStore::new()))
}

fn sink(lake: &Lake, settings: ParquetSettings) -> Box<dyn Sink> {
    LakeSink::builder(lake).parquet(settings).build().landing().unwrap().sink.unwrap()
}

async fn written(sink: &dyn Sink, number: u64, lines: &[&str]) -> Result<Receipt> {
    let bodies = lines.iter().map(|line| (*line).to_owned());
    sink.write(&batch(bodies).content(Content::Json).number(number).build()?).await
}

/// The records of the outputs, without their stamps.
async fn read(lake: &Lake, receipt: &Receipt) -> Vec<String> {
    let mut records = Vec::new();
    for output in &receipt.outputs {
        let lines = ParquetFormat.lines(&lake.store().get(&output.location).await.unwrap()).unwrap();
        let bodies = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        records.extend(bodies.map(|line| String::from_utf8(stamp::read(line).unwrap().0).unwrap()));
    }
    records
}

/// The types of the columns of an output, as they stand in the file.
async fn types(lake: &Lake, receipt: &Receipt) -> String {
    let bytes: Bytes = lake.store().get(&receipt.outputs[0].location).await.unwrap();
    super::line::Reading::new(&bytes).map_err(|error: Error| error.to_string()).unwrap().schema.to_string()
}
