//! Payloads through a real broker.

use std::sync::Arc;
use std::time::Duration;

use datalake_simulators::mqtt::{Message, Mosquitto, Publisher, Running};
use serde_json::json;

use super::*;
use crate::iot::mqtt::{MqttSource, Qos};
use datalake_core::Dataset;
use datalake_core::ledger::StoreLedger;
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::MemorySink;

/// A worker of its own, which goes on where the one before was committed.
fn worker(broker: &Running, store: &MemoryStore, sink: &MemorySink) -> Pipeline {
    let source = MqttSource::builder(Dataset::new("plant").unwrap(), broker.url(), "lake-0")
        .topic("spBv1.0/#", Qos::AtLeastOnce)
        .format(Format::Whole)
        .patience(Duration::from_millis(500))
        .build()
        .unwrap();
    let ledger = StoreLedger::new(Arc::new(store.clone()));
    let pipeline =
        Pipeline::builder("plant").source(source).transform(Sparkplug::new("sparkplug").each_metric());
    pipeline.sink(sink.clone()).ledger(ledger).build().unwrap()
}

async fn publish(broker: &Running, messages: Vec<Document>) {
    let mut edge = Publisher::new(broker.address(), "edge");
    for message in messages {
        let topic = message.properties().unwrap()["topic"].as_str().unwrap().to_owned();
        edge.publish(Message::new(topic, message.bytes().to_vec())).await.unwrap();
    }
    edge.close().await.unwrap();
}

/// So many rows that a worker reads after those that are there: name, value, and whether it is unresolved.
async fn rows(pipeline: &mut Pipeline, sink: &MemorySink, count: usize) -> Vec<Value> {
    let from = sink.everything().len();
    tokio::time::timeout(Duration::from_secs(60), pipeline.run_until(sink.keeps(from + count)))
        .await
        .expect("the rows come")
        .unwrap();
    let all = sink.everything();
    let row = |body: &[u8]| -> Value {
        let row: Value = serde_json::from_slice(body).unwrap();
        json!([row["name"], row["value"], row["unresolved"]])
    };
    all[from..].iter().map(|(_, body)| row(body)).collect()
}

#[tokio::test]
async fn what_an_edge_node_publishes_is_named_by_its_birth_and_a_new_worker_waits_for_the_next() {
    let Some(broker) = Mosquitto::find("Sparkplug B on mosquitto") else { return };
    let broker = broker.start().unwrap();
    let (store, sink) = (MemoryStore::new(), MemorySink::new("out"));
    let mut first = worker(&broker, &store, &sink);
    // The broker knows the client from now on, and keeps what is for it.
    first.drain(Budget::unlimited()).await.unwrap();
    let birth = || sent("NBIRTH", None, &payload(0, [named("Temp", Some(1), 3, MetricValue::Int(20))]));
    let data = |seq: u64| sent("NDATA", None, &payload(seq, [aliased(1, MetricValue::Int(0xFFFF_FFF9))]));
    publish(&broker, vec![birth(), data(1), data(2)]).await;
    let found = rows(&mut first, &sink, 3).await;
    assert_eq!(found, [json!(["Temp", 20, false]), json!(["Temp", -7, false]), json!(["Temp", -7, false])]);
    first.close().await;

    publish(&broker, vec![data(3), birth(), data(1)]).await;
    let found = rows(&mut worker(&broker, &store, &sink), &sink, 3).await;
    assert_eq!(
        found,
        [json!(["alias_1", 0xFFFF_FFF9_u32, true]), json!(["Temp", 20, false]), json!(["Temp", -7, false])]
    );
}
