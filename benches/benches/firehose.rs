//! The transformation of a Firehose event of nearly 6 MB, against the same one in Python with `json` of the standard
//! library and with `orjson`, from the bytes of the event to the bytes of the answer. The answers are compared first.
//!
//! `DATALAKE_PYTHON_AWS=… cargo bench -p datalake-benches --bench firehose`
//!
//! `DATALAKE_PYTHON_AWS` names a Python that has `orjson`.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_benches::{Records, Sample, directory, median};
use datalake_core::transform::json::{Type, cast, drop_fields, mask, rename};
use datalake_core::transform::{Pointer, filter};
use datalake_core::{Ambient, Cpu, Pipeline, SystemClock, SystemEntropy};
use datalake_host::lambda::firehose::FirehoseTransform;
use serde_json::{Value, json};

/// The longest event of the service.
const LIMIT: usize = 6_291_456;
const ROUNDS: usize = 15;

/// An event of as many orders as it holds.
fn event() -> Vec<u8> {
    let mut orders = Records::new(7);
    let (mut records, mut used) = (Vec::new(), 512);
    loop {
        let mut line = Vec::new();
        orders.write(&mut line).expect("memory");
        let data = STANDARD.encode(&line);
        used += 180 + data.len();
        if used > LIMIT {
            break;
        }
        let record_id = format!("4962356679560409365057709846046461451487{:016}000000", records.len());
        records.push(json!({
            "recordId": record_id,
            "approximateArrivalTimestamp": 1_763_809_200_000_u64 + records.len() as u64,
            "data": data,
        }));
    }
    let event = json!({
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "deliveryStreamArn": "arn:aws:firehose:eu-central-1:123456789012:deliverystream/orders",
        "region": "eu-central-1",
        "records": records,
    });
    event.to_string().into_bytes()
}

fn transform(cpu: Cpu) -> FirehoseTransform {
    let state = Pointer::parse("/state").expect("a pointer");
    let orders = Pipeline::builder("orders")
        .ambient(Ambient::new(SystemClock, SystemEntropy, cpu))
        .transform(filter("not-cancelled", "1", move |draft| {
            Ok(draft.field(&state)? != Some("\"cancelled\""))
        }))
        .transform(drop_fields("no-notes", ["/internal_note"]).expect("a step"))
        .transform(rename("old-code", "/legacy_code", "code").expect("a step"))
        .transform(mask("mask-email", "/customer/email").expect("a step"))
        .transform(cast("total", "/total", Type::Number).expect("a step"));
    let builder = FirehoseTransform::builder(orders.reshaper().expect("a pipeline"));
    // Python answers with all that it has, so we do too.
    builder.answer_limit(6 << 20).build().expect("a transformation")
}

/// The median of calls, and the last answer.
fn run(event: &[u8], threads: Option<usize>) -> (Sample, Bytes) {
    let (mut runtime, cpu) = match threads {
        Some(threads) => (tokio::runtime::Builder::new_multi_thread(), Cpu::threads(threads)),
        None => (tokio::runtime::Builder::new_current_thread(), Cpu::inline()),
    };
    let runtime = runtime.build().expect("a runtime");
    let transform = transform(cpu);
    let mut last = Bytes::new();
    let samples: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let event = Bytes::copy_from_slice(event);
            let (sample, answer) = Sample::of(|| runtime.block_on(transform.answer(event)));
            last = answer.expect("an answer");
            sample
        })
        .collect();
    (median(&samples), last)
}

/// What an answer says, without who says it.
fn said(answer: &[u8]) -> Vec<(String, Option<Value>)> {
    let answer: Value = serde_json::from_slice(answer).expect("an answer");
    let records = answer["records"].as_array().expect("records").iter().map(|record| {
        let data = STANDARD.decode(record["data"].as_str().unwrap_or_default()).expect("data");
        let mut order: Option<Value> = serde_json::from_slice(&data).ok();
        if let Some(order) = order.as_mut().and_then(Value::as_object_mut) {
            order.remove("_lake").expect("lineage");
        }
        (record["result"].to_string(), order)
    });
    records.collect()
}

/// The median seconds of each of Python's.
fn python(python: &Path, event: &Path, answer: &Path) -> Vec<(String, Duration)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/firehose.py");
    let rounds = (ROUNDS / 3).to_string();
    let ran = Command::new(python).arg(script).arg(event).arg(rounds).arg(answer).output().expect("Python");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told = String::from_utf8(ran.stdout).expect("text");
    let line = |line: &str| {
        let (name, seconds) = line.split_once(' ').expect("a name and seconds");
        (name.to_owned(), Duration::from_secs_f64(seconds.parse().expect("seconds")))
    };
    told.lines().map(line).collect()
}

fn main() {
    let Some(interpreter) = std::env::var_os("DATALAKE_PYTHON_AWS") else {
        println!("left out: DATALAKE_PYTHON_AWS names no Python with orjson");
        return;
    };
    let event = event();
    let directory = directory();
    let (given, answered) = (directory.path().join("event"), directory.path().join("answer"));
    std::fs::write(&given, &event).expect("a file");

    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (one, answer) = run(&event, None);
    let theirs = python(Path::new(&interpreter), &given, &answered);
    let (all, _) = run(&event, Some(threads));

    let ours = said(&answer);
    for (name, _) in &theirs {
        let path = answered.with_extension(name);
        assert!(said(&std::fs::read(path).expect("an answer")) == ours, "{name} answers otherwise");
    }
    let failed = ours.iter().filter(|(result, _)| result == "\"ProcessingFailed\"").count();
    println!(
        "an event of {} bytes with {} records, an answer of {} bytes, {failed} refused",
        event.len(),
        ours.len(),
        answer.len()
    );
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!("ours: {:.1} ms on one thread, {:.1} ms on {threads}", millis(one.wall), millis(all.wall));
    for (name, time) in theirs {
        let times = |ours: Sample| time.as_secs_f64() / ours.wall.as_secs_f64();
        println!("{name}: {:.1} ms, {:.1} and {:.1} times as long", millis(time), times(one), times(all));
    }
}
