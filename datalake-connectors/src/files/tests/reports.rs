use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch};
use datalake_core::Pipeline;
use datalake_core::lake::{Lake, Zone};
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt;
use serde_json::Value;

use super::*;

fn workbook(names: &[&str]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet().set_name("Sales").unwrap();
    for (row, name) in ["name"].iter().chain(names).enumerate() {
        sheet.write_string(row as u32, 0, *name).unwrap();
    }
    book.save_to_buffer().unwrap()
}

fn table() -> Vec<u8> {
    let prices = Decimal128Array::from(vec![10, 20]).with_precision_and_scale(9, 2).unwrap();
    let columns: [(&str, ArrayRef); 2] =
        [("id", Arc::new(Int64Array::from(vec![1, 2]))), ("price", Arc::new(prices))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

async fn curated(lake: &Lake) -> Vec<Value> {
    let zone = lake.read(&"reports".parse().unwrap(), Zone::Curated).await.unwrap();
    let parts: Vec<Bytes> = zone.try_collect().await.unwrap();
    let text = parts.concat();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[tokio::test]
async fn a_folder_of_reports_of_every_kind_lands_and_is_made_again_from_the_raw_zone() {
    let files = Files::new();
    let january = workbook(&["Apple", "Pear"]);
    files.write("2024/january.xlsx", &january);
    files.write("2024/broken.xlsx", b"PK\x03\x04 not all of it");
    files.write("stock.csv", "sku;count\nA;1\nB;2\n");
    files.write("stock.tsv", "sku\tcount\nC\t3\n");
    files.write("stock.json", "[{\"sku\":\"D\"}]");
    files.write("table.parquet", table());
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let sink = LakeSink::builder(&lake).build();
    let pipeline = || {
        let source = FilesSource::builder("reports".parse().unwrap(), files.path(""))
            .recursive(true)
            .sheets(Sheets::new())
            .parquet(Parquet::new());
        Pipeline::builder("reports").source(source.build().unwrap()).lake(&sink).build().unwrap()
    };
    let counts = pipeline().drain(Budget::unlimited()).await.unwrap().counts;
    assert_eq!((counts.written, counts.quarantined), (2 + 3 + 1 + 2, 1));
    let found = curated(&lake).await;
    let apple = found.iter().find(|record| record["name"] == "Apple").unwrap();
    assert_eq!((&apple["_sheet"], &apple["_row"]), (&"Sales".into(), &2.into()));
    let row = found.iter().find(|record| record["id"] == 2).unwrap();
    assert_eq!(row["price"], "0.20");
    for sku in ["A", "B", "C", "D"] {
        assert!(found.iter().any(|record| record["sku"] == sku), "{sku}");
    }

    let stamp = &apple["_lake"];
    let record = format!("{}/{}", stamp["b"].as_str().unwrap(), stamp["i"]).parse().unwrap();
    let trace = pipeline().lake().unwrap().trace(&record).await.unwrap();
    assert!(trace.locator.ends_with("january.xlsx"), "{}", trace.locator);
    assert_eq!(trace.raw.unwrap(), january);

    let rebuilt = pipeline().rebuild(&lake).await.unwrap().counts;
    assert_eq!((rebuilt.written, rebuilt.quarantined), (8, 1));
    let unstamped = |records: Vec<Value>| -> Vec<String> {
        let unstamp = |mut record: Value| {
            record.as_object_mut().unwrap().remove("_lake");
            record.to_string()
        };
        let mut lines: Vec<String> = records.into_iter().map(unstamp).collect();
        lines.sort();
        lines
    };
    assert_eq!(unstamped(curated(&lake).await), unstamped(found));

    files.write("2024/january.xlsx", workbook(&["Apple", "Pear", "Quince"]));
    files.write("2024/february.xlsx", workbook(&["Plum"]));
    let counts = pipeline().drain(Budget::unlimited()).await.unwrap().counts;
    assert_eq!((counts.read, counts.written), (4, 4));
}
