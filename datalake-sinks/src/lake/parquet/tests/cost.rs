//! What lineage costs, and what a file is made of.

use std::collections::BTreeMap;

use datalake_core::testkit::{Rng, batch};
use datalake_core::{Content, Land};
use parquet::basic::Encoding;
use parquet::file::metadata::ParquetMetaDataReader;

use super::{lake, sink};
use crate::lake::{LakeSink, ParquetSettings, Partition};

/// Orders as a shop has them: numbers, names out of a few, texts, times.
fn orders(rng: &mut Rng, n: usize) -> Vec<String> {
    let cities = ["Zürich", "Genève", "Basel", "Bern", "Lausanne", "Winterthur", "Luzern", "St. Gallen"];
    let order = |n: usize| {
        let (rng, city) = (&mut *rng, cities[n % 8]);
        format!(
            r#"{{"order_id":{},"placed_at":"2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z","customer":{{"id":"C{:06}","city":"{city}"}},"lines":[{{"sku":"SKU-{:05}","qty":{},"price":{}.{:02}}}],"paid":{}}}"#,
            1_000_000 + n * 3,
            rng.below(28) + 1,
            rng.below(24),
            rng.below(60),
            rng.below(60),
            rng.below(1000),
            rng.below(400_000),
            rng.below(20_000),
            rng.below(9) + 1,
            rng.below(400),
            rng.below(100),
            rng.below(2) == 0,
        )
    };
    (0..n).map(order).collect()
}

#[tokio::test]
async fn lineage_costs_less_than_three_thousandths_of_a_file() {
    let lake = lake();
    let batch = batch(orders(&mut Rng::new(3), 40_000)).content(Content::Json).build().unwrap();
    let receipt = sink(&lake, ParquetSettings::new()).write(&batch).await.unwrap();
    assert_eq!((receipt.outputs.len(), receipt.outputs[0].records), (1, 40_000));
    let bytes = lake.store().get(&receipt.outputs[0].location).await.unwrap();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let path = column.column_path().string();
        if path == "_lake_ord" {
            let encodings: Vec<_> = column.encodings().collect();
            assert!(encodings.contains(&Encoding::DELTA_BINARY_PACKED), "{encodings:?}");
            assert!(column.dictionary_page_offset().is_none());
        }
        if path == "_lake_batch" {
            assert!(column.dictionary_page_offset().is_some());
        }
        *sizes.entry(path).or_default() += column.compressed_size();
    }
    let keys = metadata.file_metadata().key_value_metadata().unwrap();
    let written: i64 =
        keys.iter().filter_map(|pair| pair.value.as_ref()).map(|value| value.len() as i64).sum();
    let columns: i64 = sizes.iter().filter(|(path, _)| path.starts_with("_lake")).map(|(_, size)| size).sum();
    let share = (columns + written) as f64 / bytes.len() as f64;
    assert!(
        share <= 0.003,
        "columns {columns} and metadata {written} of {} bytes are {:.3} %: {sizes:?}",
        bytes.len(),
        share * 100.0
    );
}

#[tokio::test]
async fn row_groups_and_files_end_where_they_should() {
    let lake = lake();
    let lines = orders(&mut Rng::new(4), 5000);
    let batch = batch(lines.clone()).content(Content::Json).build().unwrap();
    let settings = ParquetSettings::new()
        .row_groups(1000, 128 << 20)
        .file_bytes(lines.iter().map(String::len).sum::<usize>() / 2 + 1000)
        .bloom_filter("customer.id");
    let receipt = sink(&lake, settings).write(&batch).await.unwrap();
    assert_eq!(receipt.outputs.len(), 2);
    assert!(receipt.outputs[0].location != receipt.outputs[1].location);
    for output in &receipt.outputs {
        let bytes = lake.store().get(&output.location).await.unwrap();
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
        assert!(metadata.row_groups().iter().all(|group| group.num_rows() <= 1000));
        assert!(metadata.num_row_groups() >= 2);
        for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
            let path = column.column_path().string();
            assert_eq!(column.bloom_filter_offset().is_some(), path == "customer.id", "{path}");
            assert!(column.statistics().is_some(), "{path}");
        }
    }
}

#[tokio::test]
async fn every_partition_gets_a_file_of_its_own() {
    let lake = lake();
    let batch = batch((0..5000).map(|n| format!(r#"{{"n":{n},"day":"2026-11-{:02}"}}"#, n % 28 + 1)));
    let by = Partition::day("/day").unwrap();
    let landing = LakeSink::builder(&lake).partition(by).parquet(ParquetSettings::new()).build();
    let sink = landing.landing().unwrap().sink.unwrap();
    let receipt = sink.write(&batch.content(Content::Json).build().unwrap()).await.unwrap();
    assert_eq!(receipt.outputs.len(), 28);
    assert_eq!(receipt.outputs.iter().map(|output| output.records).sum::<u64>(), 5000);
    assert_eq!(super::read(&lake, &receipt).await.len(), 5000);
}
