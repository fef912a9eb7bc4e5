//! The transformation of a Firehose event, against the same one in Python with `json` of the standard library and with
//! `orjson`, from the bytes of the event to the bytes of the answer: of the longest event without lineage, and with
//! lineage of the longest that the service makes of its largest buffer. The answers are compared.
//!
//! `DATALAKE_PYTHON_AWS=… cargo bench -p datalake-benches --bench firehose`
//!
//! `DATALAKE_PYTHON_AWS` names a Python that has `orjson`.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
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
use tokio::runtime::Runtime;

/// The longest event that a function takes, and what a buffer of 3 MB makes of one.
const EVENTS: [(usize, bool); 2] = [(6_291_456, false), (4 << 20, true)];
/// Turns, and calls in each.
const TURNS: usize = 5;
const CALLS: usize = 5;
const MODULES: [&str; 2] = ["json", "orjson"];

/// An event of as many orders as it holds.
fn event(limit: usize) -> Vec<u8> {
    let mut orders = Records::new(7);
    let (mut records, mut used) = (Vec::new(), 512);
    loop {
        let mut line = Vec::new();
        orders.write(&mut line).expect("memory");
        let data = STANDARD.encode(&line);
        used += 180 + data.len();
        if used > limit {
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

fn transform(cpu: Cpu, lineage: bool) -> FirehoseTransform {
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
    let builder = builder.answer_limit(6 << 20);
    let builder = if lineage { builder } else { builder.bare() };
    builder.build().expect("a transformation")
}

/// A transformation, on a runtime of its own.
struct Ours {
    runtime: Runtime,
    transform: FirehoseTransform,
    samples: Vec<Sample>,
}

impl Ours {
    /// On so many threads, or in the one that asks.
    fn new(lineage: bool, threads: Option<usize>) -> Self {
        let (mut runtime, cpu) = match threads {
            Some(threads) => (tokio::runtime::Builder::new_multi_thread(), Cpu::threads(threads)),
            None => (tokio::runtime::Builder::new_current_thread(), Cpu::inline()),
        };
        let runtime = runtime.build().expect("a runtime");
        Self { runtime, transform: transform(cpu, lineage), samples: Vec::new() }
    }

    /// One answer.
    fn answer(&mut self, event: &[u8]) -> Bytes {
        let event = Bytes::copy_from_slice(event);
        let (sample, answer) = Sample::of(|| self.runtime.block_on(self.transform.answer(event)));
        self.samples.push(sample);
        answer.expect("an answer")
    }
}

/// What an answer says, without who says it.
fn said(answer: &[u8], lineage: bool) -> Vec<(String, Option<Value>)> {
    let answer: Value = serde_json::from_slice(answer).expect("an answer");
    let records = answer["records"].as_array().expect("records").iter().map(|record| {
        let data = STANDARD.decode(record["data"].as_str().unwrap_or_default()).expect("data");
        let mut order: Option<Value> = serde_json::from_slice(&data).ok();
        if let Some(order) = order.as_mut().and_then(Value::as_object_mut) {
            assert_eq!(order.remove("_lake").is_some(), lineage);
        }
        (record["result"].to_string(), order)
    });
    records.collect()
}

/// A Python that transforms when it is told to.
struct Python {
    child: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Python {
    fn new(python: &Path, event: &Path, answer: &Path, lineage: bool) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/firehose.py");
        let mut command = Command::new(python);
        command.arg(script).arg(event).arg(answer).arg(if lineage { "lineage" } else { "bare" });
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
        let (orders, told) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { child, orders, told: BufReader::new(told) }
    }

    /// One answer with a module.
    fn answer(&mut self, module: &str) -> Sample {
        writeln!(self.orders, "{module}").expect("Python");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("Python");
        let mut words = line.split_whitespace();
        let mut time = || Duration::from_secs_f64(words.next().expect("seconds").parse().expect("seconds"));
        Sample { wall: time(), cpu: time() }
    }

    /// Has it write its last answers.
    fn end(self) {
        let Self { mut child, orders, .. } = self;
        drop(orders);
        assert!(child.wait().expect("Python").success());
    }
}

fn main() {
    let Some(interpreter) = std::env::var_os("DATALAKE_PYTHON_AWS") else {
        println!("left out: DATALAKE_PYTHON_AWS names no Python with orjson");
        return;
    };
    for (limit, lineage) in EVENTS {
        compare(Path::new(&interpreter), &event(limit), lineage);
    }
}

fn compare(interpreter: &Path, event: &[u8], lineage: bool) {
    let directory = directory();
    let (given, answered) = (directory.path().join("event"), directory.path().join("answer"));
    std::fs::write(&given, event).expect("a file");

    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut one, mut all) = (Ours::new(lineage, None), Ours::new(lineage, Some(threads)));
    let mut python = Python::new(interpreter, &given, &answered, lineage);
    let mut theirs = MODULES.map(|module| (module, Vec::new()));
    let mut answer = Bytes::new();
    // In turns, so that a machine that others use too is as slow for one as for the other.
    for _ in 0..TURNS {
        (0..CALLS).for_each(|_| answer = one.answer(event));
        (0..CALLS).for_each(|_| assert_eq!(all.answer(event).len(), answer.len()));
        for (module, samples) in &mut theirs {
            samples.extend((0..CALLS).map(|_| python.answer(module)));
        }
    }
    python.end();
    let (one, all) = (median(&one.samples), median(&all.samples));

    let ours = said(&answer, lineage);
    let failed = ours.iter().filter(|(result, _)| result == "\"ProcessingFailed\"").count();
    println!(
        "{} lineage, an event of {} bytes with {} records, an answer of {} bytes, {failed} refused",
        if lineage { "with" } else { "without" },
        event.len(),
        ours.len(),
        answer.len()
    );
    for name in MODULES {
        let path = answered.with_extension(name);
        assert!(said(&std::fs::read(path).expect("an answer"), lineage) == ours, "{name} answers otherwise");
    }
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "  ours: {:.1} ms on one thread ({:.1} ms of the processor), {:.1} ms on {threads}",
        millis(one.wall),
        millis(one.cpu),
        millis(all.wall)
    );
    for (name, samples) in theirs {
        let took = median(&samples);
        let times = |theirs: Duration, ours: Duration| theirs.as_secs_f64() / ours.as_secs_f64();
        println!(
            "  {name}: {:.1} ms ({:.1} ms of the processor): {:.1} times the processor time, {:.1} and {:.1} times the time",
            millis(took.wall),
            millis(took.cpu),
            times(took.cpu, one.cpu),
            times(took.wall, one.wall),
            times(took.wall, all.wall)
        );
    }
}
