//! A ready worker: the messages of an MQTT broker into a lake.
//!
//! ```text
//! cargo run --release -p datalake-examples --features iot --bin mqtt_to_lake -- \
//!     --url mqtt://localhost:1883 --topic 'plant/#' --client-id lake-plant-0 --lake ./lake run
//! cargo run --release -p datalake-examples --features iot --bin mqtt_to_lake -- --lake ./lake ls
//! ```
//!
//! Each message is archived byte for byte, with its topic and what else the broker says beside it, and its JSON goes to the
//! curated zone; what is no JSON goes to quarantine. The broker gets its acknowledgement after the commit. Without a command
//! it takes what the broker has and ends; `run` goes on until ctrl-c. Stop it however you like, and start it again with the
//! same client id: the broker keeps what comes meanwhile.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use datalake_connectors::iot::mqtt::{MqttSource, Qos, Version};
use datalake_core::{Dataset, Error, Result, Secrets};
use datalake_examples::lake_for;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

/// The name of the pipeline, which is its lane in the ledger.
const PIPELINE: &str = "mqtt";
/// How many bytes a spool may have.
const SPOOL: u64 = 1 << 30;

/// Puts the messages of an MQTT broker into a lake.
///
/// The password of `--user` is taken from the variable `MQTT_PASSWORD`.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The broker, for instance `mqtt://localhost:1883`, or `mqtts://` for TLS
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    url: Option<String>,
    /// What to subscribe to, for instance `plant/+/temperature`; may be given more than once
    #[arg(long, value_name = "FILTER")]
    topic: Vec<String>,
    /// The name under which the broker keeps what is not acknowledged: the same in every run, and nobody else's
    #[arg(long, value_name = "ID", default_value = "datalake")]
    client_id: String,
    /// 0, 1 or 2
    #[arg(long, value_name = "LEVEL", default_value = "1", value_parser = qos)]
    qos: Qos,
    /// The version of the protocol
    #[arg(long, value_name = "3.1.1|5", default_value = "5", value_parser = version)]
    protocol: Version,
    /// How many messages the broker may send without an acknowledgement
    #[arg(long, value_name = "MESSAGES")]
    window: Option<u16>,
    /// How many milliseconds a message waits for others to share its commit
    #[arg(long, value_name = "MILLISECONDS")]
    commit_within: Option<u64>,
    /// A folder of the worker's own to keep messages in until they are in the lake: the broker gets its acknowledgement when
    /// they last there. 1 GiB at most
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Who we are
    #[arg(long)]
    user: Option<String>,
    /// Authorities to trust beside those of the system, PEM
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// A client certificate, PEM; its key is in the file of the variable `MQTT_KEY_FILE`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The dataset it becomes
    #[arg(long, default_value = "messages")]
    dataset: Dataset,
    /// The lake to fill: a directory, or s3://bucket/prefix in a build with the feature s3
    #[arg(long, value_name = "PLACE", default_value = "./lake")]
    lake: String,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match host(&arguments).await {
        Ok(host) => host.run(arguments.command, &arguments.globals).await,
        Err(error) => datalake_host::fail(Arguments::command().get_name(), &error),
    }
}

async fn host(arguments: &Arguments) -> Result<Host> {
    let command = arguments.command.as_ref();
    let host =
        Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).dataset(arguments.dataset.clone());
    let Some(lake) = lake_for(command, &arguments.lake).await? else { return Ok(host) };
    let host = host.lake(&lake);
    if command.is_some_and(|command| !command.needs_pipelines()) {
        return Ok(host);
    }
    let source = source(arguments)?;
    let sink = LakeSink::builder(&lake).build();
    Ok(host.pipeline(PIPELINE, |pipeline| async move { Ok(pipeline.source(source).lake(&sink)) }))
}

/// The source that the options describe.
fn source(arguments: &Arguments) -> Result<MqttSource> {
    let url = arguments
        .url
        .as_ref()
        .ok_or_else(|| Error::config("an option is needed to read").with("option", "--url"))?;
    let mut source =
        MqttSource::builder(arguments.dataset.clone(), url, &arguments.client_id).version(arguments.protocol);
    for topic in &arguments.topic {
        source = source.topic(topic, arguments.qos);
    }
    if let Some(window) = arguments.window {
        source = source.window(window);
    }
    if let Some(milliseconds) = arguments.commit_within {
        source = source.commit_within(Duration::from_millis(milliseconds));
    }
    if let Some(folder) = &arguments.spool {
        source = source.spool(folder, SPOOL);
    }
    if let Some(user) = &arguments.user {
        source = source.user(user).password(Secrets::new().credential("env:MQTT_PASSWORD")?);
    }
    if let Some(file) = &arguments.trust {
        source = source.trust(read(file)?);
    }
    if let Some(file) = &arguments.certificate {
        let key = std::env::var("MQTT_KEY_FILE")
            .map_err(|_| Error::config("a certificate needs its key").with("variable", "MQTT_KEY_FILE"))?;
        source = source.certificate(read(file)?, Secrets::new().credential(&format!("file:{key}"))?);
    }
    source.build()
}

fn read(file: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(file)
        .map_err(|cause| Error::config("a file cannot be read").with("file", file.display()).caused_by(cause))
}

fn qos(text: &str) -> Result<Qos, String> {
    match text {
        "0" => Ok(Qos::AtMostOnce),
        "1" => Ok(Qos::AtLeastOnce),
        "2" => Ok(Qos::ExactlyOnce),
        _ => Err("it is 0, 1 or 2".into()),
    }
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "3.1.1" => Ok(Version::V3),
        "5" => Ok(Version::V5),
        _ => Err("it is 3.1.1 or 5".into()),
    }
}
