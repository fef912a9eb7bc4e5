//! A message in JSON.

use bytes::Bytes;
use prost::Message as _;
use serde::Serialize;
use serde_json::Value;

use super::births::{Births, Gap};
use super::metric::Metric;
use super::payload::Payload;
use super::topic::Topic;
use super::value::{TooDeep, bytes, time};
use datalake_core::RecordError;

/// A message without its metrics.
#[derive(Debug, Serialize)]
struct Head<'a> {
    group: &'a str,
    edge: &'a str,
    device: Option<&'a str>,
    kind: &'static str,
    #[serde(rename = "timestamp")]
    at: Option<Value>,
    seq: Option<u64>,
    gap: Option<Gap>,
    bd_seq: Option<u64>,
    born: bool,
    unresolved: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_session: bool,
    uuid: Option<String>,
    body: Option<Value>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    metrics: Vec<Metric>,
}

/// A metric with the message it came in. Its own time is the one that counts.
#[derive(Serialize)]
struct Row<'a> {
    group: &'a str,
    edge: &'a str,
    device: Option<&'a str>,
    kind: &'static str,
    sent: Option<&'a Value>,
    seq: Option<u64>,
    gap: Option<Gap>,
    bd_seq: Option<u64>,
    born: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_session: bool,
    #[serde(flatten)]
    metric: &'a Metric,
}

#[derive(Serialize)]
struct State<'a> {
    host: &'a str,
    kind: &'static str,
    state: Value,
}

/// The records of a message: one, or one for each metric.
pub(super) fn records(
    births: &mut Births,
    topic: &Topic,
    body: &Bytes,
    each_metric: bool,
) -> Result<Vec<Bytes>, RecordError> {
    let (group, kind, edge, device) = match topic {
        Topic::State { host } => {
            let text = || Value::String(String::from_utf8_lossy(body).into_owned());
            let state = serde_json::from_slice(body).unwrap_or_else(|_| text());
            return Ok(vec![json(&State { host, kind: "STATE", state })?]);
        }
        Topic::Node { group, kind, edge, device } => (group, *kind, edge, device.as_deref()),
    };
    let payload = Payload::decode(body.clone())
        .map_err(|cause| RecordError::new("sparkplug", format!("the payload is no Sparkplug B: {cause}")))?;
    let known = births.take(group, edge, device, kind, &payload);
    let metrics = payload.metrics.into_iter().map(|metric| {
        let read = Metric::of(metric, known.birth.as_deref(), payload.timestamp, 0);
        read.map_err(|TooDeep| RecordError::new("sparkplug", "a metric is nested too deep"))
    });
    let metrics = metrics.collect::<Result<Vec<_>, _>>()?;
    let head = Head {
        group,
        edge,
        device,
        kind: kind.name(),
        at: payload.timestamp.map(time),
        seq: payload.seq,
        gap: known.gap,
        bd_seq: known.bd_seq,
        born: known.birth.is_some(),
        unresolved: metrics.iter().any(|metric| metric.unresolved),
        other_session: known.other_session,
        uuid: payload.uuid,
        body: payload.body.as_deref().map(bytes),
    };
    if !each_metric {
        return Ok(vec![json(&Whole { head, metrics })?]);
    }
    let none = [Metric::default()];
    let metrics = if metrics.is_empty() { &none[..] } else { &metrics };
    metrics.iter().map(|metric| json(&row(&head, metric))).collect()
}

fn row<'a>(head: &'a Head<'a>, metric: &'a Metric) -> Row<'a> {
    Row {
        group: head.group,
        edge: head.edge,
        device: head.device,
        kind: head.kind,
        sent: head.at.as_ref(),
        seq: head.seq,
        gap: head.gap,
        bd_seq: head.bd_seq,
        born: head.born,
        other_session: head.other_session,
        metric,
    }
}

fn json(value: &impl Serialize) -> Result<Bytes, RecordError> {
    let text = serde_json::to_vec(value);
    text.map(Bytes::from).map_err(|cause| RecordError::new("sparkplug", cause.to_string()))
}
