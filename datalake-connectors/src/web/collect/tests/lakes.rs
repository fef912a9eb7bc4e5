//! Through a pipeline into a lake.

use datalake_core::lake::{Lake as Store, QuarantineLine, Zone};
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::split::Decoders;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::ManualClock;
use datalake_core::{Pipeline, PipelineId};
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt as _;
use tokio::sync::oneshot;

use super::*;
use crate::web::collect::{Address, QueryDecoder, segment_event, snowplow_event, snowplow_event_up_to};

pub(super) fn store() -> Store {
    Store::new(Arc::new(MemoryStore::new())).with_decoders(&Decoders::default().with(Arc::new(QueryDecoder)))
}

/// A collector whose clock says 2026-11-22 10:00 UTC.
pub(super) fn at_ten() -> CollectorSourceBuilder {
    builder().clock(ManualClock::default()).commit_within(Duration::ZERO)
}

/// A collector into a lake.
pub(super) fn collecting(lake: &Store, source: CollectorSource) -> PipelineBuilder {
    Pipeline::builder("clicks").source(source).lake(&LakeSink::builder(lake).build())
}

/// Lets a pipeline run until all requests are answered.
pub(super) async fn receive(mut pipeline: Pipeline, requests: impl Future<Output = ()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(async move {
        pipeline.run_until(async { drop(stopped.await) }).await.unwrap();
        pipeline.close().await;
    });
    requests.await;
    stop.send(()).unwrap();
    within(run).await.unwrap();
}

/// What is in a zone, line by line.
async fn lines(lake: &Store, zone: Zone) -> Vec<Vec<u8>> {
    let dataset = Dataset::new("clicks").unwrap();
    let parts: Vec<_> = lake.read(&dataset, zone).await.unwrap().try_collect().await.unwrap();
    parts.concat().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

pub(super) async fn rows(lake: &Store) -> Vec<Value> {
    let lines = lines(lake, Zone::Curated).await;
    let row = |line: &Vec<u8>| {
        let mut row: Value = serde_json::from_slice(line).unwrap();
        row.as_object_mut().unwrap().remove("_lake");
        row
    };
    lines.iter().map(row).collect()
}

pub(super) async fn refused(lake: &Store) -> Vec<QuarantineLine> {
    lines(lake, Zone::Quarantine).await.iter().map(|line| QuarantineLine::parse(line).unwrap()).collect()
}

#[tokio::test]
async fn events_of_all_kinds_become_rows_and_lead_back_to_what_was_sent() {
    let lake = store();
    let source = at_ten().keep_user_agent().keep_address(Address::Whole).build().await.unwrap();
    let at = source.local_addr();
    let pipeline = collecting(&lake, source).transform(snowplow_event()).transform(segment_event());
    receive(pipeline.build().unwrap(), async {
        for (method, path, body) in [
            ("POST", TP2, tp2(&["a", "b"])),
            ("POST", "/v1/batch", segment(&["c"])),
            ("GET", "/i?e=se&eid=d&se_ca=x%20y&se_va=2.50", String::new()),
            ("POST", "/v1/i", json!({ "userId": "u", "messageId": "e" }).to_string()),
        ] {
            let answer = ask(at, method, path, &[("user-agent", "test/1")], body.as_bytes()).await;
            assert_eq!(answer.status, 200);
        }
    })
    .await;
    let rows = rows(&lake).await;
    let ids: Vec<_> = rows.iter().map(|row| row.get("event_id").or(row.get("messageId")).unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
    let picture = json!({
        "event": "struct", "event_id": "d", "se_category": "x y", "se_value": 2.50,
        "collector_tstamp": "2026-11-22T10:00:00.000Z", "derived_tstamp": "2026-11-22T10:00:00.000Z",
        "user_ipaddress": "127.0.0.1", "useragent": "test/1",
    });
    assert_eq!(rows[3], picture);
    assert_eq!((&rows[4]["type"], &rows[4]["useragent"]), (&json!("identify"), &json!("test/1")));

    let trace = lake.trace(&"clicks/1/1".parse().unwrap()).await.unwrap();
    assert_eq!(trace.raw.unwrap(), r#"{"e":"pv","eid":"b","p":"web","tv":"t-1"}"#);
    assert_eq!(trace.document_id.as_deref(), Some("a+1"));
    let picture = lake.trace(&"clicks/3/0".parse().unwrap()).await.unwrap();
    assert_eq!(picture.raw.unwrap(), "e=se&eid=d&se_ca=x%20y&se_va=2.50");
    assert!(lake.verify(&"clicks".parse().unwrap()).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn what_is_no_event_goes_to_quarantine_and_costs_no_other() {
    let lake = store();
    let source = at_ten().build().await.unwrap();
    let at = source.local_addr();
    let pipeline = collecting(&lake, source).transform(snowplow_event()).transform(segment_event());
    let snowplow = r#"{"data":[null,{"e":"pv","eid":"1"},{"eid":"2"},{"e":"xx"},{"e":"pv","dtm":"soon"}]}"#;
    let segment =
        r#"{"batch":[7,{"type":"track","messageId":"3"},{"type":"click"},{"type":"page","timestamp":"x"}]}"#;
    receive(pipeline.build().unwrap(), async {
        for (method, path, body) in
            [("POST", TP2, snowplow), ("POST", "/v1/b", segment), ("GET", "/i?e=%ff&eid=4", "")]
        {
            assert_eq!(ask(at, method, path, &[], body.as_bytes()).await.status, 200, "{path}");
        }
    })
    .await;
    let rows = rows(&lake).await;
    assert_eq!((rows.len(), &rows[0]["event_id"], &rows[1]["messageId"]), (2, &json!("1"), &json!("3")));
    let refused: Vec<_> = refused(&lake).await;
    let found: Vec<_> = refused
        .iter()
        .map(|line| (line.bytes().unwrap(), &*line.error.reason, line.error.path.as_deref()))
        .map(|(bytes, reason, path)| (String::from_utf8_lossy(&bytes).into_owned(), reason, path))
        .collect();
    let expected = [
        ("null", "snowplow", None),
        (r#"{"eid":"2"}"#, "snowplow", Some("/e")),
        (r#"{"e":"xx"}"#, "snowplow", Some("/e")),
        (r#"{"e":"pv","dtm":"soon"}"#, "snowplow", Some("/dtm")),
        ("7", "segment", None),
        (r#"{"type":"click"}"#, "segment", Some("/type")),
        (r#"{"type":"page","timestamp":"x"}"#, "segment", Some("/timestamp")),
        ("e=%ff&eid=4", "query", None),
    ];
    assert_eq!(found, expected.map(|(bytes, reason, path)| (bytes.to_owned(), reason, path)));
}

#[tokio::test]
async fn an_event_that_is_too_large_for_a_row_costs_no_other_and_can_be_replayed() {
    let lake = store();
    let source = at_ten().build().await.unwrap();
    let at = source.local_addr();
    let event = |id: &str, page: usize| json!({ "e": "pv", "eid": id, "page": "x".repeat(page) });
    let body = json!({ "data": [event("1", 100 << 10), event("2", 9)] }).to_string();
    receive(collecting(&lake, source).transform(snowplow_event()).build().unwrap(), async {
        assert_eq!(ask(at, "POST", TP2, &[], body.as_bytes()).await.status, 200);
    })
    .await;
    let ids = async || rows(&lake).await.iter().map(|row| row["event_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids().await, ["2"]);
    let refused = refused(&lake).await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].error.message, "the event is larger than 65536 bytes");
    assert_eq!(refused[0].bytes().unwrap(), event("1", 100 << 10).to_string().as_bytes());
    let source = at_ten().build().await.unwrap();
    let mut larger = collecting(&lake, source).transform(snowplow_event_up_to(1 << 20)).build().unwrap();
    larger.replay(&lake).await.unwrap();
    assert_eq!(ids().await, ["2", "1"]);
}

#[tokio::test]
async fn a_lake_made_again_has_the_same_times_and_visitors() {
    let lake = store();
    let name: PipelineId = "clicks".parse().unwrap();
    let source = at_ten().keep_address(Address::Truncated).build().await.unwrap();
    let at = source.local_addr();
    receive(collecting(&lake, source).build().unwrap(), async {
        let body = r#"{"data":[{"e":"pv","eid":"1","dtm":"1795341000000","stm":"1795341060000"}]}"#;
        assert_eq!(ask(at, "POST", TP2, &[], body.as_bytes()).await.status, 200);
        assert_eq!(ask(at, "GET", "/i?e=pv&eid=2", &[], b"").await.status, 200);
    })
    .await;
    assert_eq!(rows(&lake).await[0]["eid"], "1", "what was sent stays as it is without a transform");
    let source = builder().build().await.unwrap();
    collecting(&lake, source).transform(snowplow_event()).build().unwrap().rebuild(&lake).await.unwrap();
    let rows = rows(&lake).await;
    assert_eq!(rows[0]["derived_tstamp"], "2026-11-22T09:59:00.000Z");
    assert_eq!(rows[0]["collector_tstamp"], "2026-11-22T10:00:00.000Z");
    assert_eq!((&rows[1]["event_id"], &rows[1]["user_ipaddress"]), (&json!("2"), &json!("127.0.0.0")));
    assert!(lake.verify(&name).await.unwrap().problems.is_empty());
}
