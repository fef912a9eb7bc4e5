//! The worker from a web interface onto a stream, as its own binary.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use datalake_examples::company::Shop;
use datalake_simulators::emulator::{Emulator, REGION, unique};
use datalake_simulators::firehose::Firehose;
use datalake_simulators::kinesis::Kinesis;
use serde_json::Value;
use tempfile::TempDir;

/// Runs the worker on a shop that is open meanwhile.
async fn run(endpoint: &str, lake: &Path, arguments: &[&str]) -> Output {
    let shop = Shop::open().await.unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_web_to_kinesis"));
    command
        .args(["--url", &shop.orders(), "--records", "/items", "--dataset", "orders", "--lake"])
        .arg(lake)
        .args(arguments)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// The ids of events, and the place in the lake that each names.
fn events(bodies: impl IntoIterator<Item = impl AsRef<[u8]>>) -> BTreeSet<(String, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let event = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let events = bodies.into_iter().map(|body| event(body.as_ref()));
    events.map(|event| (text(&event, "id"), text(&event, "lakerecord"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_shop_come_to_a_stream_that_is_made_and_once_only() {
    let (kinesis, lake) = (Kinesis::start().unwrap(), TempDir::new().unwrap());
    kinesis.faults().records(|tried| (tried.n % 9 == 4).then_some("ProvisionedThroughputExceededException"));
    let arguments = ["--stream", "orders", "--shards", "3"];
    for _ in 0..2 {
        succeeded(&run(&kinesis.url(), lake.path(), &arguments).await);
    }
    let stored = kinesis.records("orders");
    assert_eq!(stored.len(), 500);
    assert_eq!(events(stored.iter().map(|stored| &stored.data)).len(), 500);
    let shards: BTreeSet<_> = stored.iter().map(|stored| &stored.shard).collect();
    assert_eq!(shards.len(), 3);
    let mut verify = Command::new(env!("CARGO_BIN_EXE_web_to_kinesis"));
    let verified =
        verify.arg("--lake").arg(lake.path()).args(["--dataset", "orders", "verify"]).output().unwrap();
    succeeded(&verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_shop_come_to_a_delivery_stream_that_is_made() {
    let (firehose, lake) = (Firehose::start().unwrap(), TempDir::new().unwrap());
    let output = run(&firehose.url(), lake.path(), &["--firehose", "orders"]).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("--bucket"), "{told}");
    let role = "arn:aws:iam::000000000000:role/delivery";
    let arguments = ["--firehose", "orders", "--bucket", "landing", "--role", role];
    succeeded(&run(&firehose.url(), lake.path(), &arguments).await);
    let given = firehose.records("orders");
    assert_eq!(events(given.iter().map(|given| &given.data)).len(), 500);
    let destination = &firehose.configuration("orders")["ExtendedS3DestinationConfiguration"];
    assert_eq!(destination["BucketARN"], "arn:aws:s3:::landing");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_shop_come_to_a_stream_of_an_emulator() {
    let emulators = [
        Emulator::ministack("web_to_kinesis on MiniStack"),
        Emulator::localstack("web_to_kinesis on LocalStack"),
    ];
    for emulator in emulators.into_iter().flatten() {
        let (lake, stream) = (TempDir::new().unwrap(), unique("orders"));
        let output = run(emulator.endpoint(), lake.path(), &["--stream", &stream, "--aggregate", "4"]).await;
        succeeded(&output);
    }
}
