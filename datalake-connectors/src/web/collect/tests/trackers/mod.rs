//! The trackers themselves, as their makers publish them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use datalake_core::Retry;
use datalake_core::lake::Lake as Store;
use datalake_core::split::Decoders;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::FaultyStore;
use tokio::sync::{mpsc, oneshot};

use super::lakes::{collecting, refused, rows};
use super::*;
use crate::web::collect::{QueryDecoder, segment_event, snowplow_event};

const NODE: &str = "DATALAKE_NODE";
const PYTHON: &str = "DATALAKE_PYTHON_AWS";
const KEY: &str = "WK";

/// The value of a variable; or a line that says what is left out.
fn variable(name: &str, what: &str) -> Option<OsString> {
    let value = std::env::var_os(name);
    if value.is_none() {
        let line = format!("left out: {what}, since {name} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    value
}

/// A program that runs trackers, and the lines that it writes. It ends with the test.
struct Program {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.env("NO_PROXY", "*").stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| told.send(line)).ok();
        });
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.recv()).await;
        line.expect("the trackers take too long").expect("the trackers ended early")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Lets a program deliver to a collector into a lake that is down until each of some trackers has been refused. Gives the ids of what
/// they have sent, and the rows.
async fn deliver(program: impl FnOnce(u16) -> Command, trackers: &[&str]) -> (BTreeSet<String>, Vec<Value>) {
    let faulty = FaultyStore::new(MemoryStore::new(), 1);
    let decoders = Decoders::default().with(Arc::new(QueryDecoder));
    let lake = Store::new(Arc::new(faulty.clone())).with_decoders(&decoders);
    let source = builder().write_key(KEY).commit_timeout(Duration::from_secs(2)).build().await.unwrap();
    let at = source.local_addr();
    let mut pipeline = collecting(&lake, source)
        .transform(snowplow_event())
        .transform(segment_event())
        .retry(Retry::new(1000, Duration::from_millis(20), Duration::from_millis(200)))
        .build()
        .unwrap();
    let (stop, mut stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(async move {
        // A worker whose lake is down for long ends, and is started again.
        while pipeline.run_until(async { drop((&mut stopped).await) }).await.is_err() {}
        pipeline.close().await;
    });
    assert_eq!(ask(at, "POST", TP2, &[], tp2(&["first"]).as_bytes()).await.status, 200);

    faulty.down(true);
    let mut program = Program::start(&mut program(at.port()));
    let mut refused_of = BTreeSet::new();
    while !trackers.iter().all(|tracker| refused_of.contains(*tracker)) {
        let line = program.line().await;
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(words[0], "refused", "{line}");
        refused_of.insert(words[1].to_owned());
    }
    faulty.down(false);
    let rest = async {
        loop {
            let line = program.line().await;
            if !line.starts_with("refused") {
                return serde_json::from_str(&line).unwrap();
            }
        }
    };
    let ids = tokio::time::timeout(Duration::from_secs(60), rest).await.expect("they are refused for ever");
    stop.send(()).unwrap();
    within(run).await.unwrap();
    assert!(refused(&lake).await.is_empty());
    assert!(lake.verify(&"clicks".parse().unwrap()).await.unwrap().problems.is_empty());
    (ids, rows(&lake).await)
}

fn id(row: &Value) -> &str {
    row.get("event_id").or(row.get("messageId")).unwrap().as_str().unwrap()
}

/// Whether every id is in the lake, and nothing else but the first event.
fn check(sent: &BTreeSet<String>, rows: &[Value]) {
    let kept: BTreeSet<String> =
        rows.iter().map(|row| id(row).to_owned()).filter(|id| id != "first").collect();
    assert_eq!(*sent, kept);
    for row in rows.iter().filter(|row| row.get("event").is_some_and(|event| event == "unstruct")) {
        let bought =
            json!({ "schema": "iglu:com.acme/buy/jsonschema/1-0-0", "data": { "sku": "~?>ü", "amount": 3 } });
        assert_eq!(row["unstruct_event"], bought);
        assert_eq!(row["contexts"][0]["data"]["kind"], "tester");
    }
    let seen = rows.iter().filter(|row| row.get("page_title").is_some_and(|title| title == "Räder & mehr"));
    assert!(seen.inspect(|row| assert_eq!(row["page_url"], "https://shop.example/?q=a%20b&c")).count() >= 2);
    for row in rows.iter().filter(|row| row.get("v_tracker").is_some_and(|tracker| tracker != "t-1")) {
        assert_eq!(row["user_id"], "ü ser+&");
        assert_eq!((&row["dvce_screenwidth"], &row["app_id"]), (&json!(1920), &json!("shop")));
        assert!(row["derived_tstamp"].as_str() <= row["collector_tstamp"].as_str());
    }
}

#[tokio::test]
async fn node_trackers_deliver_everything_through_a_lake_that_is_down_for_a_while() {
    let Some(node) = variable(NODE, "the trackers of Snowplow and Segment for Node.js") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/collect/tests/trackers/trackers.js");
    let program = |port: u16| {
        let mut command = Command::new("node");
        command.arg(script).arg(port.to_string()).arg(KEY);
        command.env("NODE_PATH", Path::new(&node).join("node_modules"));
        command
    };
    let (sent, rows) = deliver(program, &["post", "get", "segment"]).await;
    assert_eq!(sent.len(), 5 + 5 + 6);
    check(&sent, &rows);
    let track = rows.iter().find(|row| id(row) == "segment-track").unwrap();
    assert_eq!((&track["type"], &track["event"]), (&json!("track"), &json!("Bought")));
    assert_eq!(track["properties"], json!({ "amount": 3.5, "sku": "ü" }));
    assert!(track["timestamp"].as_str() <= track["receivedAt"].as_str() && track.get("sentAt").is_some());
}

#[tokio::test]
async fn the_python_tracker_delivers_everything_through_a_lake_that_is_down_for_a_while() {
    let Some(python) = variable(PYTHON, "Snowplow's tracker for Python") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/collect/tests/trackers/tracker.py");
    let program = |port: u16| {
        let mut command = Command::new(python);
        command.arg(script).arg(port.to_string());
        command
    };
    let (sent, rows) = deliver(program, &["post"]).await;
    assert_eq!(sent.len(), 4 + 3000 + 4);
    check(&sent, &rows);
}
