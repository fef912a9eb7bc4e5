//! What a function is given, and what its answer is worth.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{Builder, Delivery, Failure, Function, Incoming, Memory, Metadata, function};
use super::{failure, failures, noon, ok, saying, texts};
use crate::lambda::{REQUEST_LIMIT, RESPONSE_LIMIT};

fn stream(bucket: &Memory, function: impl Function) -> Builder {
    Delivery::builder("s", bucket.clone())
        .prefix("good/")
        .error_prefix("bad/")
        .transform(function)
        .starting(noon())
}

async fn delivered(bucket: &Memory, function: impl Function, records: &[&'static str]) {
    let mut delivery = stream(bucket, function).build().unwrap();
    delivery.put(records.iter().copied()).await.unwrap();
    delivery.flush().await.unwrap();
}

#[tokio::test]
async fn ok_goes_on_dropped_is_gone_and_failed_is_kept_as_it_came() {
    let bucket = Memory::default();
    let (_, function) = saying(|text| match text {
        "drop" => json!({ "result": "Dropped", "data": "" }),
        "fail" => json!({ "result": "ProcessingFailed", "data": "" }),
        text => ok(&text.to_uppercase()),
    });
    delivered(&bucket, function, &["one", "drop", "fail", "two"]).await;
    assert_eq!(texts(&bucket)["good/2026/11/26/12"], "ONETWO");
    assert_eq!(failures(&bucket), [failure("Lambda.ProcessingFailedStatus", 1, "fail")]);
}

#[tokio::test]
async fn an_answer_is_believed_only_where_each_id_is_in_it_once() {
    let bucket = Memory::default();
    let (_, function) = saying(|text| match text {
        "missing" => json!({ "recordId": null }),
        "other" => json!({ "recordId": "other", "result": "Ok", "data": "" }),
        "odd" => json!({ "result": "TRANSFORMED_STATE_OK", "data": "" }),
        "no data" => json!({ "result": "Dropped" }),
        text => ok(text),
    });
    delivered(&bucket, function, &["one", "missing", "other", "odd", "no data"]).await;
    assert_eq!(texts(&bucket)["good/2026/11/26/12"], "one");
    assert_eq!(
        failures(&bucket),
        [
            failure("Lambda.MissingRecordId", 1, "missing"),
            failure("Lambda.MissingRecordId", 1, "other"),
            failure("Lambda.InvalidReturnFormat", 1, "odd"),
            failure("Lambda.InvalidReturnFormat", 1, "no data"),
        ]
    );
}

#[tokio::test]
async fn an_id_that_is_answered_twice_has_failed() {
    let bucket = Memory::default();
    let twice = function(|event: Bytes| async move {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let entry = json!({ "recordId": event["records"][0]["recordId"], "result": "Ok", "data": "" });
        Ok(Bytes::from(json!({ "records": [entry, entry] }).to_string()))
    });
    delivered(&bucket, twice, &["one"]).await;
    assert_eq!(failures(&bucket), [failure("Lambda.DuplicatedRecordId", 1, "one")]);
}

#[tokio::test]
async fn what_is_no_answer_fails_all_records() {
    for answer in ["null", "{}", "no json", r#"{"records":{}}"#] {
        let bucket = Memory::default();
        let call = function(move |_| async move { Ok(Bytes::from(answer)) });
        delivered(&bucket, call, &["one", "two"]).await;
        let code = "Lambda.JsonProcessingException";
        assert_eq!(failures(&bucket), [failure(code, 1, "one"), failure(code, 1, "two")]);
    }
}

#[tokio::test]
async fn a_function_that_fails_is_called_three_times_more_with_the_same_records() {
    let bucket = Memory::default();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let failing = function(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Err(Failure::new("Lambda.FunctionError", "down")) }
    });
    delivered(&bucket, failing, &["one"]).await;
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    assert_eq!(failures(&bucket), [failure("Lambda.FunctionError", 4, "one")]);
}

#[tokio::test]
async fn a_function_that_recovers_loses_nothing_and_sees_the_same_ids() {
    let bucket = Memory::default();
    let (seen, good) = saying(ok);
    let (good, calls) = (Arc::new(good), Arc::new(AtomicU32::new(0)));
    let flaky = function(move |event: Bytes| {
        let (good, first) = (Arc::clone(&good), calls.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            let answer = good.invoke(event).await;
            if first { Err(Failure::new("Lambda.FunctionError", "the answer is lost")) } else { answer }
        }
    });
    delivered(&bucket, flaky, &["one", "two"]).await;
    assert_eq!(texts(&bucket), [("good/2026/11/26/12".to_owned(), "onetwo".to_owned())].into());
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0]["records"], seen[1]["records"]);
    assert_ne!(seen[0]["invocationId"], seen[1]["invocationId"]);
}

#[tokio::test]
async fn a_function_that_is_late_or_says_too_much_has_failed() {
    let bucket = Memory::default();
    let late = function(|_| std::future::pending());
    let mut delivery = stream(&bucket, late).deadline(Duration::ZERO).retries(0).build().unwrap();
    delivery.put(["one"]).await.unwrap();
    delivery.flush().await.unwrap();
    assert_eq!(failures(&bucket), [failure("Lambda.FunctionError", 1, "one")]);

    let bucket = Memory::default();
    let much = function(|_| async { Ok(Bytes::from(vec![b' '; RESPONSE_LIMIT + 1])) });
    let mut delivery = stream(&bucket, much).retries(1).build().unwrap();
    delivery.put(["two"]).await.unwrap();
    delivery.flush().await.unwrap();
    assert_eq!(failures(&bucket), [failure("Lambda.FunctionError", 2, "two")]);
}

#[tokio::test]
async fn an_event_is_as_the_service_writes_it_for_each_source() {
    let bucket = Memory::default();
    let (seen, function) = saying(ok);
    let mut delivery = stream(&bucket, function).kinesis("orders").build().unwrap();
    let metadata = Metadata {
        shard_id: "shardId-000000000000".into(),
        partition_key: "k".into(),
        sequence_number: "49546986683135544286507457936321625675700192471156785154".into(),
        subsequence_number: 0,
        approximate_arrival_timestamp: noon().timestamp_millis(),
    };
    delivery.put([Incoming::from("one").with_metadata(metadata)]).await.unwrap();
    delivery.put(["two"]).await.unwrap();
    delivery.flush().await.unwrap();
    let event = seen.lock().unwrap()[0].clone();
    assert_eq!(event["deliveryStreamArn"], "arn:aws:firehose:eu-central-1:000000000000:deliverystream/s");
    assert_eq!(event["sourceKinesisStreamArn"], "arn:aws:kinesis:eu-central-1:000000000000:stream/orders");
    assert_eq!(event["region"], "eu-central-1");
    let record = &event["records"][0];
    assert_eq!(record["approximateArrivalTimestamp"], json!(noon().timestamp_millis()));
    assert_eq!(record["kinesisRecordMetadata"]["subsequenceNumber"], json!(0));
    assert_eq!(record["kinesisRecordMetadata"]["shardId"], "shardId-000000000000");
    assert!(event["records"][1].get("kinesisRecordMetadata").is_none());
    assert_eq!(record["recordId"].as_str().unwrap().len(), 62);
}

#[tokio::test]
async fn no_event_is_longer_than_the_service_makes_it() {
    let bucket = Memory::default();
    let longest = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (kept, (seen, good)) = (Arc::clone(&longest), saying(ok));
    let good = Arc::new(good);
    let measured = function(move |event: Bytes| {
        kept.lock().unwrap().push(event.len());
        let good = Arc::clone(&good);
        async move { good.invoke(event).await }
    });
    let mut delivery = stream(&bucket, measured).gather(20 << 20, Duration::from_secs(60)).build().unwrap();
    let record = "x".repeat(1000);
    delivery.put((0..12_000).map(|_| record.clone())).await.unwrap();
    delivery.flush().await.unwrap();
    let lengths = longest.lock().unwrap().clone();
    assert_eq!(lengths.len(), 3);
    assert!(lengths.iter().all(|length| *length <= REQUEST_LIMIT), "{lengths:?}");
    assert!(lengths[0] > REQUEST_LIMIT / 10 * 9, "{lengths:?}");
    let records: usize =
        seen.lock().unwrap().iter().map(|event| event["records"].as_array().unwrap().len()).sum();
    assert_eq!(records, 12_000);
}
