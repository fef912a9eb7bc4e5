//! Records in events of our own sinks.

use datalake_core::lake::stamp;
use datalake_core::transform::flat_map;
use serde_json::{Value, json};

use super::{FirehoseTransform, entry, event, orders, said};

/// An event as the sinks for Kinesis and Firehose write it.
fn cloud_event(record: &str, rest: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","source":"/datalake/orders","type":"datalake.orders","subject":"orders","time":"2026-11-26T10:00:00.000Z","lakeattempt":"01","id":"e{record}","lakerecord":"{record}",{rest}}}"#
    )
}

fn json_event(record: &str, data: &str) -> String {
    cloud_event(record, &format!(r#""datacontenttype":"application/json","data":{data}"#))
}

async fn lines(given: Vec<u8>) -> Vec<(String, String, String)> {
    let twice = flat_map("twice", "1", |record| {
        let times = if record.body().starts_with(b"{\"twice") { 2 } else { 1 };
        Ok(vec![record.body().clone(); times])
    });
    let transform =
        FirehoseTransform::builder(orders().transform(twice).reshaper().unwrap()).build().unwrap();
    said(&transform.answer(given).await.unwrap())
}

/// The lineage of a line, without its hops.
fn lineage(line: &str) -> Value {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let mut lineage = line["_lake"].take();
    assert_eq!(lineage["h"].as_array().unwrap().len(), 1);
    lineage.as_object_mut().unwrap().remove("h");
    lineage
}

#[tokio::test]
async fn a_record_in_an_event_of_ours_is_transformed_and_keeps_its_ids() {
    let first = json_event("orders/17/42", r#"{"email":"a@b.example","sum":0.30}"#);
    let child = json_event("orders/17/43.2", r#"{"id":7}"#) + "\n";
    let said = lines(event([("1", first.as_bytes()), ("2", child.as_bytes())])).await;
    assert!(
        said[0].2.starts_with(r#"{"email":"***","sum":0.30,"_lake":{"b":"orders/17","i":42,"#),
        "{said:?}"
    );
    assert_eq!(lineage(&said[0].2), json!({ "b": "orders/17", "i": 42, "e": "eorders/17/42" }));
    assert_eq!(lineage(&said[1].2), json!({ "b": "orders/17", "i": 43, "c": 2, "e": "eorders/17/43.2" }));
    let (record, id) = stamp::read(said[1].2.trim_end().as_bytes()).unwrap();
    assert_eq!((record, id.to_string()), (br#"{"id":7}"#.to_vec(), "orders/17/43.2".to_owned()));
}

#[tokio::test]
async fn the_children_of_an_event_have_ids_of_their_own() {
    let parent = json_event("orders/1/0", r#"{"twice":true}"#);
    let said = lines(event([("1", parent.as_bytes())])).await;
    let events: Vec<_> = said[0].2.lines().map(|line| lineage(line)["e"].clone()).collect();
    assert_eq!(events, ["eorders/1/0.1", "eorders/1/0.2"]);
}

#[tokio::test]
async fn several_events_in_one_record_are_each_opened() {
    let both =
        [json_event("orders/1/0", r#"{"id":0}"#), json_event("orders/1/1", r#"{"drop":true}"#)].join("\n");
    let said = lines(event([("1", both.as_bytes())])).await;
    assert_eq!(said[0].2.lines().count(), 1);
    assert_eq!(lineage(said[0].2.trim_end())["i"], json!(0));
}

#[tokio::test]
async fn text_and_bytes_in_events_come_out_as_in_the_lake() {
    let text = cloud_event("logs/1/0", r#""datacontenttype":"text/plain","data":"say \"hi\"""#);
    let bytes =
        cloud_event("logs/1/1", r#""datacontenttype":"application/octet-stream","data_base64":"/wA=""#);
    let reshaper = datalake_core::Pipeline::builder("logs").reshaper().unwrap();
    let transform = FirehoseTransform::builder(reshaper).build().unwrap();
    let answer = transform.answer(event([("1", text.as_bytes()), ("2", bytes.as_bytes())])).await.unwrap();
    let said = said(&answer);
    assert!(
        said[0].2.starts_with(r#"{"text":"say \"hi\"","_lake":{"b":"logs/1","i":0,"w":1,"e":"#),
        "{said:?}"
    );
    assert!(said[1].2.starts_with(r#"{"base64":"/wA=","_lake":{"b":"logs/1","i":1,"w":1,"e":"#), "{said:?}");
    assert_eq!(stamp::read(said[1].2.trim_end().as_bytes()).unwrap().1.to_string(), "logs/1/1");
}

#[tokio::test]
async fn an_event_whose_record_is_elsewhere_is_refused() {
    let given = cloud_event("orders/1/0", r#""datacontenttype":"application/json","dataref":"s3://b/k""#);
    assert_eq!(lines(event([("1", given.as_bytes())])).await, [entry("1", "ProcessingFailed", &given)]);
}

#[tokio::test]
async fn an_event_of_somebody_else_is_a_record_like_any_other() {
    let foreign = [
        r#"{"specversion":"1.0","id":"1","source":"x","type":"y","data":{"email":"a"}}"#.to_owned(),
        json_event("no record id", r#"{"email":"a"}"#),
        cloud_event("orders/1/0", r#""datacontenttype":"text/plain","data":{"no":"text"}"#),
    ];
    for given in foreign {
        let said = lines(event([("1", given.as_bytes())])).await;
        assert!(said[0].2.starts_with(r#"{"specversion":"1.0","#), "{said:?}");
    }
}
