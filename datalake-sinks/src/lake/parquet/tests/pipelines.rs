//! Whole pipelines that land as Parquet: reading, tracing, verifying, rebuilding.

use bytes::Bytes;
use datalake_core::lake::{Lake, Zone, stamp};
use datalake_core::pipeline::{Budget, PipelineBuilder};
use datalake_core::testkit::VecSource;
use datalake_core::transform::json::{Type, cast};
use datalake_core::{Dataset, Document, ErrorKind, Format, Pipeline, PipelineId};
use futures::TryStreamExt;

use super::lake;
use crate::lake::{Contract, LakeSink, ParquetFormat, ParquetSettings, Partition};

fn things() -> Dataset {
    Dataset::new("things").unwrap()
}

fn pipeline(lake: &Lake, settings: ParquetSettings, text: &'static str) -> PipelineBuilder {
    let landing =
        LakeSink::builder(lake).partition(Partition::field("r", "/r").unwrap()).parquet(settings).build();
    let source =
        VecSource::new((!text.is_empty()).then(|| Document::new(text, "memory:///input", Format::Ndjson)));
    Pipeline::builder("things").source(source).lake(&landing)
}

async fn drained(builder: PipelineBuilder) -> datalake_core::pipeline::Report {
    builder.build().unwrap().drain(Budget::unlimited()).await.unwrap()
}

async fn curated(lake: &Lake) -> Vec<String> {
    let parts: Vec<Bytes> = lake.read(&things(), Zone::Curated).await.unwrap().try_collect().await.unwrap();
    let lines = parts.concat();
    let lines = std::str::from_utf8(&lines).unwrap().lines();
    lines.map(|line| String::from_utf8(stamp::read(line.as_bytes()).unwrap().0).unwrap()).collect()
}

#[tokio::test]
async fn a_lake_of_parquet_is_read_traced_and_verified() {
    let bare = lake();
    let lake = bare.clone().with_format(ParquetFormat::new());
    let text = "{\"r\":\"eu\",\"price\":0.30}\n{\"r\":\"us\",\"price\": 1.25 }\nbroken\n{\"r\":\"eu\",\"price\":null}\n";
    let report = drained(pipeline(&bare, ParquetSettings::new(), text)).await;
    assert_eq!((report.counts.written, report.counts.quarantined), (3, 1));
    let expected = [r#"{"r":"eu","price":0.30}"#, r#"{"r":"eu"}"#, r#"{"r":"us","price":1.25}"#];
    assert_eq!(curated(&lake).await, expected);

    let trace = lake.trace(&"things/1/1".parse().unwrap()).await.unwrap();
    assert_eq!(trace.raw.unwrap(), r#"{"r":"us","price": 1.25 }"#);
    assert_eq!(trace.curated[0].line, r#"{"r":"us","price":1.25,"_lake":{"b":"things/1","i":1}}"#);
    assert!(trace.curated[0].object.ends_with(".parquet"));

    let id = PipelineId::new("things").unwrap();
    for lake in [&bare, &lake] {
        let verified = lake.verify(&id).await.unwrap();
        assert!(verified.is_whole(), "{:?}", verified.problems);
    }
    let object = lake.objects(&things(), Zone::Curated).await.unwrap().remove(0);
    assert_eq!(bare.content(&object).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_restart_keeps_the_schema_of_the_lake() {
    let lake = lake();
    let document = |text: &'static str| Document::new(text, "memory:///input", Format::Ndjson);
    let source = VecSource::new([document("{\"a\":1,\"b\":\"x\"}\n")]);
    let (silo, again) = (source.silo(), source.reopen());
    let run = async |source: VecSource, settings| {
        let landing = LakeSink::builder(&lake).parquet(settings).build();
        drained(Pipeline::builder("things").source(source).lake(&landing)).await
    };
    run(source, ParquetSettings::new()).await;
    silo.push(document("{\"a\":\"text\"}\n{\"a\":2}\n"));
    let report = run(again.reopen(), ParquetSettings::new().contract(Contract::QuarantineRow)).await;
    assert_eq!((report.counts.written, report.counts.quarantined), (1, 1), "a is an integer still");
    silo.push(document("{\"c\":true}\n"));
    run(again.reopen(), ParquetSettings::new()).await;
    let reader = lake.clone().with_format(ParquetFormat::new());
    let last = reader.objects(&things(), Zone::Curated).await.unwrap().pop().unwrap();
    let bytes = lake.store().get(&last.location).await.unwrap();
    let schema = super::super::line::Reading::new(&bytes).unwrap().schema.to_string();
    assert_eq!(schema, r#"{"a":"int64","b":"text","c":"bool"}"#);
}

#[tokio::test]
async fn records_in_quarantine_are_replayed_and_all_are_rebuilt() {
    let lake = lake().with_format(ParquetFormat::new());
    let schema = || ParquetSettings::new().schema(r#"{"r":"text","n":"int64"}"#.parse().unwrap());
    let settings = schema().contract(Contract::QuarantineRow);
    let text = "{\"r\":\"eu\",\"n\":1}\n{\"r\":\"eu\",\"n\":\"2\"}\n";
    let report = drained(pipeline(&lake, settings.clone(), text)).await;
    assert_eq!((report.counts.written, report.counts.quarantined), (1, 1));

    let mended = || pipeline(&lake, settings.clone(), "").transform(cast("n", "/n", Type::Integer).unwrap());
    let report = mended().build().unwrap().replay(&lake).await.unwrap();
    assert_eq!((report.counts.written, report.counts.quarantined), (1, 0));
    assert_eq!(curated(&lake).await, [r#"{"r":"eu","n":1}"#, r#"{"r":"eu","n":2}"#]);

    mended().build().unwrap().rebuild(&lake).await.unwrap();
    assert_eq!(curated(&lake).await, [r#"{"r":"eu","n":1}"#, r#"{"r":"eu","n":2}"#]);
    let verified = lake.verify(&PipelineId::new("things").unwrap()).await.unwrap();
    assert!(verified.is_whole(), "{:?}", verified.problems);
}
