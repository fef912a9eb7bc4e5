//! Credentials of AWS.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_connectors::kinesis::KinesisSource;
use datalake_core::lake::Lake;
use datalake_core::testkit::VecSource;
use datalake_core::transform::map;
use datalake_core::{Dataset, Pipeline, Retry, Sink};
use datalake_simulators::firehose::Firehose;
use datalake_simulators::kinesis::Kinesis;
use datalake_simulators::s3::{Fault as S3Fault, Op, Refusal, Rule, S3};
use datalake_sinks::firehose::FirehoseSink;
use datalake_sinks::kinesis::KinesisSink;
use datalake_sinks::lake::LakeSink;
use datalake_sinks::s3::S3Store;
use serde_json::json;

use super::front::{Front, Mood, Words};
use super::silo::Silo;
use super::watch::{Canary, both, content, log, search};

/// The key and the session token that a configuration is given.
pub(crate) struct Keys {
    secret: Canary,
    token: Canary,
}

impl Keys {
    pub(crate) fn new(name: &str) -> Self {
        Self { secret: Canary::new(&format!("key-{name}")), token: Canary::new(&format!("session-{name}")) }
    }

    pub(crate) fn all(&self) -> [&Canary; 2] {
        [&self.secret, &self.token]
    }

    pub(crate) async fn config(&self, endpoint: &str) -> SdkConfig {
        let config = Settings::new().region("eu-central-1").endpoint(endpoint).load().await;
        let token = Some(self.token.value.clone());
        let credentials = Credentials::new("AKIDEXAMPLE", self.secret.value.clone(), token, None, "canary");
        config.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
    }
}

fn few() -> Retry {
    Retry::new(3, Duration::from_millis(1), Duration::from_millis(2))
}

#[tokio::test]
async fn credentials_of_a_lake_on_s3_are_nowhere() {
    log();
    let (keys, s3) = (Keys::new("s3"), S3::start().await.unwrap());
    s3.create_bucket("lake");
    let config = keys.config(&s3.endpoint()).await;
    let builder = S3Store::at("s3://lake/prefix").unwrap().config(&config);
    let mut shown = vec![format!("{builder:?}")];
    let store = builder.build().await.unwrap();
    shown.push(format!("{store:?} {store:#?} {config:?}"));
    let lake = Lake::new(Arc::new(store));
    s3.fail(Rule::new(Op::PutObject, S3Fault::Lost));
    s3.fail(Rule::new(Op::PutObject, S3Fault::Refused(Refusal::SLOW_DOWN)).after(1));
    let records = ["{\"n\":1}", "nonsense", "{\"n\":3}"];
    for (run, fault) in [None, Some(Refusal::DENIED), Some(Refusal::INTERNAL)].into_iter().enumerate() {
        let sink = LakeSink::builder(&lake).retry(few()).build();
        let mut pipeline = Pipeline::builder(format!("p{run}"))
            .source(VecSource::json(records))
            .transform(map("panics", "1", |body| {
                assert!(!body.ends_with(b"3}"), "this record is not to be mapped");
                body.to_vec()
            }))
            .lake(&sink)
            .retry(few())
            .build()
            .unwrap();
        if let Some(fault) = fault {
            s3.fail(Rule::new(Op::PutObject, S3Fault::Refused(fault)).always());
        }
        match pipeline.drain(Default::default()).await {
            Ok(report) => shown.push(format!("{report:?}")),
            Err(error) => shown.push(both(&error)),
        }
        s3.calm();
    }
    assert!(shown.iter().any(|text| text.contains("permission-denied")), "{shown:?}");
    let objects = s3.objects("lake");
    assert!(objects.len() >= 3, "{objects:?}");
    for key in objects {
        let object = s3.object("lake", &key).unwrap();
        shown.push(format!("{:?}", object.about));
        content(&key, &object.bytes, &mut |name, bytes| {
            keys.all().iter().for_each(|canary| canary.is_not_in(name, bytes));
        });
    }
    search(&keys.all(), &shown, &[]);
}

/// Puts records three times: well, where the service refuses for a while, and where it refuses for good.
async fn puts<S: Sink>(sink: impl Fn() -> S, fail: impl Fn(bool), shown: &mut Vec<String>) {
    for (run, denied) in [None, Some(false), Some(true)].into_iter().enumerate() {
        let lake = Lake::new(Arc::new(datalake_core::store::MemoryStore::new()));
        if let Some(denied) = denied {
            fail(denied);
        }
        let sink = sink();
        shown.push(format!("{:?}", sink.info()));
        let mut pipeline = Pipeline::builder(format!("p{run}"))
            .source(VecSource::json(["{\"n\":1}", "{\"n\":2}"]))
            .sink(sink)
            .lake(&LakeSink::builder(&lake).build())
            .retry(few())
            .build()
            .unwrap();
        shown.push(pipeline.describe().to_string());
        match pipeline.drain(Default::default()).await {
            Ok(report) => shown.push(format!("{report:?}")),
            Err(error) => shown.push(both(&error)),
        }
    }
    assert!(shown.iter().any(|text| text.contains("permission-denied")), "{shown:?}");
}

#[tokio::test]
async fn credentials_of_streams_are_nowhere() {
    log();
    use datalake_simulators::faults::Fault;
    let (keys, kinesis) = (Keys::new("kinesis"), Kinesis::start().unwrap());
    kinesis.create("orders", 2);
    let config = keys.config(&kinesis.url()).await;
    let mut shown = Vec::new();
    let sink = || KinesisSink::builder(&config, "orders").retry(few()).build().unwrap();
    let fail = |denied: bool| match denied {
        true => kinesis.faults().always("PutRecords", Fault::denied()),
        false => kinesis.faults().next("PutRecords", Fault::throttled()),
    };
    puts(sink, fail, &mut shown).await;
    let stored = kinesis.records("orders");
    assert!(stored.len() >= 4);
    shown.extend(
        stored.iter().map(|record| format!("{} {}", record.key, String::from_utf8_lossy(&record.data))),
    );
    search(&keys.all(), &shown, &[]);

    let (keys, firehose) = (Keys::new("firehose"), Firehose::start().unwrap());
    firehose.create("orders");
    let config = keys.config(&firehose.url()).await;
    let mut shown = Vec::new();
    let sink = || FirehoseSink::builder(&config, "orders").retry(few()).build().unwrap();
    let fail = |denied: bool| match denied {
        true => firehose.faults().always("PutRecordBatch", Fault::denied()),
        false => firehose.faults().next("PutRecordBatch", Fault::LoseReply),
    };
    puts(sink, fail, &mut shown).await;
    shown.extend(
        firehose.records("orders").iter().map(|record| String::from_utf8_lossy(&record.data).into_owned()),
    );
    search(&keys.all(), &shown, &[]);
}

#[tokio::test]
async fn credentials_of_a_stream_that_is_read_are_nowhere() {
    let words = Words {
        // A refusal of the signature is the one that repeats the request.
        refuses: |status, told| match status {
            401 => json!({ "__type": "InvalidSignatureException", "message": told }).to_string(),
            403 => json!({ "__type": "AccessDeniedException", "message": "you may not" }).to_string(),
            429 => json!({ "__type": "ProvisionedThroughputExceededException" }).to_string(),
            _ => json!({ "__type": "ServiceUnavailable" }).to_string(),
        },
        leads: |told| {
            json!({ "Records": [], "NextShardIterator": told, "NextToken": told, "Shards": [] }).to_string()
        },
    };
    let (keys, kinesis) = (Keys::new("kinesis-source"), Kinesis::start().unwrap());
    kinesis.create("orders", 2);
    (0..8).for_each(|n| drop(kinesis.put("orders", &format!("k{n}"), format!("{{\"n\":{n}}}").as_bytes())));
    let front = Front::of(&kinesis.url(), words).await;
    let config = keys.config(&front.url()).await;
    let builder = KinesisSource::builder(&config, "orders", Dataset::new("d").unwrap())
        .pace(Duration::ZERO)
        .poll_every(Duration::from_millis(1));
    let parts =
        ["Kinesis_20131202.ListShards", "Kinesis_20131202.GetShardIterator", "Kinesis_20131202.GetRecords"];
    Silo {
        name: "kinesis",
        front: &front,
        parts: &parts,
        moods: &Mood::ALL,
        panics: "3}",
        canaries: keys.all().to_vec(),
    }
    .visit(&builder, |builder| builder.build())
    .await;
}
