//! The worker from a stream into a lake on S3, as its own binary.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::process::{Command, Output};

use datalake_simulators::emulator::REGION;
use datalake_simulators::kinesis::Kinesis;
use datalake_simulators::s3::S3;

/// Runs the worker on a stream and an S3, each at an endpoint of its own.
async fn run(kinesis: &Kinesis, s3: &S3, told: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinesis_to_s3"));
    command
        .args(["--lake", "s3://lake/company"])
        .args(told)
        .env("AWS_ENDPOINT_URL_KINESIS", kinesis.url())
        .env("AWS_ENDPOINT_URL_S3", s3.endpoint())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_stream_are_in_the_lake_once_though_its_shards_split() {
    let (kinesis, s3) = (Kinesis::start().unwrap(), S3::start().await.unwrap());
    kinesis.create("orders", 1);
    let put = |from: u32, to: u32| {
        for n in from..to {
            kinesis.put("orders", &format!("customer-{}", n % 17), format!("{{\"n\":{n}}}").as_bytes());
        }
    };
    let read = ["--stream", "orders", "--dataset", "orders"];
    put(0, 200);
    run(&kinesis, &s3, &read).await;
    put(200, 300);
    kinesis.split("orders", "shardId-000000000000", 1 << 127);
    put(300, 500);
    run(&kinesis, &s3, &read).await;
    run(&kinesis, &s3, &["verify"]).await;
    let lines = run(&kinesis, &s3, &["cat"]).await.stdout;
    let mut numbers: Vec<u64> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| line.split_once("\"n\":").unwrap().1.split([',', '}']).next().unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
}
