//! The transformation of a delivery stream, from the records put into it to the objects that come out.

#![cfg(feature = "lambda")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::Pipeline;
use datalake_core::lake::Partition;
use datalake_core::testkit::Rng;
use datalake_core::transform::json::mask;
use datalake_core::transform::{Pointer, filter, flat_map};
use datalake_host::lambda::firehose::FirehoseTransform;
use datalake_simulators::firehose::delivery::{Builder, Delivery, Failure, Function, Memory, function};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// Masks `/email`, leaves out what has `"drop":true`, and makes as many records of each as `/times` says.
fn transform() -> FirehoseTransform {
    let (dropped, times) = (Pointer::parse("/drop").unwrap(), Pointer::parse("/times").unwrap());
    let reshaper = Pipeline::builder("orders")
        .transform(mask("mask-email", "/email").unwrap())
        .transform(filter("no-drops", "1", move |draft| Ok(draft.field(&dropped)? != Some("true"))))
        .transform(flat_map("times", "1", move |record| {
            let mut draft = datalake_core::transform::Draft::new(record.body().clone(), record.content());
            Ok(vec![record.body().clone(); draft.value(&times)?.unwrap_or(1)])
        }))
        .reshaper()
        .unwrap();
    let region = Partition::field("region", "/region").unwrap();
    FirehoseTransform::builder(reshaper).partition(region).build().unwrap()
}

/// The transformation as a function; every call whose number `fails` says so loses its answer.
fn called(fails: impl Fn(u64) -> bool + Send + Sync + 'static) -> impl Function {
    let (transform, calls) = (Arc::new(transform()), std::sync::atomic::AtomicU64::new(0));
    function(move |event: Bytes| {
        let lost = fails(calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let transform = Arc::clone(&transform);
        async move {
            let answer = transform.answer(event).await;
            let failed = |message: &str| Failure::new("Lambda.FunctionError", message);
            if lost { Err(failed("the answer is lost")) } else { answer.map_err(|e| failed(&e.to_string())) }
        }
    })
}

fn stream(bucket: &Memory, function: impl Function) -> Builder {
    Delivery::builder("orders", bucket.clone())
        .transform(function)
        .dynamic_partitioning(500)
        .prefix("orders/region=!{partitionKeyFromLambda:region}/")
        .error_prefix("failed/!{firehose:error-output-type}/")
        .backup("raw/")
}

/// The records that were delivered, by folder, without their lineage.
fn delivered(bucket: &Memory) -> BTreeMap<String, Vec<Value>> {
    let mut delivered: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, body) in bucket.objects().iter().filter(|(key, _)| key.starts_with("orders/")) {
        let lines = delivered.entry(key.split('/').nth(1).unwrap().to_owned()).or_default();
        for line in std::str::from_utf8(body).unwrap().lines() {
            let mut record: Value = serde_json::from_str(line).unwrap();
            let lineage = record.as_object_mut().unwrap().remove("_lake").unwrap();
            assert_eq!(lineage["h"][0]["steps"], json!(["mask-email/1", "no-drops/1", "times/1"]));
            lines.push(record);
        }
    }
    delivered
}

/// The bytes of the records that failed.
fn failed(bucket: &Memory) -> Vec<Vec<u8>> {
    let objects = bucket.objects();
    let lines = objects.iter().filter(|(key, _)| key.starts_with("failed/")).flat_map(|(_, body)| {
        body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
            let line: Value = serde_json::from_slice(line).unwrap();
            assert_eq!(line["errorCode"], "Lambda.ProcessingFailedStatus");
            STANDARD.decode(line["rawData"].as_str().unwrap()).unwrap()
        })
    });
    lines.collect()
}

#[tokio::test]
async fn what_is_kept_dropped_or_refused_lands_where_it_should() {
    let bucket = Memory::default();
    let mut delivery = stream(&bucket, called(|_| false)).build().unwrap();
    let given = [
        "{\"id\":1,\"email\":\"a@b.example\",\"region\":\"eu\"}\n",
        "{\"id\":2,\"drop\":true}\n",
        "no json\n",
        "{\"id\":3,\"region\":\"us\"}\n{\"id\":4,\"region\":\"us\"}\n",
        "{\"id\":5,\"region\":\"../us\"}",
        "{\"id\":6,\"region\":\"eu\"}\n{\"id\":",
    ];
    delivery.put(given).await.unwrap();
    delivery.advance(6 * MINUTE).await.unwrap();
    assert_eq!(
        delivered(&bucket),
        [
            ("region=eu".to_owned(), vec![json!({ "id": 1, "email": "***", "region": "eu" })]),
            (
                "region=us".to_owned(),
                vec![json!({ "id": 3, "region": "us" }), json!({ "id": 4, "region": "us" })]
            ),
            ("region=%2E.%2Fus".to_owned(), vec![json!({ "id": 5, "region": "../us" })]),
        ]
        .into()
    );
    assert_eq!(failed(&bucket), [given[2].as_bytes(), given[5].as_bytes()]);
    let raw: Vec<_> = bucket.objects().into_iter().filter(|(key, _)| key.starts_with("raw/")).collect();
    assert_eq!(raw.len(), 1);
    assert_eq!(raw[0].1, given.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_comes_twice_whatever_is_put_and_whichever_answers_are_lost() {
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        let bucket = Memory::default();
        // At most three answers in a row are lost, and after three the fourth is believed.
        let function = called(move |call| Rng::new(seed ^ (call << 8)).chance(0.6) && call % 4 != 3);
        let gather = rng.within(100_000..4_500_000);
        let mut delivery = stream(&bucket, function).gather(gather, MINUTE).build().unwrap();
        let (mut kept, mut dropped, mut refused) = (Vec::new(), 0, Vec::new());
        let filler = "f".repeat(2_000);
        for id in 0..rng.within(200..1_500) {
            let (fill, region) = (&filler[..rng.below(2_000)], rng.below(3));
            let record = match rng.below(10) {
                0 => format!("{{\"id\":{id},\"drop\":true,\"fill\":\"{fill}\"}}"),
                1 => format!("{{\"id\":{id},\"fill\":\"{fill}\""),
                // Now and then so many children that they fit into no answer with the others.
                2 => {
                    let most = if rng.chance(0.05) { 4_000 } else { 3 };
                    let times = 1 + rng.below(most);
                    format!("{{\"id\":{id},\"times\":{times},\"region\":{region},\"fill\":\"{fill}\"}}")
                }
                _ => format!("{{\"id\":{id},\"region\":{region},\"fill\":\"{fill}\"}}"),
            };
            match record.as_bytes() {
                body if !body.ends_with(b"}") => refused.push(record.clone().into_bytes()),
                _ if record.contains("\"drop\"") => dropped += 1,
                _ => kept.push(serde_json::from_str::<Value>(&record).unwrap()),
            }
            delivery.put([record]).await.unwrap();
            if rng.chance(0.01) {
                delivery.advance(MINUTE).await.unwrap();
            }
        }
        delivery.flush().await.unwrap();

        let (delivered, failed) = (delivered(&bucket), failed(&bucket));
        let mut count: BTreeMap<u64, usize> = BTreeMap::new();
        for (folder, records) in &delivered {
            for record in records {
                assert_eq!(*folder, format!("region={}", record["region"]), "seed {seed}");
                *count.entry(record["id"].as_u64().unwrap()).or_default() += 1;
            }
        }
        let mut handed_back = 0;
        for record in &kept {
            let times = record["times"].as_u64().unwrap_or(1) as usize;
            let id = record["id"].as_u64().unwrap();
            let came = count.remove(&id).unwrap_or(0);
            let back = failed
                .iter()
                .filter(|raw| serde_json::from_slice::<Value>(raw).ok().as_ref() == Some(record));
            let back = back.count();
            handed_back += back;
            assert!(
                matches!((came, back), (0, 1)) || (came == times && back == 0),
                "seed {seed}: {id}: {came}, {back}"
            );
        }
        assert!(count.is_empty(), "seed {seed}: {count:?}");
        assert!(refused.iter().all(|record| failed.contains(record)), "seed {seed}");
        assert_eq!(failed.len(), refused.len() + handed_back, "seed {seed}: {dropped} dropped");
    }
}
