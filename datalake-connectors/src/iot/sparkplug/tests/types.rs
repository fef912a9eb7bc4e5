use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::iot::sparkplug::payload::{
    DataSet, Element, MetaData, Parameter, ParameterValue, PropertyContent, PropertySet, PropertyValue, Row,
    Simple, Template,
};

async fn value(datatype: u32, value: MetricValue) -> Value {
    let metric = named("m", None, datatype, value);
    records(vec![sent("NBIRTH", None, &payload(0, [metric]))]).await[0]["metrics"][0].clone()
}

#[tokio::test]
async fn every_type_has_its_value() {
    use MetricValue as V;
    let set = DataSet {
        num_of_columns: Some(2),
        columns: vec!["a".into(), "b".into()],
        types: vec![1, 12],
        rows: vec![Row {
            elements: vec![
                Element { value: Some(Simple::Int(0xFFFF_FFF9)) },
                Element { value: Some(Simple::Text("x".into())) },
            ],
        }],
    };
    let template = Template {
        version: Some("1".into()),
        template_ref: Some("pump".into()),
        parameters: vec![Parameter {
            name: Some("p".into()),
            datatype: Some(4),
            value: Some(ParameterValue::Long(u64::MAX)),
        }],
        metrics: vec![named("inner", None, 11, V::Boolean(true))],
        ..Template::default()
    };
    for (datatype, name, given, read) in [
        (1, "Int8", V::Int(0xFFFF_FFF9), json!(-7)),
        (2, "Int16", V::Int(0xFFFF_8000), json!(-32_768)),
        (3, "Int32", V::Int(0x8000_0000), json!(i32::MIN)),
        (4, "Int64", V::Long(1 << 63), json!(i64::MIN)),
        (5, "UInt8", V::Int(255), json!(255)),
        (6, "UInt16", V::Int(65_535), json!(65_535)),
        (7, "UInt32", V::Long(u32::MAX.into()), json!(u32::MAX)),
        (8, "UInt64", V::Long(u64::MAX), json!(u64::MAX)),
        (9, "Float", V::Float(0.1), json!(0.1)),
        (10, "Double", V::Double(f64::NAN), json!("NaN")),
        (11, "Boolean", V::Boolean(true), json!(true)),
        (12, "String", V::Text("\u{e9}\0".into()), json!("\u{e9}\0")),
        (13, "DateTime", V::Long(NOW), json!("2026-01-03T02:49:00Z")),
        (14, "Text", V::Text("t".into()), json!("t")),
        (15, "UUID", V::Text("u".into()), json!("u")),
        (
            16,
            "DataSet",
            V::DataSet(set),
            json!({ "columns": ["a", "b"], "types": ["Int8", "String"], "rows": [[-7, "x"]] }),
        ),
        (17, "Bytes", V::Bytes(Bytes::from_static(b"\xff\x00")), json!("/wA=")),
        (18, "File", V::Bytes(Bytes::from_static(b"f")), json!("Zg==")),
    ] {
        let found = value(datatype, given).await;
        assert_eq!((&found["datatype"], &found["value"]), (&json!(name), &read), "{name}");
    }
    let found = value(19, V::Template(template)).await;
    let inner = &found["value"]["metrics"][0];
    assert_eq!(
        (&found["datatype"], &inner["name"], &inner["value"]),
        (&json!("Template"), &json!("inner"), &json!(true))
    );
    assert_eq!(found["value"]["parameters"], json!([{ "name": "p", "type": "Int64", "value": -1 }]));
    assert_eq!((&found["value"]["ref"], &found["value"]["version"]), (&json!("pump"), &json!("1")));
}

#[tokio::test]
async fn the_largest_integer_is_written_exactly() {
    let messages = vec![sent(
        "NBIRTH",
        None,
        &payload(0, [named("m", None, 8, MetricValue::Long(9_007_199_254_740_993))]),
    )];
    let reshaper = Pipeline::builder("p").transform(Sparkplug::new("s")).reshaper().unwrap();
    let reshaped = reshaper.apply(messages).await.unwrap();
    let text = reshaped.outcomes().next().unwrap().records[0].body().clone();
    assert!(std::str::from_utf8(&text).unwrap().contains("\"value\":9007199254740993,"));
}

#[tokio::test]
async fn properties_and_what_is_said_of_a_metric_are_kept() {
    let property = |datatype, value| PropertyValue {
        datatype: Some(datatype),
        value: Some(value),
        ..PropertyValue::default()
    };
    let inner = PropertySet { keys: vec!["i".into()], values: vec![property(1, PropertyContent::Int(0xF9))] };
    let set = PropertySet {
        keys: vec!["Quality".into(), "set".into(), "alone".into()],
        values: vec![property(3, PropertyContent::Int(192)), property(20, PropertyContent::Set(inner))],
    };
    let metric = Metric {
        is_null: Some(true),
        is_transient: Some(true),
        properties: Some(set),
        metadata: Some(MetaData {
            content_type: Some("text/csv".into()),
            size: Some(7),
            ..MetaData::default()
        }),
        ..named("m", None, 3, MetricValue::Int(1))
    };
    let found = records(vec![sent("NBIRTH", None, &payload(0, [metric]))]).await[0]["metrics"][0].clone();
    assert_eq!(
        (&found["value"], &found["is_null"], &found["is_transient"]),
        (&Value::Null, &json!(true), &json!(true))
    );
    assert_eq!(found["metadata"], json!({ "content_type": "text/csv", "size": 7 }));
    assert_eq!(
        found["properties"],
        json!({
            "Quality": { "type": "Int32", "value": 192 },
            "set": { "type": "PropertySet", "value": { "i": { "type": "Int8", "value": -7 } } },
            "alone": { "type": null, "value": null },
        })
    );
}

#[tokio::test]
async fn a_payload_that_is_nested_without_end_is_refused() {
    let mut metric = named("m", None, 3, MetricValue::Int(1));
    for _ in 0..20 {
        let template = Template { metrics: vec![metric], ..Template::default() };
        metric = named("m", None, 19, MetricValue::Template(template));
    }
    let (found, refused) =
        apply(Sparkplug::new("s"), vec![sent("NBIRTH", None, &payload(0, [metric]))]).await;
    assert_eq!((found.len(), refused), (0, vec!["sparkplug".to_owned()]));
}
