//! A real broker, and devices that publish to it.

use std::collections::BTreeMap;
use std::time::Duration;

use datalake_core::{Dataset, Document, Next, Position, Result, Source, SourceBatch};
use datalake_simulators::mqtt::{Message, Mosquitto, Publisher, Running, Tap};

use super::{MqttSource, MqttSourceBuilder, Qos, Retained, StableId, Version};

mod acknowledgements;
mod connections;
mod exactly_once;
mod fields;
mod model;
mod pipeline;
mod settings;
mod spool;
mod suite;

const VERSIONS: [Version; 2] = [Version::V3, Version::V5];

fn mosquitto() -> Option<Running> {
    started(|broker| broker)
}

fn started(set: impl FnOnce(Mosquitto) -> Mosquitto) -> Option<Running> {
    Mosquitto::find("the MQTT source on mosquitto").map(|broker| set(broker).start().unwrap())
}

fn builder(url: &str) -> MqttSourceBuilder {
    MqttSource::builder(Dataset::new("plant").unwrap(), url, "lake-0").patience(Duration::from_millis(300))
}

fn source(broker: &Running, qos: Qos) -> MqttSource {
    builder(&broker.url()).topic("plant/#", qos).build().unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("the test takes too long")
}

/// Lets the broker know the client, so that it keeps its messages.
async fn known(source: &mut MqttSource) {
    source.seek(None).await.unwrap();
    within(source.next_batch()).await.unwrap();
}

/// The next batch with documents, and positions of batches without one committed meanwhile.
async fn batch(source: &mut MqttSource) -> SourceBatch {
    loop {
        match within(source.next_batch()).await.unwrap() {
            Next::Batch(batch) if batch.documents.is_empty() => source.commit(&batch.position).await.unwrap(),
            Next::Batch(batch) => return batch,
            _ => {}
        }
    }
}

/// Reads until so many documents have come, without a commit.
async fn read(source: &mut MqttSource, documents: usize) -> (Vec<Document>, Option<Position>) {
    let (mut found, mut position) = (Vec::new(), None);
    while found.len() < documents {
        let batch = batch(source).await;
        found.extend(batch.documents);
        position = Some(batch.position);
    }
    (found, position)
}

/// Reads and commits until so many documents have come, and the broker has nothing more.
async fn drain(source: &mut MqttSource, documents: usize) -> Vec<Document> {
    let mut found = Vec::new();
    loop {
        match within(source.next_batch()).await.unwrap() {
            Next::Batch(batch) => {
                found.extend(batch.documents);
                source.commit(&batch.position).await.unwrap();
            }
            _ if found.len() >= documents => return found,
            _ => {}
        }
    }
}

fn texts(documents: &[Document]) -> Vec<String> {
    documents.iter().map(|document| String::from_utf8_lossy(document.bytes()).into_owned()).collect()
}

/// How often each payload is there.
fn counted(documents: &[Document]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for text in texts(documents) {
        *counts.entry(text).or_default() += 1;
    }
    counts
}

/// Publishes numbers as payloads, one after the other.
async fn publish(broker: &Running, qos: u8, numbers: std::ops::Range<u32>) {
    let mut device = Publisher::new(broker.address(), "device");
    for n in numbers {
        device.publish(Message::new("plant/a", n.to_string()).qos(qos)).await.unwrap();
    }
    device.close().await.unwrap();
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

async fn tap(broker: &Running) -> Tap {
    Tap::new(broker.address()).await.unwrap()
}

async fn tapped(tap: &Tap, qos: Qos) -> MqttSource {
    builder(&format!("mqtt://{}", tap.address())).topic("plant/#", qos).build().unwrap()
}
