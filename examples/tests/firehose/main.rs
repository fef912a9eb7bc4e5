//! The real binary of `firehose_transform`, called by a delivery stream as in the service.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_firehose::config::{Credentials, SharedCredentialsProvider};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datalake_aws::config::Settings;
use datalake_core::Pipeline;
use datalake_core::lake::{Lake, stamp};
use datalake_core::store::MemoryStore;
use datalake_core::testkit::VecSource;
use datalake_simulators::firehose::Firehose;
use datalake_simulators::firehose::delivery::{Builder, Delivery, Memory};
use datalake_simulators::lambda::{Lambda, Outcome};
use datalake_sinks::firehose::FirehoseSink;
use datalake_sinks::lake::LakeSink;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

const ORDERS: [&str; 4] = [
    r#"{"id":1,"state":"paid","placed_at":"2026-11-25T23:30:00-02:00","customer":{"email":"a@b.example"},"total":"12.30","internal_note":"x"}"#,
    r#"{"id":2,"state":"cancelled","total":"1.00"}"#,
    r#"{"id":3,"state":"paid","placed_at":"2026-11-25T10:00:00Z","total":"a lot"}"#,
    r#"{"id":4,"state":"new","placed_at":"2026-11-25T10:00:00Z","total":"0.70"}"#,
];

fn function() -> Lambda {
    Lambda::builder()
        .name("firehose_transform")
        .timeout(MINUTE)
        .env("PARTITION_BY", "/placed_at")
        .binary(env!("CARGO_BIN_EXE_firehose_transform"))
}

fn stream(bucket: &Memory, function: &Arc<Lambda>) -> Builder {
    Delivery::builder("orders", bucket.clone())
        .transform(Arc::clone(function))
        .dynamic_partitioning(500)
        .prefix("orders/dt=!{partitionKeyFromLambda:dt}/")
        .error_prefix("failed/!{firehose:error-output-type}/")
}

/// The lines of all objects whose keys begin so.
fn lines(bucket: &Memory, prefix: &str) -> Vec<String> {
    let objects = bucket.objects();
    let bodies = objects.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, body)| body);
    bodies.flat_map(|body| std::str::from_utf8(body).unwrap().lines().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_binary_transforms_what_a_stream_delivers() {
    let (bucket, function) = (Memory::default(), Arc::new(function()));
    let mut delivery = stream(&bucket, &function).build().unwrap();
    delivery.put(ORDERS).await.unwrap();
    delivery.advance(6 * MINUTE).await.unwrap();

    let first = lines(&bucket, "orders/dt=2026-11-26/");
    assert!(
        first[0].starts_with(
            r#"{"id":1,"state":"paid","placed_at":"2026-11-25T23:30:00-02:00","customer":{"email":"***"},"total":12.30,"_lake":{"h":[{"#
        ),
        "{first:?}"
    );
    let second = lines(&bucket, "orders/dt=2026-11-25/");
    assert!(second[0].starts_with(r#"{"id":4,"#) && second[0].contains(r#""total":0.70"#), "{second:?}");
    assert_eq!((first.len(), second.len()), (1, 1));
    let failed: Vec<Value> =
        lines(&bucket, "failed/").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(STANDARD.decode(failed[0]["rawData"].as_str().unwrap()).unwrap(), ORDERS[2].as_bytes());

    assert_eq!((function.cold_starts(), delivery.calls()), (1, 1));
    let logs = function.logs();
    let refusal = logs.iter().find(|line| line.contains("a record is refused")).unwrap();
    assert!(refusal.contains("cast") && !refusal.contains("a lot"), "{refusal}");
    for ended in function.shutdown().await {
        assert!(ended.in_time(), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_event_is_answered_by_the_real_binary_within_the_limit() {
    let function = Arc::new(function());
    let bucket = Memory::default();
    let mut delivery = stream(&bucket, &function).gather(usize::MAX, MINUTE).build().unwrap();
    let note = "n".repeat(400);
    let order = |id: usize| {
        format!(
            r#"{{"id":{id},"state":"paid","placed_at":"2026-11-25T10:00:00Z","total":"1.10","internal_note":"{note}"}}"#
        )
    };
    delivery.put((0..8_000).map(order)).await.unwrap();
    delivery.flush().await.unwrap();
    assert!(delivery.calls() == 2 && function.cold_starts() == 1, "{} calls", delivery.calls());
    let mut ids: Vec<u64> = lines(&bucket, "orders/")
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..8_000).collect::<Vec<_>>());
    assert!(lines(&bucket, "failed/").is_empty());
    function.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_of_firehose_is_an_error_of_the_function() {
    let function = function();
    let event = json!({ "deliveryStreamArn": "arn:aws:firehose:x", "records": "none" });
    let invocation = function.invoke(event).await.unwrap();
    assert!(matches!(invocation.outcome, Outcome::Failed(_)), "{:?}", invocation.outcome);
    function.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transformed_record_leads_back_to_the_bytes_of_the_silo() {
    let service = Firehose::start().unwrap();
    service.create("orders");
    let config = Settings::new().region("eu-central-1").endpoint(service.url()).load().await;
    let keys = SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test"));
    let config = config.to_builder().credentials_provider(keys).build();
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let mut pipeline = Pipeline::builder("orders")
        .source(VecSource::json(ORDERS))
        .lake(&LakeSink::builder(&lake).raw_only().build())
        .sink(FirehoseSink::builder(&config, "orders").build().unwrap())
        .build()
        .unwrap();
    pipeline.drain(Default::default()).await.unwrap();

    let (bucket, function) = (Memory::default(), Arc::new(function()));
    let mut delivery = stream(&bucket, &function).build().unwrap();
    delivery.put(service.take("orders")).await.unwrap();
    delivery.flush().await.unwrap();
    let delivered = lines(&bucket, "orders/");
    assert_eq!(delivered.len(), 2);
    for line in delivered {
        let (record, id) = stamp::read(line.as_bytes()).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let trace = lake.trace(&id).await.unwrap();
        let original =
            ORDERS.iter().find(|order| order.contains(&format!("\"id\":{},", record["id"]))).unwrap();
        assert_eq!(trace.raw.unwrap(), original.as_bytes());
    }
    function.shutdown().await;
}
