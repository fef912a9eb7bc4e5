use std::time::Duration;

use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_core::{Dataset, Next, Position, Source};
use datalake_simulators::emulator::REGION;
use datalake_simulators::kinesis::Kinesis;

use super::{KinesisSource, KinesisSourceBuilder};

mod emulated;
mod gaps;
mod reading;
mod reshards;
mod suite;

const STREAM: &str = "things";
const SECRET: &str = "CANARY-secret-key";
const TOKEN: &str = "CANARY-session-token";

async fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", SECRET, Some(TOKEN.into()), None, "test");
    let settings = Settings::new().region(REGION).endpoint(endpoint).load().await;
    settings.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

fn builder(config: &SdkConfig) -> KinesisSourceBuilder {
    KinesisSource::builder(config, STREAM, Dataset::new("things").unwrap())
        .pace(Duration::ZERO)
        .poll_every(Duration::from_millis(2))
}

async fn source(kinesis: &Kinesis) -> KinesisSource {
    builder(&config(&kinesis.url()).await).build().unwrap()
}

/// A document: its shard's locator, its id, its text.
type Doc = (String, String, String);

/// Everything up to the next time the source is idle, and the position after it.
async fn drain(source: &mut KinesisSource) -> (Vec<Doc>, Option<Position>) {
    let (mut found, mut position) = (Vec::new(), None);
    loop {
        match source.next_batch().await.unwrap() {
            Next::Batch(batch) => {
                for document in &batch.documents {
                    let text = String::from_utf8(document.bytes().to_vec()).unwrap();
                    found.push((document.locator().to_string(), document.id().unwrap().to_string(), text));
                }
                position = Some(batch.position);
            }
            _ => return (found, position),
        }
    }
}

fn texts(found: &[Doc]) -> Vec<&str> {
    found.iter().map(|(_, _, text)| text.as_str()).collect()
}
