//! Payloads through the transform as a pipeline runs it.

#[cfg(feature = "iot-mqtt")]
mod broker;
mod messages;
mod peer;
mod random;
mod types;

use prost::Message as _;
use serde_json::Value;

use super::Sparkplug;
use super::payload::{Metric, MetricValue, Payload};
use datalake_core::{Document, Format, Pipeline};

/// 2026-01-03T02:49:00Z.
const NOW: u64 = 1_767_408_540_000;

fn message(topic: &str, payload: impl Into<Vec<u8>>) -> Document {
    let properties: serde_json::Map<_, _> = [("topic".to_owned(), topic.into())].into_iter().collect();
    Document::new(payload.into(), "mqtt://127.0.0.1:1883/x", Format::Whole).with_properties(properties)
}

fn payload(seq: u64, metrics: impl IntoIterator<Item = Metric>) -> Payload {
    Payload {
        timestamp: Some(NOW),
        seq: Some(seq),
        metrics: metrics.into_iter().collect(),
        ..Payload::default()
    }
}

/// A message of the edge node `e`, or of its device.
fn sent(kind: &str, device: Option<&str>, payload: &Payload) -> Document {
    let device = device.map(|device| format!("/{device}")).unwrap_or_default();
    message(&format!("spBv1.0/g/{kind}/e{device}"), payload.encode_to_vec())
}

fn named(name: &str, alias: Option<u64>, datatype: u32, value: MetricValue) -> Metric {
    Metric {
        name: Some(name.into()),
        alias,
        datatype: Some(datatype),
        value: Some(value),
        ..Metric::default()
    }
}

fn aliased(alias: u64, value: MetricValue) -> Metric {
    Metric { alias: Some(alias), value: Some(value), ..Metric::default() }
}

/// The number of the session, as births and deaths have it.
fn session(number: u64) -> Metric {
    named("bdSeq", None, 8, MetricValue::Long(number))
}

/// What becomes of messages: records, and the reasons of those refused.
async fn apply(transform: Sparkplug, messages: Vec<Document>) -> (Vec<Value>, Vec<String>) {
    let reshaper = Pipeline::builder("p").transform(transform).reshaper().unwrap();
    let reshaped = reshaper.apply(messages).await.unwrap();
    let (mut records, mut refused) = (Vec::new(), Vec::new());
    for outcome in reshaped.outcomes() {
        records.extend(outcome.records.iter().map(|record| serde_json::from_slice(record.body()).unwrap()));
        refused.extend(outcome.rejected.iter().map(|rejected| rejected.error.reason.to_string()));
    }
    (records, refused)
}

async fn records(messages: Vec<Document>) -> Vec<Value> {
    let (records, refused) = apply(Sparkplug::new("sparkplug"), messages).await;
    assert!(refused.is_empty(), "{refused:?}");
    records
}
