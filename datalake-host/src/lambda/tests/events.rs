//! Events by their shape, and new objects.

use datalake_core::store::{ObjectStore, Payload, PutOptions};

use super::super::event::{Event, read};
use super::*;

async fn bucket(objects: &[(&str, &'static str)]) -> Arc<dyn ObjectStore> {
    let store = MemoryStore::new();
    for (key, bytes) in objects {
        store.put(key, Payload::from(*bytes), PutOptions::default()).await.unwrap();
    }
    Arc::new(store)
}

fn notification(bucket: &str, key: &str) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": { "name": bucket, "arn": format!("arn:aws:s3:::{bucket}") },
            "object": { "key": key, "size": 7, "eTag": "e", "sequencer": "0055AED6DCD90281E5" },
        },
    })
}

fn bridged(bucket: &str, key: &str) -> Value {
    json!({
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": { "name": bucket },
            "object": { "key": key, "size": 7, "etag": "e", "sequencer": "00617F08299329D189" },
            "reason": "PutObject",
        },
    })
}

#[tokio::test]
async fn new_objects_are_landed_by_their_extension() {
    let objects = [("in/a b.ndjson", "{\"n\":1}\n{\"n\":2}\n"), ("in/c+d.csv", "n,m\n3,x\n")];
    let store = bucket(&objects).await;
    let mut worker = Worker::fed_by(move |source| source.objects("landing", store)).await;
    let event = json!({ "Records": [notification("landing", "in/a+b.ndjson")] });
    let answer = worker.answer(&event).await.unwrap();
    assert_eq!(answer["counts"]["read"], 2, "{answer}");
    worker.answer(&bridged("landing", "in/c+d.csv")).await.unwrap();
    assert_eq!(worker.numbers(Zone::Curated).await, [json!(1), json!(2), json!("3")]);
    let trace = worker.lake.trace(&"clicks/1/0".parse().unwrap()).await.unwrap();
    assert!(format!("{trace:?}").contains("s3://landing/in/a b.ndjson"), "{trace:?}");
}

#[tokio::test]
async fn an_object_of_a_prefix_is_found_in_its_store() {
    let store = bucket(&[("a.json", r#"{"n":1}"#)]).await;
    let empty = bucket(&[]).await;
    let mut worker =
        Worker::fed_by(move |source| source.objects("landing", empty).objects("landing/in/", store)).await;
    worker.answer(&bridged("landing", "in/a.json")).await.unwrap();
    assert_eq!(worker.numbers(Zone::Curated).await, [1]);
}

#[tokio::test]
async fn an_object_that_cannot_be_fetched_fails_its_event_and_costs_no_other() {
    let store = bucket(&[("a.json", r#"{"n":1}"#), ("large.json", r#"{"n":"22222222"}"#)]).await;
    let mut worker = Worker::fed_by(move |source| source.objects("landing", store).max_object(10)).await;
    let keys = ["gone.json", "large.json", "a.json"];
    for (n, (bucket, kind)) in
        [("landing", ErrorKind::NotFound), ("other", ErrorKind::ConfigInvalid)].into_iter().enumerate()
    {
        let records: Vec<_> = keys.iter().map(|key| notification(bucket, key)).collect();
        let error = worker.answer(&json!({ "Records": records })).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("gone.json"), "{error}");
        assert_eq!(worker.numbers(Zone::Curated).await, [1], "{n}");
    }
    let error = worker.answer(&bridged("landing", "large.json")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecordTooLarge);
}

#[tokio::test]
async fn what_is_no_new_object_is_nothing_to_do() {
    let mut worker = Worker::fed().await;
    let mut removed = notification("landing", "a.json");
    removed["eventName"] = json!("ObjectRemoved:Delete");
    let mut deleted = bridged("landing", "a.json");
    deleted["detail-type"] = json!("Object Deleted");
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing" });
    for event in [json!({ "Records": [removed] }), deleted, test] {
        assert_eq!(worker.answer(&event).await.unwrap(), json!({}), "{event}");
    }
}

#[test]
fn an_event_is_told_by_its_shape() {
    let shape = |event: Value| match read(event.to_string().as_bytes()) {
        Ok(Event::Firehose) => "firehose",
        Ok(Event::Delivery(_)) => "delivery",
        Ok(Event::Nothing) => "nothing",
        Ok(Event::Schedule(_)) => "schedule",
        Err(error) if error.kind() == ErrorKind::Unsupported => "unsupported",
        Err(error) => panic!("{error}"),
    };
    let rule = json!({
        "version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "resources": [], "detail": {},
    });
    let numbers = json!({ "records": [{ "kinesisRecordMetadata": { "sequenceNumber": 4.95e55 } }] });
    for (event, expected) in [
        (json!({ "deliveryStreamArn": "arn", "records": [] }), "firehose"),
        (json!({ "invocationId": "i", "deliveryStreamArn": "arn", "records": [] }), "firehose"),
        (json!({ "invocationId": "i", "records": [{ "recordId": "1", "data": "" }] }), "firehose"),
        (json!({ "records": [{ "recordId": "1", "data": "" }] }), "firehose"),
        (numbers, "firehose"),
        (kinesis([("1", body(1))]), "delivery"),
        (sqs("q", [("1", body(1))]), "delivery"),
        (json!({ "Records": [notification("b", "k")] }), "delivery"),
        (bridged("b", "k"), "delivery"),
        (rule, "schedule"),
        (json!({}), "schedule"),
        (json!(null), "schedule"),
        (json!([1, 2]), "schedule"),
        (json!({ "records": [1, 2, 3] }), "schedule"),
        (json!({ "Records": 5 }), "schedule"),
        (json!({ "Records": [] }), "unsupported"),
        (json!({ "Records": [{ "eventSource": "aws:dynamodb" }] }), "unsupported"),
        (json!({ "Records": [{ "EventSource": "aws:sns" }] }), "unsupported"),
    ] {
        assert_eq!(shape(event.clone()), expected, "{event}");
    }
    let Ok(Event::Schedule(only)) = read(br#"{"pipelines":["a","b"]}"#) else { panic!() };
    assert_eq!(only, ["a", "b"]);
}

#[tokio::test]
async fn an_event_for_nothing_here_is_refused_with_a_reason() {
    let mut worker = Worker::fed().await;
    for (event, words) in [
        (json!({ "deliveryStreamArn": "arn", "records": [] }), "Firehose"),
        (json!({}), "no pipeline to drain"),
        (json!({ "pipelines": ["clicks"] }), "\"clicks\""),
        (json!({ "pipelines": 5 }), "not a list of names"),
    ] {
        let error = worker.answer(&event).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_malformed_record_is_named_and_nothing_of_its_event_is_landed() {
    let mut worker = Worker::fed().await;
    let good = kinesis([("1", body(1))])["Records"][0].clone();
    for (pointer, words) in [
        ("/kinesis", "without `kinesis`"),
        ("/kinesis/sequenceNumber", "without `sequenceNumber`"),
        ("/kinesis/data", "without `data`"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = Value::Null;
        let error = worker.answer(&json!({ "Records": [good, bad] })).await.unwrap_err();
        assert!(error.to_string().contains(words) && error.to_string().contains("record: 1"), "{error}");
    }
    let mut bad = good.clone();
    bad["kinesis"]["data"] = json!("~");
    let error = worker.answer(&json!({ "Records": [bad] })).await.unwrap_err();
    assert!(error.to_string().contains("not base64"), "{error}");
    assert!(worker.numbers(Zone::Curated).await.is_empty());
}
