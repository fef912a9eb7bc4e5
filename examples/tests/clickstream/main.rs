//! The collector as its own binary, and its page in a browser.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A collector that runs. It is killed when the test is done with it.
struct Collector {
    child: Child,
    address: String,
}

impl Collector {
    fn start(lake: &Path) -> Self {
        Self::run(worker(lake, &[]))
    }

    fn run(command: Command) -> Self {
        Self::at(command, "127.0.0.1:0", "the page is at http://")
    }

    fn at(mut command: Command, listen: &str, says: &str) -> Self {
        let mut child = command
            .args(["--listen", listen, "--commit-timeout", "50"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix(says).expect(&line);
        let address = address.trim_end_matches('/').replace("0.0.0.0", "127.0.0.1");
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    /// One exchange: the status and the body of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}",
            body.len()
        );
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn json(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn worker(lake: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clickstream_collector"));
    command.arg("--lake").arg(lake).args(arguments);
    command.env_remove("RUST_LOG").env_remove("SEGMENT_WRITE_KEY");
    command
}

/// The rows in the lake, which is whole.
fn rows(lake: &Path) -> Vec<Value> {
    let output = |arguments: &[&str]| {
        let output = worker(lake, arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    output(&["verify"]);
    output(&["cat"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn event_id(row: &Value) -> String {
    row.get("event_id").or(row.get("messageId")).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn what_was_answered_is_shown_and_survives_a_kill() {
    let lake = TempDir::new().unwrap();
    let body = r#"{"data":[{"e":"pv","eid":"a","page":"Räder"},{"e":"se","eid":"b","se_va":"2.50"}]}"#;
    let collector = Collector::start(lake.path());
    assert!(collector.ask("GET", "/", "").1.contains("<title>"));
    assert_eq!(collector.json("/lake/latest"), json!({ "seq": 0, "events": [] }));
    assert_eq!(collector.ask("POST", "/com.snowplowanalytics.snowplow/tp2", body), (200, "ok".into()));
    assert_eq!(collector.ask("GET", "/i?e=pv&eid=c", "").0, 200);
    let call = r#"{"messageId":"d","userId":"u"}"#;
    assert_eq!(collector.ask("POST", "/v1/identify", call), (200, r#"{"success":true}"#.into()));
    drop(collector);

    let again = Collector::start(lake.path());
    let latest = again.json("/lake/latest?after=0");
    let events = latest["events"].as_array().unwrap();
    assert_eq!(events.iter().map(|event| event_id(&event["row"])).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let raws = [
        r#"{"e":"pv","eid":"a","page":"Räder"}"#,
        r#"{"e":"se","eid":"b","se_va":"2.50"}"#,
        "e=pv&eid=c",
        call,
    ];
    for (event, raw) in events.iter().zip(raws) {
        let trace = again.json(&format!("/lake/trace/{}", event["id"].as_str().unwrap()));
        assert_eq!(trace["raw"], raw);
        assert_eq!(trace["steps"], json!(["snowplow-event 2", "segment-event 1"]));
    }
    assert_eq!(again.ask("GET", "/lake/trace/clicks/99/0", "").0, 404);
    assert_eq!(again.json(&format!("/lake/latest?after={}", latest["seq"]))["events"], json!([]));
    drop(again);
    assert_eq!(rows(lake.path()).iter().map(event_id).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}

#[test]
fn what_visitors_did_is_shown_elsewhere_than_on_loopback_only_if_that_is_said() {
    let lake = TempDir::new().unwrap();
    let open = Collector::at(worker(lake.path(), &[]), "0.0.0.0:0", "events are taken at http://");
    assert_eq!(open.ask("GET", "/i?e=pv&eid=a", "").0, 200);
    for path in ["/", "/lake/latest", "/lake/trace/clicks/1/0"] {
        assert_eq!(open.ask("GET", path, "").0, 404, "{path}");
    }
    drop(open);
    let shown = Collector::at(worker(lake.path(), &["--page"]), "0.0.0.0:0", "the page is at http://");
    assert_eq!(shown.json("/lake/latest")["events"].as_array().unwrap().len(), 1);
}

#[test]
fn a_page_that_was_not_looked_at_for_long_shows_the_last_commits() {
    let lake = TempDir::new().unwrap();
    let collector = Collector::start(lake.path());
    assert_eq!(collector.json("/lake/latest")["seq"], 0);
    for n in 0..60 {
        assert_eq!(collector.ask("GET", &format!("/i?e=pv&eid={n}"), "").0, 200);
    }
    let latest = collector.json("/lake/latest?after=0");
    let ids: Vec<_> =
        latest["events"].as_array().unwrap().iter().map(|event| event_id(&event["row"])).collect();
    assert_eq!(ids, (10..60).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(latest["seq"], 60);
}

#[test]
fn what_is_clicked_in_a_browser_is_shown_in_the_lake() {
    let Some((node, chromium)) = variables() else { return };
    let lake = TempDir::new().unwrap();
    let collector = Collector::start(lake.path());
    let seen = browse(&node, "browser.js", &[&chromium, format!("http://{}/", collector.address).as_ref()]);
    drop(collector);
    assert_eq!(seen["errors"], json!([]));
    assert_eq!(seen["numbers"].as_array().unwrap()[..3], [json!("21"), json!("21"), json!("21")]);
    let shown = seen["rows"].as_array().unwrap();
    let of = |protocol: &str| shown.iter().filter(|row| row["protocol"] == protocol).count();
    assert_eq!((shown.len(), of("Snowplow"), of("Segment")), (21, 16, 5));
    assert!(shown.iter().all(|row| row["mine"] == true), "{shown:?}");

    let rows = rows(lake.path());
    let kept: BTreeSet<String> = rows.iter().map(event_id).collect();
    let ids = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter().map(|row| row["eventId"].as_str().unwrap().to_owned()).collect()
    };
    let left = ids(seen["left"].as_array().unwrap());
    assert_eq!(left.len(), 1, "a page tells that it is left");
    assert!(kept.is_superset(&ids(shown)) && kept.is_superset(&left));
    let raw = seen["trace"]["raw"].as_str().unwrap();
    assert!(shown.iter().any(|row| {
        row["record"] == seen["trace"]["record"] && raw.contains(row["eventId"].as_str().unwrap())
    }));
    let booked: Vec<_> = rows.iter().filter(|row| row.get("unstruct_event").is_some()).collect();
    assert!(booked.iter().any(
        |row| row["unstruct_event"]["schema"] == "iglu:example.freight/transport_booked/jsonschema/1-0-0"
    ));
    assert!(booked.iter().any(|row| row["contexts"][0]["data"]["from"] == "Rotterdam"));
}

#[test]
fn trackers_for_browsers_deliver_from_a_page_of_another_origin() {
    let Some((node, chromium)) = variables() else { return };
    let lake = TempDir::new().unwrap();
    let origin = format!("http://localhost:{}", shop().port());
    let mut command = worker(lake.path(), &["--allow-origin", &origin]);
    command.env("SEGMENT_WRITE_KEY", "WK");
    let collector = Collector::run(command);
    let address = format!("http://{}", collector.address);
    let sent = browse(&node, "trackers.js", &[&chromium, address.as_ref(), origin.as_ref()]);
    drop(collector);
    assert_eq!(sent["errors"], json!([]));
    let paths = ["/com.snowplowanalytics.snowplow/tp2", "/v1/b", "/v1/i", "/v1/p", "/v1/t"];
    let posts = paths.map(|path| format!("POST {path} 200"));
    assert_eq!(sent["ways"], json!([&["GET /i 200".to_owned()][..], &posts].concat()));
    let rows = rows(lake.path());
    let kept: BTreeSet<String> = rows.iter().map(event_id).collect();
    let answered: BTreeSet<String> = serde_json::from_value(sent["ids"].clone()).unwrap();
    assert_eq!((answered.len(), kept), (12, answered));
    let bought = rows.iter().filter(|row| row["unstruct_event"]["data"]["sku"] == "~?>ü");
    assert_eq!(bought.count(), 2);
    let tracked: Vec<_> = rows.iter().filter(|row| row["event"] == "Bought").collect();
    assert_eq!(tracked.len(), 2);
    assert!(tracked.iter().all(|row| row["type"] == "track" && row["properties"]["amount"] == 3.5));
}

/// Gives everybody a page without a script, as long as the tests run.
fn shop() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = |mut visitor: TcpStream| {
        let asked = BufReader::new(&visitor).lines().map_while(Result::ok).any(|line| line.is_empty());
        let page = "<!doctype html><title>Räder</title><link rel=icon href=data:,><p>A shop";
        let (kind, length) = ("text/html; charset=utf-8", page.len());
        if asked {
            write!(
                visitor,
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}"
            )
            .ok();
        }
    };
    thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            // A browser opens lines that it asks nothing on.
            thread::spawn(move || answer(visitor));
        }
    });
    address
}

/// Runs a script with a browser, and gives what it writes.
fn browse(node: &Path, script: &str, arguments: &[&OsStr]) -> Value {
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clickstream").join(script))
        .args(arguments)
        .env("NODE_PATH", node.join("node_modules"))
        .env("NO_PROXY", "*")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Where playwright and Chromium are; or a line that says what is left out.
fn variables() -> Option<(PathBuf, OsString)> {
    let variable = |name: &str| {
        let value = std::env::var_os(name);
        if value.is_none() {
            let line = format!(
                "left out: the page in a browser, since {name} is not set; `cargo xtask test` sets it\n"
            );
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
        value
    };
    variable("DATALAKE_NODE").map(PathBuf::from).zip(variable("DATALAKE_CHROMIUM"))
}
