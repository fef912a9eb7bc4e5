//! Bytes of the library that Eclipse Tahu publishes for JavaScript, both ways. It reads no small integers in data sets and
//! parameters, makes signed ones of the largest of 32 bits, and loses times that are given as `Date`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::iot::sparkplug::payload::{
    DataSet, Element, Parameter, ParameterValue, PropertyContent, PropertySet, PropertyValue, Row, Simple,
    Template,
};

/// The folder of the packages; or a line that says what is left out.
fn packages() -> Option<OsString> {
    let value = std::env::var_os("DATALAKE_NODE");
    if value.is_none() {
        let line =
            "left out: sparkplug-payload, since DATALAKE_NODE is not set; `cargo xtask test` sets it\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    value
}

/// What the script makes of a line.
fn run(packages: &OsString, input: &Value) -> Value {
    let script = include_str!("peer.js");
    let mut child = Command::new("node")
        .args(["-e", script])
        .env("NODE_PATH", Path::new(packages).join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn what_the_library_writes_is_read() {
    let Some(packages) = packages() else { return };
    let bytes =
        STANDARD.decode(run(&packages, &json!({ "encode": true }))["bytes"].as_str().unwrap()).unwrap();
    let found = records(vec![message("spBv1.0/g/NBIRTH/e", bytes)]).await;
    assert_eq!((&found[0]["seq"], &found[0]["timestamp"]), (&json!(0), &json!("2026-01-03T02:49:00Z")));
    let metrics = found[0]["metrics"].as_array().unwrap();
    let read: Vec<_> = metrics
        .iter()
        .map(|metric| (metric["datatype"].as_str().unwrap(), metric["value"].clone()))
        .collect();
    assert_eq!(
        read[..18],
        [
            ("Int8", json!(-7)),
            ("Int16", json!(-32_768)),
            ("Int32", json!(-2_147_483_648_i64)),
            ("Int64", json!(-9_007_199_254_740_991_i64)),
            ("UInt8", json!(255)),
            ("UInt16", json!(65_535)),
            ("UInt32", json!(4_294_967_295_u32)),
            ("UInt64", json!(9_007_199_254_740_991_u64)),
            ("Float", json!(0.1)),
            ("Double", json!(0.1)),
            ("Boolean", json!(true)),
            ("String", json!("\u{e9}")),
            ("DateTime", json!("2026-01-03T02:49:00Z")),
            ("Text", json!("text")),
            ("UUID", json!("7f7e6d5c-0000-4000-8000-000000000000")),
            (
                "DataSet",
                json!({ "columns": ["a", "b"], "types": ["Int8", "String"], "rows": [[-7, "x"], [8, "y"]] })
            ),
            ("Bytes", json!("AP8=")),
            ("File", json!("Zg==")),
        ]
    );
    let template = &metrics[18];
    assert_eq!(template["datatype"], "Template");
    assert_eq!(template["value"]["ref"], "pump");
    assert_eq!(template["value"]["metrics"][0]["value"], -7);
    assert_eq!(template["value"]["parameters"], json!([{ "name": "p", "type": "Int32", "value": -7 }]));
    assert_eq!(metrics[0]["properties"], json!({ "Quality": { "type": "Int32", "value": 192 } }));
    assert_eq!((&metrics[0]["alias"], &metrics[1]["is_historical"]), (&json!(1), &json!(true)));
}

#[test]
fn the_library_reads_what_is_written() {
    use MetricValue as V;
    let Some(packages) = packages() else { return };
    let set = DataSet {
        num_of_columns: Some(1),
        columns: vec!["a".into()],
        types: vec![10],
        rows: vec![Row { elements: vec![Element { value: Some(Simple::Double(0.1)) }] }],
    };
    let template = Template {
        template_ref: Some("pump".into()),
        is_definition: Some(false),
        metrics: vec![named("inner", None, 11, V::Boolean(true))],
        parameters: vec![Parameter {
            name: Some("p".into()),
            datatype: Some(11),
            value: Some(ParameterValue::Boolean(true)),
        }],
        ..Template::default()
    };
    let quality = PropertyValue {
        datatype: Some(3),
        value: Some(PropertyContent::Int(192)),
        ..PropertyValue::default()
    };
    let metrics = [
        named("m1", Some(1), 1, V::Int(0xFFFF_FFF9)),
        named("m2", None, 2, V::Int(0xFFFF_8000)),
        named("m3", None, 3, V::Int(0x8000_0000)),
        named("m4", None, 4, V::Long(7)),
        named("m5", None, 5, V::Int(255)),
        named("m6", None, 6, V::Int(65_535)),
        named("m7", None, 7, V::Long(70_000)),
        named("m8", None, 8, V::Long(7)),
        named("m9", None, 9, V::Float(0.5)),
        named("m10", None, 10, V::Double(0.1)),
        named("m11", None, 11, V::Boolean(true)),
        named("m12", None, 12, V::Text("\u{e9}".into())),
        named("m13", None, 13, V::Long(NOW)),
        named("m14", None, 14, V::Text("t".into())),
        named("m15", None, 15, V::Text("u".into())),
        named("m16", None, 16, V::DataSet(set)),
        named("m17", None, 17, V::Bytes(Bytes::from_static(b"\x00\xff"))),
        named("m18", None, 18, V::Bytes(Bytes::from_static(b"f"))),
        Metric {
            properties: Some(PropertySet { keys: vec!["Quality".into()], values: vec![quality] }),
            ..named("m19", None, 19, V::Template(template))
        },
    ];
    let bytes = STANDARD.encode(payload(7, metrics).encode_to_vec());
    let found = run(&packages, &json!({ "decode": bytes }));
    assert_eq!((&found["seq"], &found["timestamp"]), (&json!(7), &json!(NOW)));
    let read: Vec<_> = found["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| (metric["type"].clone(), metric["value"].clone()))
        .collect();
    for (n, (name, value)) in [
        ("Int8", json!(-7)),
        ("Int16", json!(-32_768)),
        ("Int32", json!(-2_147_483_648_i64)),
        ("Int64", json!(7)),
        ("UInt8", json!(255)),
        ("UInt16", json!(65_535)),
        ("UInt32", json!(70_000)),
        ("UInt64", json!(7)),
        ("Float", json!(0.5)),
        ("Double", json!(0.1)),
        ("Boolean", json!(true)),
        ("String", json!("\u{e9}")),
        ("DateTime", json!(NOW)),
        ("Text", json!("t")),
        ("UUID", json!("u")),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(read[n], (json!(name), value), "{n}");
    }
    assert_eq!(read[15].1["rows"], json!([[0.1]]));
    assert_eq!((&read[16].1, &read[17].1), (&json!("AP8="), &json!("Zg==")));
    assert_eq!(read[18].1["metrics"][0]["value"], true);
    assert_eq!(found["metrics"][18]["properties"]["Quality"]["value"], 192);
}
