//! Messages that a broker keeps for a subscriber, of QoS 1, into a lake on disk, against `mosquitto_sub` that writes them
//! to a file. A mosquitto has a session for each and the same messages in both; they are taken in turns, each from its
//! first message to its last acknowledgement.
//!
//! `cargo bench -p datalake-benches --features mqtt --bench mqtt`
//!
//! `DATALAKE_MOSQUITTO` names the broker; `mosquitto_sub` is found on the path. `DATALAKE_BENCH_RECORDS` is the number of
//! messages.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use datalake_benches::{Sample, directory, median, records};
use datalake_connectors::iot::mqtt::{MqttSource, Qos};
use datalake_core::lake::Lake;
use datalake_core::pipeline::Budget;
use datalake_core::store::LocalStore;
use datalake_core::{Dataset, Next, Pipeline, Source as _};
use datalake_simulators::mqtt::{Fleet, Mosquitto, Running};
use datalake_sinks::lake::LakeSink;
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;
const TOPIC: &str = "bench/#";
/// What both let the broker send without an acknowledgement.
const WINDOW: u16 = 2_000;
/// How long the source waits for more at the end, which is not counted.
const PATIENCE: Duration = Duration::from_millis(500);

fn main() {
    let Some(mosquitto) = Mosquitto::find("the bench of MQTT") else { return };
    let messages = records(100_000);
    let runtime = Runtime::new().expect("a runtime");
    let folder = directory();
    let (mut subscribers, mut narrow, mut lakes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let broker = mosquitto.clone().setting("autosave_interval 0").setting("autosave_on_changes false");
        let broker = broker.start().expect("a broker");
        let file = folder.path().join("messages");
        subscribe(&broker, "wide", &file, Some(WINDOW), 0);
        subscribe(&broker, "narrow", &file, None, 0);
        runtime.block_on(async {
            let mut source = source(&broker);
            while !matches!(source.next_batch().await.expect("a session"), Next::Idle(_)) {}
            source.close().await.expect("a session");
            let fleet = Fleet::new(broker.address(), "bench").devices(4).in_flight(1_000);
            fleet.publish(0..messages).await.expect("messages");
        });
        // The first turn is each one's in turn.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => subscribers
                    .push(Sample::of(|| subscribe(&broker, "wide", &file, Some(WINDOW), messages)).0),
                1 => narrow.push(Sample::of(|| subscribe(&broker, "narrow", &file, None, messages)).0),
                _ => lakes.push(lake(&runtime, &broker, &folder.path().join(round.to_string()), messages)),
            }
        }
    }
    let rate = |samples: &[Sample]| messages as f64 / median(samples).wall.as_secs_f64();
    let (wide, usual, ours) = (rate(&subscribers), rate(&narrow), rate(&lakes));
    println!("{messages} messages, the median of {ROUNDS}:");
    println!("mosquitto_sub to a file          {usual:>9.0} messages/s");
    println!("the same, {WINDOW} in flight         {wide:>9.0} messages/s");
    println!("a lake on disk, {WINDOW} in flight   {ours:>9.0} messages/s");
    println!("ratio {:.2} and {:.2}", ours / usual, ours / wide);
}

fn source(broker: &Running) -> MqttSource {
    MqttSource::builder(Dataset::new("bench").expect("a name"), broker.url(), "lake")
        .topic(TOPIC, Qos::AtLeastOnce)
        .window(WINDOW)
        .patience(PATIENCE)
        .build()
        .expect("a source")
}

/// Lets `mosquitto_sub` take so many messages of its session; none to begin one.
fn subscribe(broker: &Running, id: &str, file: &Path, window: Option<u16>, messages: u64) {
    let mut command = Command::new("mosquitto_sub");
    let port = broker.address().port().to_string();
    command.args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-i", id, "-c", "-q", "1", "-t", TOPIC]);
    if let Some(window) = window {
        command.args(["-D", "connect", "receive-maximum", &window.to_string()]);
    }
    match messages {
        0 => command.arg("-E"),
        _ => command.args(["-C", &messages.to_string()]),
    };
    command.stdin(Stdio::null()).stdout(File::create(file).expect("a file"));
    assert!(command.status().expect("mosquitto_sub").success(), "mosquitto_sub failed");
}

fn lake(runtime: &Runtime, broker: &Running, folder: &Path, messages: u64) -> Sample {
    let store = LocalStore::open(folder).expect("a store");
    let lake = Lake::new(Arc::new(store));
    let sink = LakeSink::builder(&lake).build();
    let (mut sample, report) = Sample::of(|| {
        runtime.block_on(async {
            let mut pipeline =
                Pipeline::builder("bench").source(source(broker)).lake(&sink).build().expect("a pipeline");
            pipeline.drain(Budget::unlimited()).await.expect("a run")
        })
    });
    assert_eq!(report.counts.written, messages, "not every message is in the lake");
    sample.wall = sample.wall.saturating_sub(PATIENCE);
    std::fs::remove_dir_all(folder).expect("a directory");
    sample
}
