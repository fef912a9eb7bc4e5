//! The sink on a simulated Firehose, and on emulators where they run.

#[cfg(feature = "s3")]
mod emulated;
mod failing;
mod suite;

use std::time::Duration;

use aws_sdk_firehose::config::{Credentials, SharedCredentialsProvider};
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_core::Retry;
use datalake_simulators::emulator::REGION;
use datalake_simulators::firehose::Firehose;

use super::{FirehoseSink, FirehoseSinkBuilder};

const SECRET: &str = "CANARY-secret-key";
const TOKEN: &str = "CANARY-session-token";
const STREAM: &str = "things";

async fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", SECRET, Some(TOKEN.into()), None, "test");
    let settings = Settings::new().region(REGION).endpoint(endpoint).load().await;
    settings.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

fn simulator() -> Firehose {
    let firehose = Firehose::start().unwrap();
    firehose.create(STREAM);
    firehose
}

async fn sink(firehose: &Firehose) -> FirehoseSinkBuilder {
    let retry = Retry::new(8, Duration::from_millis(1), Duration::from_millis(4));
    FirehoseSink::builder(&config(&firehose.url()).await, STREAM).retry(retry)
}
