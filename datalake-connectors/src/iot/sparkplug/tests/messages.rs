use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use datalake_core::ledger::StoreLedger;
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::{MemorySink, VecSource};
use datalake_core::transform::Transform;
use datalake_core::{Records, Result, async_trait};

/// An edge node with two metrics, and a device with one.
fn births() -> Vec<Document> {
    let node = [
        session(3),
        named("Temp", Some(1), 3, MetricValue::Int(20)),
        named("Node Control/Rebirth", None, 11, MetricValue::Boolean(false)),
    ];
    let device = [named("Level", Some(1), 9, MetricValue::Float(0.5))];
    vec![sent("NBIRTH", None, &payload(0, node)), sent("DBIRTH", Some("d"), &payload(1, device))]
}

fn with(mut messages: Vec<Document>, more: impl IntoIterator<Item = Document>) -> Vec<Document> {
    messages.extend(more);
    messages
}

#[tokio::test]
async fn an_alias_is_named_and_typed_by_the_birth_of_its_edge_node_or_device() {
    let minus_seven = MetricValue::Int(0xFFFF_FFF9);
    let data = [
        sent("NDATA", None, &payload(2, [aliased(1, minus_seven)])),
        sent("DDATA", Some("d"), &payload(3, [aliased(1, MetricValue::Float(0.1))])),
    ];
    let found = records(with(births(), data)).await;
    assert_eq!(
        found[2],
        json!({
            "group": "g", "edge": "e", "device": null, "kind": "NDATA", "timestamp": "2026-01-03T02:49:00Z", "seq": 2,
            "gap": null, "bd_seq": null, "born": true, "unresolved": false, "uuid": null, "body": null,
            "metrics": [{
                "name": "Temp", "alias": 1, "datatype": "Int32", "timestamp": "2026-01-03T02:49:00Z", "value": -7,
                "is_historical": false, "is_transient": false, "is_null": false, "unresolved": false,
                "metadata": null, "properties": null,
            }],
        })
    );
    let metric = &found[3]["metrics"][0];
    assert_eq!(
        (&metric["name"], &metric["datatype"], &metric["value"]),
        (&json!("Level"), &json!("Float"), &json!(0.1))
    );
    assert_eq!((&found[0]["bd_seq"], &found[3]["device"]), (&json!(3), &json!("d")));
}

#[tokio::test]
async fn what_no_birth_has_named_is_kept_and_said() {
    let data = [
        sent("NDATA", None, &payload(7, [aliased(9, MetricValue::Int(0xFFFF_FFF9))])),
        sent("DDATA", Some("other"), &payload(8, [aliased(1, MetricValue::Text("x".into()))])),
    ];
    let found = records(data.into()).await;
    let metric = &found[0]["metrics"][0];
    assert_eq!(
        (&found[0]["born"], &found[0]["unresolved"], &found[0]["gap"]),
        (&json!(false), &json!(true), &Value::Null)
    );
    assert_eq!(
        (&metric["name"], &metric["value"], &metric["unresolved"], &metric["datatype"]),
        (&json!("alias_9"), &json!(0xFFFF_FFF9_u32), &json!(true), &Value::Null)
    );
    assert_eq!(found[1]["metrics"][0]["value"], "x");
}

#[tokio::test]
async fn a_number_that_does_not_follow_is_a_gap_and_the_count_goes_on_from_there() {
    let data = |seq: u64| sent("NDATA", None, &payload(seq, []));
    let birth = sent("NBIRTH", None, &payload(254, []));
    let unnumbered = sent("NDATA", None, &Payload::default());
    let found =
        records(vec![birth, data(255), data(0), data(2), data(3), unnumbered, data(5), data(5)]).await;
    let gaps: Vec<_> = found.iter().map(|record| record["gap"].clone()).collect();
    let none = Value::Null;
    assert_eq!(gaps[..3], [none.clone(), none.clone(), none.clone()], "255 is followed by 0");
    assert_eq!(gaps[3], json!({ "expected": 1, "found": 2 }));
    assert_eq!(gaps[4], none);
    assert_eq!(gaps[5], json!({ "expected": 4, "found": null }));
    assert_eq!((&gaps[6], &gaps[7]), (&none, &json!({ "expected": 6, "found": 5 })));
}

#[tokio::test]
async fn a_new_birth_of_an_edge_node_ends_those_of_its_devices() {
    let again = [
        sent("NBIRTH", None, &payload(0, [session(4), named("Temp", Some(5), 3, MetricValue::Int(1))])),
        sent("DDATA", Some("d"), &payload(1, [aliased(1, MetricValue::Float(0.1))])),
        sent("NDATA", None, &payload(2, [aliased(5, MetricValue::Int(2))])),
    ];
    let found = records(with(births(), again)).await;
    assert_eq!((&found[3]["born"], &found[3]["metrics"][0]["name"]), (&json!(false), &json!("alias_1")));
    assert_eq!(found[4]["metrics"][0]["name"], "Temp");
}

#[tokio::test]
async fn a_death_of_another_session_changes_nothing_and_one_of_this_ends_the_births() {
    let death =
        |number| sent("NDEATH", None, &Payload { metrics: vec![session(number)], ..Payload::default() });
    let data = || sent("NDATA", None, &payload(2, [aliased(1, MetricValue::Int(2))]));
    let found = records(with(births(), [death(2), data(), death(3), data()])).await;
    assert_eq!((&found[2]["other_session"], &found[2]["bd_seq"]), (&json!(true), &json!(2)));
    assert_eq!((&found[3]["born"], &found[3]["gap"]), (&json!(true), &Value::Null));
    assert!(found[4].get("other_session").is_none());
    assert_eq!(found[5]["born"], json!(false));
}

#[tokio::test]
async fn each_metric_can_be_a_record_of_its_own() {
    let late =
        Metric { timestamp: Some(NOW - 500), is_historical: Some(true), ..aliased(1, MetricValue::Int(2)) };
    let data = [sent("NDATA", None, &payload(2, [late])), sent("DDEATH", Some("d"), &payload(3, []))];
    let (found, _) = apply(Sparkplug::new("rows").each_metric(), with(births(), data)).await;
    assert_eq!(found.len(), 6);
    let row = &found[4];
    assert_eq!(
        (&row["name"], &row["value"], &row["is_historical"]),
        (&json!("Temp"), &json!(2), &json!(true))
    );
    let (own, sent) = (&row["timestamp"], &row["sent"]);
    assert_eq!((own, sent), (&json!("2026-01-03T02:48:59.500Z"), &json!("2026-01-03T02:49:00Z")));
    assert_eq!((&found[5]["kind"], &found[5]["name"]), (&json!("DDEATH"), &Value::Null));
}

#[tokio::test]
async fn what_is_no_sparkplug_goes_to_quarantine_and_costs_no_other_anything() {
    let messages = vec![
        message("spBv1.0/g/NDATA/e", b"\x0a\xff\xff".to_vec()),
        message("plant/temperature", b"21".to_vec()),
        message("spBv1.0/STATE/scada", br#"{"online":true,"timestamp":1}"#.to_vec()),
        message("STATE/scada", b"OFFLINE".to_vec()),
        sent("NDATA", None, &payload(0, [])),
    ];
    let (found, refused) = apply(Sparkplug::new("sparkplug"), messages).await;
    assert_eq!(refused, ["sparkplug", "sparkplug-topic"]);
    assert_eq!(
        found[0],
        json!({ "host": "scada", "kind": "STATE", "state": { "online": true, "timestamp": 1 } })
    );
    assert_eq!(found[1], json!({ "host": "scada", "kind": "STATE", "state": "OFFLINE" }));
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn births_can_be_given_beforehand() {
    let mut transform = Sparkplug::new("sparkplug");
    for (birth, topic) in births().iter().zip(["spBv1.0/g/NBIRTH/e", "spBv1.0/g/DBIRTH/e/d"]) {
        transform = transform.birth(topic, birth.bytes().clone()).unwrap();
    }
    let before = Sparkplug::new("sparkplug").config();
    assert_ne!(transform.config(), before, "lineage tells them apart");
    let data = sent("DDATA", Some("d"), &payload(77, [aliased(1, MetricValue::Float(0.25))]));
    let (found, _) = apply(transform, vec![data]).await;
    assert_eq!((&found[0]["metrics"][0]["name"], &found[0]["gap"]), (&json!("Level"), &Value::Null));
    for (topic, bytes) in [("spBv1.0/g/NDATA/e", &b""[..]), ("x", b""), ("spBv1.0/g/NBIRTH/e", b"\xff")] {
        assert!(Sparkplug::new("sparkplug").birth(topic, bytes.to_vec()).is_err(), "{topic}");
    }
}

/// A transform whose every batch comes twice.
#[derive(Debug)]
struct Twice(Sparkplug);

#[async_trait]
impl Transform for Twice {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn version(&self) -> &str {
        self.0.version()
    }

    fn ordered(&self) -> bool {
        self.0.ordered()
    }

    async fn apply(&self, records: Records) -> Result<Records> {
        self.0.apply(records.clone()).await?;
        self.0.apply(records).await
    }
}

#[tokio::test]
async fn births_reach_from_batch_to_batch_and_a_batch_that_comes_again_gives_the_same() {
    let data = (2..40).map(|seq| sent("NDATA", None, &payload(seq, [aliased(1, MetricValue::Int(2))])));
    let messages = with(births(), data);
    let sink = MemorySink::new("out");
    let mut pipeline = Pipeline::builder("p")
        .source(VecSource::new(messages.clone()).cuts([1, 3, 7]))
        .transform(Twice(Sparkplug::new("sparkplug")))
        .sink(sink.clone())
        .ledger(StoreLedger::new(Arc::new(MemoryStore::new())))
        .build()
        .unwrap();
    pipeline.drain(Budget::unlimited()).await.unwrap();
    let written: Vec<Value> =
        sink.everything().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect();
    assert_eq!(written, records(messages).await);
    assert!(written.iter().all(|record| record["gap"].is_null() && record["unresolved"] == false));
}

#[tokio::test]
async fn a_metric_with_a_name_of_its_own_is_not_told_by_its_alias() {
    let birth = payload(
        0,
        [
            session(1),
            named("pressure", Some(1), 9, MetricValue::Float(1.5)),
            named("level", Some(2), 3, MetricValue::Int(1)),
            named("odd", Some(3), 0, MetricValue::Int(1)),
        ],
    );
    let both =
        |name: &str, alias| Metric { name: Some(name.into()), ..aliased(alias, MetricValue::Int(u32::MAX)) };
    let data = payload(1, [both("level", 1), both("other", 2), aliased(3, MetricValue::Int(7))]);
    let records = records(vec![sent("NBIRTH", None, &birth), sent("NDATA", None, &data)]).await;
    let metrics = &records[1]["metrics"];
    assert_eq!((&metrics[0]["datatype"], &metrics[0]["value"]), (&"Int32".into(), &(-1).into()));
    assert_eq!((&metrics[1]["datatype"], &metrics[1]["unresolved"]), (&Value::Null, &true.into()));
    // A type of 0 is none.
    assert_eq!((&metrics[2]["name"], &metrics[2]["unresolved"]), (&"odd".into(), &true.into()));
}

#[test]
fn a_birth_that_there_is_no_room_for_ends_the_one_before() {
    use super::super::births::Births;
    use super::super::topic::Kind;
    let mut births = Births::new(3);
    let birth = |metrics: u64| {
        payload(0, (0..metrics).map(|n| named(&n.to_string(), Some(n), 3, MetricValue::Int(1))))
    };
    let mut born = |device: &str, metrics| {
        let known = births.take("g", "e", Some(device), Kind::DBirth, &birth(metrics));
        known.birth.is_some()
    };
    assert!(born("a", 2));
    assert!(!born("a", 4), "the names of before are not those of now");
    // Empty ones take room too.
    assert!((0..3).all(|n| born(&n.to_string(), 0)) && !born("b", 0));
}
