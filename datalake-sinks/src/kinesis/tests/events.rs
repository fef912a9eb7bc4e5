//! What an event looks like.

use std::sync::Arc;

use datalake_core::store::{MemoryStore, ObjectStore};
use datalake_core::testkit::batch;
use datalake_core::transform::Pointer;
use datalake_core::{Content, ErrorKind, Sink};
use serde_json::{Value, json};

use super::peer::{STREAM, events, simulator, sink};
use crate::kinesis::{EventFormat, Oversized, PartitionKey};

#[tokio::test]
async fn a_record_becomes_an_event_with_its_lineage() {
    let kinesis = simulator(1);
    let batch = batch(["{\"n\":1,\n\"text\":\"ä\"}"])
        .pipeline("orders")
        .dataset("erp/Orders")
        .number(17)
        .build()
        .unwrap();
    let receipt = sink(&kinesis).await.build().unwrap().write(&batch).await.unwrap();
    let event = events(&kinesis).remove(0).event;
    assert_eq!(
        event,
        json!({
            "specversion": "1.0",
            "id": batch.event_id(&batch.records[0]),
            "source": "/datalake/orders",
            "type": "datalake.erp/Orders",
            "subject": "erp/Orders",
            "time": "2026-11-22T10:00:00.000Z",
            "datacontenttype": "application/json",
            "lakerecord": "orders/17/0",
            "lakeattempt": batch.attempt.as_str(),
            "data": { "n": 1, "text": "ä" },
        })
    );
    let stored = kinesis.records(STREAM).remove(0);
    assert_eq!(stored.key, event["id"].as_str().unwrap());
    assert!(!stored.data.contains(&b'\n'));
    let [output] = &receipt.outputs[..] else { panic!("{receipt:?}") };
    assert_eq!(output.location, format!("kinesis://things/{}/{1}-{1}", stored.shard, stored.sequence));
    assert_eq!((output.records, output.bytes), (1, stored.data.len() as u64));
}

#[tokio::test]
async fn text_and_bytes_are_data_of_their_own_types() {
    let kinesis = simulator(1);
    let bodies: [&[u8]; 3] = [b"say \"hi\"\n", b"\xff\x00", b""];
    let batch = batch(bodies.map(|body| body.to_vec())).content(Content::Opaque).build().unwrap();
    let builder = sink(&kinesis).await.source("https://silo.example/a\"b").event_type("com.example.line");
    builder.build().unwrap().write(&batch).await.unwrap();
    let found = events(&kinesis);
    let types: Vec<_> = found.iter().map(|read| read.event["datacontenttype"].as_str().unwrap()).collect();
    assert_eq!(types, ["text/plain", "application/octet-stream", "text/plain"]);
    for (read, body) in found.iter().zip(bodies) {
        assert_eq!(read.body().unwrap(), body);
        assert_eq!(read.event["source"], "https://silo.example/a\"b");
        assert_eq!(read.event["type"], "com.example.line");
    }
}

#[tokio::test]
async fn a_bare_record_is_its_bytes() {
    let kinesis = simulator(1);
    let bodies: [&[u8]; 3] = [b"{\"n\":\n1}", b"\xff\x00", b""];
    let batch = batch(bodies.map(|body| body.to_vec())).content(Content::Opaque).build().unwrap();
    sink(&kinesis).await.format(EventFormat::Bare).build().unwrap().write(&batch).await.unwrap();
    let found: Vec<_> = kinesis.records(STREAM).into_iter().map(|stored| stored.data).collect();
    assert_eq!(found, bodies);
}

#[tokio::test]
async fn a_partition_key_is_in_the_record_and_a_record_without_one_is_refused() {
    let kinesis = simulator(4);
    let key = PartitionKey::pointer(Pointer::parse("/c/id").unwrap());
    let sink = sink(&kinesis).await.partition_key(key).build().unwrap();
    let long = format!(r#"{{"c":{{"id":"{}"}}}}"#, "x".repeat(257));
    let bodies = [
        r#"{"c":{"id":"a\u0041"}}"#,
        r#"{"c":{"id":7}}"#,
        "{}",
        r#"{"c":{"id":null}}"#,
        r#"{"c":{"id":""}}"#,
        r#"{"c":{"id":{}}}"#,
        r#"{"c":{"id":true}}"#,
        &long,
    ];
    let batch = batch(bodies.map(str::to_owned)).build().unwrap();
    let receipt = sink.write(&batch).await.unwrap();
    let refused: Vec<_> =
        receipt.refused.iter().map(|refused| (refused.index, &*refused.error.reason)).collect();
    assert_eq!(refused, [2, 3, 4, 5, 7].map(|index| (index, "partition-key")));
    let mut keys: Vec<_> = events(&kinesis).into_iter().map(|read| read.key).collect();
    keys.sort();
    assert_eq!(keys, ["7", "aA", "true"]);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_kept_as_an_object_before_its_event_names_it() {
    let (kinesis, store) = (simulator(1), Arc::new(MemoryStore::new()));
    let oversized = Oversized::refer(Arc::clone(&store) as _, "claims/v1").unwrap();
    let sink = sink(&kinesis).await.oversized(oversized).max_record_bytes(2048).build().unwrap();
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(3000));
    let batch = batch(["{}".to_owned(), large.clone()]).build().unwrap();
    for _ in 0..2 {
        assert!(sink.write(&batch).await.unwrap().refused.is_empty());
    }
    let found = events(&kinesis);
    let id = batch.event_id(&batch.records[1]);
    let large_one = found.iter().find(|read| read.id() == id).unwrap();
    assert_eq!(large_one.event.get("data"), None);
    let key = format!("claims/v1/things/{id}");
    assert_eq!(large_one.event["dataref"], Value::from(format!("{}{key}", store.uri())));
    assert_eq!(store.get(&key).await.unwrap(), large);
}

#[tokio::test]
async fn what_cannot_work_is_said_at_the_start() {
    let kinesis = simulator(1);
    let store = Arc::new(MemoryStore::new());
    let refer = Oversized::refer(store, "claims").unwrap();
    let rows = [
        sink(&kinesis).await.format(EventFormat::Bare).oversized(refer),
        sink(&kinesis).await.partition_key(PartitionKey::fixed("")),
        sink(&kinesis).await.partition_key(PartitionKey::fixed("x".repeat(257))),
        sink(&kinesis).await.max_record_bytes(11 << 20),
    ];
    for builder in rows {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
    assert!(Oversized::refer(Arc::new(MemoryStore::new()), "../claims").is_err());
}
