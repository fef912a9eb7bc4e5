mod envelopes;
mod events;
mod fuzz;
mod limits;
mod records;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datalake_core::Pipeline;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::transform::json::mask;
use datalake_core::transform::{Pointer, filter};
use serde_json::{Value, json};

use super::FirehoseTransform;

/// Masks `/email` and leaves out what has `"drop":true`.
fn orders() -> PipelineBuilder {
    let dropped = Pointer::parse("/drop").unwrap();
    Pipeline::builder("orders").transform(mask("mask-email", "/email").unwrap()).transform(filter(
        "no-drops",
        "2",
        move |draft| Ok(draft.field(&dropped)? != Some("true")),
    ))
}

fn plain(pipeline: PipelineBuilder) -> FirehoseTransform {
    FirehoseTransform::builder(pipeline.reshaper().unwrap()).bare().build().unwrap()
}

/// An event with records of these ids and data.
fn event<'a>(records: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let record = |(id, data): (&str, &[u8])| json!({ "recordId": id, "approximateArrivalTimestamp": 1_763_809_200_000_u64, "data": STANDARD.encode(data) });
    let records: Vec<_> = records.into_iter().map(record).collect();
    json!({
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "deliveryStreamArn": "arn:aws:firehose:eu-central-1:123456789012:deliverystream/orders",
        "region": "eu-central-1",
        "records": records,
    })
    .to_string()
    .into_bytes()
}

/// What an answer says of each record: its id, the result, and the data out of Base64.
fn said(answer: &[u8]) -> Vec<(String, String, String)> {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    let said = answer["records"].as_array().unwrap().iter().map(|record| {
        let data = STANDARD.decode(record["data"].as_str().unwrap()).unwrap();
        (
            record["recordId"].as_str().unwrap().to_owned(),
            record["result"].as_str().unwrap().to_owned(),
            String::from_utf8_lossy(&data).into_owned(),
        )
    });
    said.collect()
}

fn entry(id: &str, result: &str, data: &str) -> (String, String, String) {
    (id.into(), result.into(), data.into())
}
