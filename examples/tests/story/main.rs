//! The whole way of an order, with the programs that would be deployed: a scheduled worker takes it out of a silo, with
//! a secret of the Parameter Store, keeps the page in the bucket and puts the order on a stream; a delivery stream
//! carries it through the transformation into the bucket; from there it is traced back to the silo.
//!
//! Both functions run in MiniStack, which does every step of it itself. `DATALAKE_MINISTACK` says where it is.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::process::Command;
use std::time::{Duration, Instant};

use datalake_core::codec::{Compression, Expansion};
use datalake_simulators::emulator::{Emulator, unique};
use serde_json::{Value, json};

mod cloud;
mod silo;
mod zip;

use cloud::Cloud;
use silo::{Silo, order};

const ORDERS: usize = 50;
const TOKEN: &str = "c4nary-of-the-silo";
/// What the silo has later, and the token from then on.
const LATER: (usize, &str) = (80, "c4nary-of-a-new-year");
/// So long may the orders be on their way.
const PATIENCE: Duration = Duration::from_secs(90);
/// So long may all of it take.
const LIMIT: Duration = Duration::from_secs(160);

/// What was made for one run.
struct Story {
    emulator: Emulator,
    cloud: Cloud,
    name: String,
    key: String,
    silo: Silo,
}

impl Story {
    async fn begin(emulator: Emulator) -> Self {
        let (cloud, name, silo) = (Cloud::new(&emulator), unique("story"), Silo::open(ORDERS, TOKEN));
        let key = cloud.key().await;
        cloud.secret(&format!("/{name}/token"), TOKEN, &key).await;
        cloud.bucket(&name, &key).await;
        let stream = cloud.stream(&name).await;
        let story = Self { emulator, cloud, name, key, silo };
        let transform = story.deploy("transform", env!("CARGO_BIN_EXE_firehose_transform"), json!({})).await;
        story.cloud.delivery(&story.name, &stream, &transform, &story.name, &story.key).await;
        let variables = json!({
            "SOURCE_URL": story.silo.url(),
            "SECRET": format!("ssm:/{}/token", story.name),
            "LAKE": story.lake(),
            "STREAM": story.name,
            "KMS_KEY": story.key,
        });
        story.deploy("sourcing", env!("CARGO_BIN_EXE_sourcing_lambda"), variables).await;
        story
    }

    fn lake(&self) -> String {
        format!("s3://{}/lake", self.name)
    }

    /// Deploys a program as a function.
    async fn deploy(&self, role: &str, program: &str, mut variables: Value) -> String {
        let archive = format!("code/{role}.zip");
        let bytes = zip::bootstrap(&std::fs::read(program).unwrap());
        self.cloud.s3("PUT", &format!("/{}/{archive}", self.name), bytes).await;
        variables["AWS_ENDPOINT_URL"] = json!(self.emulator.endpoint());
        self.cloud.function(&format!("{}-{role}", self.name), (&self.name, &archive), variables).await
    }

    /// What EventBridge Scheduler does.
    async fn schedule(&self) -> Value {
        let event = json!({
            "version": "0", "id": unique("event"), "detail-type": "Scheduled Event", "source": "aws.events",
            "time": "2026-11-26T06:00:00Z", "region": "eu-central-1", "resources": [], "detail": {},
        });
        self.cloud.invoke(&format!("{}-sourcing", self.name), event).await
    }

    /// The transformed orders and the objects they are in, once so many are there.
    async fn transformed(&self, wanted: usize) -> (Vec<Value>, Vec<String>) {
        let begun = Instant::now();
        loop {
            let (mut orders, objects) = (Vec::new(), self.cloud.list(&self.name, "transformed/").await);
            for key in &objects {
                let text = String::from_utf8(self.object(key).await).unwrap();
                orders.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
            if orders.len() >= wanted {
                orders.sort_by_key(|order| order["id"].as_u64());
                return (orders, objects);
            }
            assert!(begun.elapsed() < PATIENCE, "only {} of {wanted} orders came through", orders.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn object(&self, key: &str) -> Vec<u8> {
        self.cloud.s3("GET", &format!("/{}/{key}", self.name), "").await.body.to_vec()
    }

    /// What the worker's own command line knows of a record.
    fn trace(&self, record: &str) -> Value {
        let mut hydrate = Command::new(env!("CARGO_BIN_EXE_hydrate"));
        hydrate.args(["--json", "--lake", &self.lake(), "trace", record]).envs(self.emulator.environment());
        let output = hydrate.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Ends what would go on: the delivery, and the processes of the functions.
    async fn end(self) {
        self.cloud.no_delivery(&self.name).await;
        for role in ["sourcing", "transform"] {
            self.cloud.no_function(&format!("{}-{role}", self.name)).await;
        }
    }
}

/// The transformed form of an order.
fn expected(number: usize) -> Option<Value> {
    let mut order = order(number);
    if order["state"] == "cancelled" {
        return None;
    }
    order["total"] = serde_json::from_str(order["total"].as_str().unwrap()).unwrap();
    order.as_object_mut().unwrap().remove("internal_note");
    Some(order)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_comes_from_the_silo_through_stream_and_function_into_the_bucket_and_is_traced_back() {
    let Some(emulator) = Emulator::ministack("the whole way of an order") else { return };
    tokio::time::timeout(LIMIT, story(emulator)).await.expect("the whole way is gone in time");
}

async fn story(emulator: Emulator) {
    let story = Story::begin(emulator).await;
    let answer = story.schedule().await;
    assert_eq!(answer["pipelines"][0]["counts"]["read"], ORDERS, "{answer}");

    let wanted: Vec<Value> = (0..ORDERS).filter_map(expected).collect();
    let (found, objects) = story.transformed(wanted.len()).await;
    assert_eq!(found.len(), wanted.len(), "each order is there once");
    for (found, wanted) in found.iter().zip(&wanted) {
        let mut bare = found.clone();
        bare.as_object_mut().unwrap().remove("_lake");
        let email = wanted["customer"]["email"].as_str().unwrap();
        assert_ne!(bare["customer"]["email"], email, "an address is masked");
        bare["customer"]["email"] = json!(email);
        assert_eq!(&bare, wanted);
    }
    assert!(story.cloud.list(&story.name, "failed/").await.is_empty(), "an order was not delivered");

    // Raw, transformed and ledger are under the pipeline's key, and the secret is in none of them. The worker names the
    // key; for what the delivery puts the bucket does, since MiniStack does not look at the delivery's own setting.
    let raw = story.cloud.list(&story.name, "lake/raw/").await;
    assert_eq!(raw.len(), 1, "{raw:?}");
    let all = [objects.clone(), story.cloud.list(&story.name, "lake/").await].concat();
    for key in &all {
        let headers = story.cloud.s3("HEAD", &format!("/{}/{key}", story.name), "").await.headers;
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("x-amz-server-side-encryption").as_deref(), Some("aws:kms"), "{key}");
        let used = header("x-amz-server-side-encryption-aws-kms-key-id");
        assert_eq!(used.as_deref(), Some(story.key.as_str()), "{key}");
        let mut bytes = story.object(key).await;
        if key.ends_with(".zst") {
            bytes = Compression::Zstd.decompress(&bytes.into(), Expansion::default()).unwrap().to_vec();
        }
        assert!(!bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()), "the secret is in {key}");
    }

    // From a transformed order back to the bytes that the silo gave.
    let (last, wanted) =
        (found.last().unwrap(), order(wanted.last().unwrap()["id"].as_u64().unwrap() as usize));
    let lineage = &last["_lake"];
    assert_eq!(
        lineage["h"][0]["by"].as_str().unwrap().split('/').next(),
        Some("firehose_transform"),
        "{lineage}"
    );
    let trace = story.trace(&format!("{}/{}", lineage["b"].as_str().unwrap(), lineage["i"]));
    let raw: Value = serde_json::from_str(trace["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw, wanted, "{trace}");
    let locator = trace["locator"].as_str().unwrap();
    assert!(locator.starts_with(&story.silo.url()), "{trace}");

    // The next schedule finds nothing new, and nothing is put twice.
    let answer = story.schedule().await;
    assert_eq!(answer["pipelines"][0]["counts"]["read"], 0, "{answer}");
    assert_eq!(story.cloud.records(&story.name).await, ORDERS, "each order is on the stream once");
    assert_eq!(story.cloud.list(&story.name, "transformed/").await, objects);

    // There are more, and the secret changes while they are read: the worker knows the old one, which is refused on the
    // seventh page.
    let (orders, token) = LATER;
    assert_eq!(story.silo.refused(), 0);
    story.cloud.secret(&format!("/{}/token", story.name), token, &story.key).await;
    story.silo.rotate(orders, token, 6);
    let answer = story.schedule().await;
    assert_eq!(answer["pipelines"][0]["counts"]["read"], orders - ORDERS, "{answer}");
    assert_eq!(story.silo.refused(), 1, "the old token was tried once after its end");
    assert_eq!(story.cloud.records(&story.name).await, orders, "each order is on the stream once");
    story.end().await;
}
