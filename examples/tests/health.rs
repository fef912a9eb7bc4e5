//! A worker in a container, run as it is: it answers for its health, drains within its grace, and ends at once when it
//! is asked twice.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with an input and a lake.
struct Place {
    root: TempDir,
}

impl Place {
    fn new(records: impl IntoIterator<Item = String>) -> Self {
        let place = Self { root: TempDir::new().unwrap() };
        let mut input = std::io::BufWriter::new(File::create(place.input()).unwrap());
        for record in records {
            writeln!(input, "{record}").unwrap();
        }
        input.flush().unwrap();
        place
    }

    fn input(&self) -> PathBuf {
        self.root.path().join("in.ndjson")
    }

    fn hydrate(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrate"));
        command.current_dir(self.root.path()).env_remove("RUST_LOG");
        command.args(["--lake", "lake", "--dataset", "d", "--json"]).args(arguments);
        command
    }

    fn run(&self, options: &[&str], run: &[&str]) -> Worker {
        let mut command = self.hydrate(&["--input", "in.ndjson"]);
        command.args(options).args(["run", "--health", "127.0.0.1:0"]).args(run);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let health = log_line(&mut log, "health=").rsplit("health=").next().unwrap().trim().to_owned();
        Worker { child, log, health }
    }

    /// Drains what is left, and checks that every record is there once.
    fn holds_every_record_once(&self, records: usize) {
        let drained = self.hydrate(&["--input", "in.ndjson", "drain"]).output().unwrap();
        assert!(drained.status.success(), "{drained:?}");
        let verified = self.hydrate(&["verify"]).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
        let lines = self.hydrate(&["cat"]).output().unwrap().stdout;
        let mut numbers: Vec<u64> = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Value>(line).unwrap()["n"].as_u64().unwrap())
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..records as u64), "every record is there once");
    }
}

/// Reads the log up to a line that holds a text.
fn log_line(log: &mut BufReader<ChildStderr>, text: &str) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "the log ends without {text:?}: {all}");
        if line.contains(text) {
            return line;
        }
        all += &line;
    }
}

/// A worker that runs.
struct Worker {
    child: Child,
    log: BufReader<ChildStderr>,
    health: String,
}

impl Worker {
    fn ask(&self, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.health.parse::<SocketAddr>().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: worker\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// Asks whether it is ready until the answer is as wanted.
    fn until(&self, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (code, report) = self.ask("/readyz");
            if wanted(code, &report) {
                return report;
            }
            assert!(begun.elapsed() < PATIENCE, "{code} {report}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn command(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrate"));
        command.args(["--json", "health", &self.health]).args(more).output().unwrap()
    }

    fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for its end, and gives what it wrote to standard output.
    fn end(mut self) -> (ExitStatus, String) {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap(), out)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn small(records: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    records.map(|n| format!("{{\"n\":{n}}}"))
}

/// Records that take their time to be compressed well.
fn large(records: u64) -> impl Iterator<Item = String> {
    let mut state = 88_172_645_463_325_252_u64;
    (0..records).map(move |n| {
        let mut text = String::new();
        for _ in 0..60 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text += &format!("{:x}", state % 97);
        }
        format!("{{\"n\":{n},\"text\":\"{text}\"}}")
    })
}

/// Options with which what is read takes long to be committed.
const SLOW: [&str; 4] = ["--raw-compression", "zstd:22", "--compression", "zstd:22"];
const MANY: u64 = 80_000;

#[test]
fn a_worker_answers_for_its_health_and_drains_when_it_is_told_to_stop() {
    let place = Place::new(small(0..10));
    let worker = place.run(&["--commit-within", "50ms"], &[]);
    assert_eq!(worker.ask("/livez"), (200, serde_json::json!({ "status": "live" })));
    let report = worker.until(|_, report| report["pipelines"][0]["counts"]["written"] == 10);
    assert_eq!(
        (report["status"].as_str(), report["pipelines"][0]["pipeline"].as_str()),
        (Some("ready"), Some("d"))
    );
    assert_eq!(report["pipelines"][0]["status"], "running");
    assert_eq!(worker.ask("/other").0, 404);
    let asked = worker.command(&[]);
    assert!(asked.status.success(), "{asked:?}");
    assert_eq!(serde_json::from_slice::<Value>(&asked.stdout).unwrap()["status"], "ready");

    let mut input = OpenOptions::new().append(true).open(place.input()).unwrap();
    small(10..20).for_each(|record| writeln!(input, "{record}").unwrap());
    worker.until(|_, report| report["pipelines"][0]["counts"]["written"] == 20);
    worker.terminate();
    let health = worker.health.clone();
    let (status, out) = worker.end();
    assert!(status.success(), "{status}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["why"], "shutdown");
    place.holds_every_record_once(20);

    let asked = place.hydrate(&["health", &health]).output().unwrap();
    assert_eq!(asked.status.code(), Some(1), "nobody is there to answer: {asked:?}");
}

#[test]
fn what_is_not_committed_within_the_grace_is_left_for_the_next_run() {
    let place = Place::new(large(MANY));
    let mut worker = place.run(&SLOW, &["--grace", "300ms"]);
    worker.until(|_, report| report["pipelines"][0]["bytes_read"].as_u64() > Some(4 << 20));
    worker.terminate();
    let told = Instant::now();
    log_line(&mut worker.log, "asked to stop");
    let report = worker.until(|code, _| code == 503);
    assert_eq!(report["status"], "stopping");
    assert_eq!(worker.ask("/livez").0, 200, "a worker that drains is not to be restarted");
    let (status, out) = worker.end();
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    assert!(status.success(), "{status}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["why"], "grace", "{report}");
    place.holds_every_record_once(MANY as usize);
}

#[test]
fn a_second_signal_ends_a_worker_at_once() {
    let place = Place::new(large(MANY));
    let mut worker = place.run(&SLOW, &[]);
    worker.until(|_, report| report["pipelines"][0]["bytes_read"].as_u64() > Some(4 << 20));
    worker.terminate();
    log_line(&mut worker.log, "asked to stop");
    let told = Instant::now();
    worker.terminate();
    let (status, _) = worker.end();
    assert_eq!(status.code(), Some(130));
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    place.holds_every_record_once(MANY as usize);
}

#[test]
fn a_worker_whose_only_pipeline_fails_ends_with_its_code() {
    let place = Place::new([]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let mut command = place.hydrate(&["--input", &url, "run", "--health", "127.0.0.1:0"]);
    let output = command.output().unwrap();
    answering.join().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn an_address_that_is_taken_is_told_in_one_line_and_nothing_starts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new(small(0..1));
    let output = place.hydrate(&["--input", "in.ndjson", "run", "--health", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("health endpoint cannot be used"), "{output:?}");
}

/// A container asks so in whatever folder it has, and the lake may be elsewhere.
#[test]
fn every_ready_worker_answers_for_another_without_a_lake() {
    let workers = [
        env!("CARGO_BIN_EXE_hydrate"),
        env!("CARGO_BIN_EXE_webhooks"),
        #[cfg(feature = "clickstream")]
        env!("CARGO_BIN_EXE_clickstream_collector"),
        #[cfg(feature = "crm")]
        env!("CARGO_BIN_EXE_crm_to_lake"),
        #[cfg(feature = "iot")]
        env!("CARGO_BIN_EXE_mqtt_to_lake"),
        #[cfg(all(feature = "kinesis", feature = "s3"))]
        env!("CARGO_BIN_EXE_kinesis_to_s3"),
        #[cfg(feature = "kinesis")]
        env!("CARGO_BIN_EXE_web_to_kinesis"),
        #[cfg(feature = "reports")]
        env!("CARGO_BIN_EXE_reports_to_lake"),
        #[cfg(feature = "sap")]
        env!("CARGO_BIN_EXE_sap_to_lake"),
        #[cfg(feature = "warehouse")]
        env!("CARGO_BIN_EXE_warehouse_to_lake"),
    ];
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for worker in workers {
        let folder = TempDir::new().unwrap();
        let output = Command::new(worker)
            .args(["health", &nobody.to_string(), "--live"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(1 | 4)), "{worker}: {} {told}", output.status);
        assert!(told.contains(&nobody.to_string()) && !told.contains("lake"), "{worker}: {told}");
    }
}
