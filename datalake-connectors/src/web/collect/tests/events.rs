//! What the transforms make of single events.

use datalake_core::Transform;
use datalake_core::testkit::ManualClock;

use super::lakes::{collecting, receive, refused, rows, store};
use super::*;
use crate::web::collect::{segment_event, snowplow_event};

/// What becomes of events sent at a path, at 2026-11-22 10:00 UTC: the rows, and why others are none.
async fn through(
    path: &str,
    body: Value,
    transform: impl Transform,
) -> (Vec<Value>, Vec<(String, Option<String>)>) {
    let lake = store();
    let source = builder().clock(ManualClock::default()).commit_within(Duration::ZERO).build().await.unwrap();
    let at = source.local_addr();
    let pipeline = collecting(&lake, source).transform(transform).build().unwrap();
    receive(pipeline, async {
        assert_eq!(ask(at, "POST", path, &[], body.to_string().as_bytes()).await.status, 200);
    })
    .await;
    let refused = refused(&lake).await.into_iter().map(|line| (line.error.message, line.error.path));
    (rows(&lake).await, refused.collect())
}

async fn snowplow(events: &[Value]) -> (Vec<Value>, Vec<(String, Option<String>)>) {
    through(TP2, json!({ "data": events }), snowplow_event()).await
}

fn base64(value: &Value, pad: bool) -> String {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    if pad { URL_SAFE.encode(value.to_string()) } else { URL_SAFE_NO_PAD.encode(value.to_string()) }
}

const UNSTRUCT: &str = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0";
const CONTEXTS: &str = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0";

#[tokio::test]
async fn fields_get_the_names_and_types_of_tables() {
    let event = json!({
        "e": "pp", "eid": "1", "aid": "shop", "p": "web", "vid": "12", "res": "1920x1080", "vp": "800x600", "ds": "800x4000",
        "cookie": "1", "f_pdf": "0", "pp_may": "12.5", "url": "https://shop.example/?a=ü", "page": "", "refr": null,
        "tr_tt": "12345678901234567890.10", "new": "kept", "odd": { "a": 1 }, "dtm": 1795341600123_u64,
    });
    let (rows, refused) = snowplow(&[event]).await;
    assert_eq!(refused, []);
    let text = rows[0].to_string();
    let mut row = rows[0].clone();
    row.as_object_mut().unwrap().remove("tr_total").unwrap();
    let expected = json!({
        "event": "page_ping", "event_id": "1", "app_id": "shop", "platform": "web", "domain_sessionidx": 12,
        "dvce_screenwidth": 1920, "dvce_screenheight": 1080, "br_viewwidth": 800, "br_viewheight": 600,
        "doc_width": 800, "doc_height": 4000, "br_cookies": true, "br_features_pdf": false, "pp_yoffset_max": 12.5,
        "page_url": "https://shop.example/?a=ü", "other": { "new": "kept", "odd": { "a": 1 } },
        "dvce_created_tstamp": "2026-11-22T10:00:00.123Z",
        "collector_tstamp": "2026-11-22T10:00:00.000Z", "derived_tstamp": "2026-11-22T10:00:00.000Z",
    });
    assert_eq!(row, expected, "{text}");
}

#[tokio::test]
async fn self_describing_events_and_contexts_are_unpacked() {
    let inner =
        json!({ "schema": "iglu:com.acme/buy/jsonschema/2-0-1", "data": { "sku": "ü?>~", "n": 1.50 } });
    let event = json!({ "schema": UNSTRUCT, "data": inner });
    let contexts = json!({ "schema": CONTEXTS, "data": [inner, { "schema": "iglu:com.acme/b/jsonschema/1-0-0", "data": {} }] });
    let events = [
        json!({ "e": "ue", "ue_px": base64(&event, false), "cx": base64(&contexts, true) }),
        json!({ "e": "ue", "ue_px": base64(&event, true), "co": contexts.to_string() }),
        json!({ "e": "ue", "ue_pr": event.to_string(), "cx": base64(&contexts, false).replace('-', "+").replace('_', "/") }),
    ];
    let (rows, refused) = snowplow(&events).await;
    assert_eq!(refused, []);
    for row in rows {
        assert_eq!(row["unstruct_event"], inner);
        assert_eq!(row["contexts"], contexts["data"]);
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_field_is_refused_by_name() {
    let bare = json!({ "schema": "not-iglu", "data": {} });
    let text = |value: Value| Value::String(value.to_string());
    let wrong = [
        ("vid", json!("first")),
        ("se_va", json!("+5")),
        ("se_va", json!("NaN")),
        ("cookie", json!("yes")),
        ("res", json!("1920")),
        ("vp", json!("axb")),
        ("dtm", json!("99999999999999999999")),
        ("stm", json!("2026-11-22")),
        ("url", json!({ "href": "/" })),
        ("ue_px", json!("%%%")),
        ("ue_px", json!("_w")),
        ("ue_pr", json!("{}")),
        ("ue_pr", text(json!({ "schema": UNSTRUCT, "data": bare }))),
        ("co", text(json!({ "schema": CONTEXTS, "data": {} }))),
        ("co", text(json!({ "schema": CONTEXTS, "data": [bare] }))),
    ];
    let events: Vec<_> = wrong
        .iter()
        .map(|(name, value)| {
            let mut event = json!({ "e": "pv" });
            event[*name] = value.clone();
            event
        })
        .collect();
    let (rows, refused) = snowplow(&events).await;
    assert_eq!(rows, Vec::<Value>::new());
    let paths: Vec<_> = refused.into_iter().map(|(_, path)| path.unwrap()).collect();
    assert_eq!(paths, wrong.map(|(name, _)| format!("/{name}")));
}

#[tokio::test]
async fn the_error_of_a_devices_clock_is_taken_out() {
    // The clock of the collector says 1795341600000.
    let cases = [
        // A clock a year late, an event 90 s before it was sent.
        (json!({ "dtm": "1763805510000", "stm": "1763805600000" }), "2026-11-22T09:58:30.000Z"),
        // A clock far ahead.
        (json!({ "dtm": "4102444800000", "stm": "4102444801500" }), "2026-11-22T09:59:58.500Z"),
        // Sent before it happened.
        (json!({ "dtm": "1795341600000", "stm": "1795341500000" }), "2026-11-22T10:00:00.000Z"),
        (json!({ "dtm": "1795341500000" }), "2026-11-22T10:00:00.000Z"),
        (json!({ "dtm": "1", "stm": "2", "ttm": "1795000000000" }), "2026-11-18T11:06:40.000Z"),
    ];
    let events: Vec<_> = cases
        .iter()
        .map(|(times, _)| {
            let mut event = times.clone();
            event["e"] = "pv".into();
            event
        })
        .collect();
    let (rows, refused) = snowplow(&events).await;
    assert_eq!(refused, []);
    let derived: Vec<_> = rows.iter().map(|row| row["derived_tstamp"].as_str().unwrap()).collect();
    assert_eq!(derived, cases.each_ref().map(|(_, time)| *time));
}

#[tokio::test]
async fn segments_events_get_what_their_service_adds() {
    let event =
        |timestamp: Value| json!({ "type": "track", "messageId": "m", "n": 1.50, "timestamp": timestamp });
    let sent = "2025-01-01T00:00:10.000Z";
    let batch = json!({
        "sentAt": sent,
        "batch": [
            event("2025-01-01T00:00:00.000Z".into()),
            event("2025-01-01T01:00:00+01:00".into()),
            event("2025-02-01T00:00:00.000Z".into()),
            event(Value::Null),
        ],
    });
    let (rows, refused) = through("/v1/batch", batch, segment_event()).await;
    assert_eq!(refused, []);
    let times: Vec<_> = rows.iter().map(|row| row["timestamp"].as_str().unwrap()).collect();
    let ten = "2026-11-22T10:00:00.000Z";
    assert_eq!(times, ["2026-11-22T09:59:50.000Z", "2026-11-22T09:59:50.000Z", ten, ten]);
    let first = json!({
        "type": "track", "messageId": "m", "n": 1.50, "timestamp": "2026-11-22T09:59:50.000Z",
        "originalTimestamp": "2025-01-01T00:00:00.000Z", "sentAt": sent, "receivedAt": ten,
    });
    assert_eq!(rows[0], first);

    let old = json!({ "event": "imported", "timestamp": "2020-01-01T00:00:00Z" });
    let (rows, refused) = through("/v1/track", old, segment_event()).await;
    assert_eq!(refused, []);
    let row = &rows[0];
    assert_eq!((&row["type"], &row["timestamp"]), (&json!("track"), &json!("2020-01-01T00:00:00.000Z")));
}

#[tokio::test]
async fn events_of_another_protocol_pass_unchanged() {
    let (rows, _) = through("/v1/track", json!({ "event": "x" }), snowplow_event()).await;
    assert_eq!(rows, [json!({ "event": "x" })]);
    let (rows, _) = through(TP2, json!({ "data": [{ "e": "pv" }] }), segment_event()).await;
    assert_eq!(rows, [json!({ "e": "pv" })]);
}
