//! The worker from a table of PostgreSQL into a lake, as its own binary, against a server that the test starts.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use datalake_simulators::postgres::{Cluster, Database};
use serde_json::Value;
use tempfile::TempDir;

/// The horizon of transactions is that of the whole server: a transaction of one test would hold another back.
static ALONE: Mutex<()> = Mutex::new(());

const LEFT_OUT: &str = "the worker from PostgreSQL into a lake";

fn worker(lake: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warehouse_to_lake"));
    command.arg("--lake").arg(lake).args(arguments).env_remove("PGPASSWORD");
    command
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn drain(database: &Database<'_>, lake: &Path, mode: &str) {
    let url = database.url();
    text(&worker(lake, &["--url", &url, "--table", "orders", "--mode", mode]).output().unwrap());
}

/// What the lake has, by the ids of the rows, with how often each came.
fn rows(lake: &Path) -> BTreeMap<i64, usize> {
    let mut rows = BTreeMap::new();
    for line in text(&worker(lake, &["--dataset", "warehouse", "cat"]).output().unwrap()).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        *rows.entry(record["id"].as_i64().unwrap()).or_default() += 1;
    }
    rows
}

fn orders(rows: u32) -> Option<Database<'static>> {
    let database = Cluster::shared(LEFT_OUT)?.database();
    database.sql(&format!(
        "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2), note text,
                              at timestamptz NOT NULL DEFAULT clock_timestamp(),
                              written xid8 NOT NULL DEFAULT pg_current_xact_id());
         CREATE INDEX ON orders (at, id); CREATE INDEX ON orders (written, id);
         INSERT INTO orders SELECT n, n / 3.0, repeat('x', 100), '2024-01-01' FROM generate_series(1, {rows}) AS n"
    ));
    Some(database)
}

#[test]
fn a_table_is_in_the_lake_in_every_mode_and_then_what_is_new() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(database) = orders(2_000) else { return };
    for (last, (mode, grows)) in (2_000..).zip([("full", false), ("keyset:at,id", true), ("xid", true)]) {
        let lake = TempDir::new().unwrap();
        drain(&database, lake.path(), mode);
        assert_eq!(rows(lake.path()).len(), last, "{mode}");
        database.sql(&format!("INSERT INTO orders (id) VALUES ({})", last + 1));
        drain(&database, lake.path(), mode);
        let found = rows(lake.path());
        assert_eq!(found.len(), last + usize::from(grows), "{mode}");
        assert!(found.values().all(|times| *times == 1), "{mode}: {found:?}");
        assert!(text(&worker(lake.path(), &["verify"]).output().unwrap()).contains("whole"), "{mode}");
    }
}

#[test]
fn a_worker_that_is_killed_again_and_again_brings_every_row_once() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(database) = orders(60_000) else { return };
    let lake = TempDir::new().unwrap();
    let url = database.url();
    let started = Instant::now();
    for n in 0..8_u32 {
        let arguments = ["--url", &url, "--table", "orders", "--mode", "xid"];
        let mut worker = worker(lake.path(), &arguments);
        let mut child = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(u64::from(60 + 37 * n));
        while child.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().ok();
        child.wait().unwrap();
    }
    drain(&database, lake.path(), "xid");
    let found = rows(lake.path());
    assert_eq!(found.len(), 60_000);
    assert!(found.values().all(|times| *times == 1));
    assert!(started.elapsed() < Duration::from_secs(120));
}

#[test]
fn every_change_of_a_table_is_in_the_lake_and_the_worker_says_how_much_log_is_left() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(database) = orders(100) else { return };
    database.sql("ALTER TABLE orders RENAME TO \"Orders\"");
    let lake = TempDir::new().unwrap();
    let url = database.url();
    let slot = format!("{}_slot", database.name());
    let arguments = ["--url", &url, "--table", "\"Orders\"", "--mode", "cdc", "--slot", &slot];
    text(&worker(lake.path(), &arguments).output().unwrap());
    database.sql("UPDATE \"Orders\" SET note = 'paid' WHERE id = 7; DELETE FROM \"Orders\" WHERE id > 98");
    text(&worker(lake.path(), &arguments).output().unwrap());
    let changes = text(&worker(lake.path(), &["--dataset", "warehouse", "cat"]).output().unwrap());
    let mut found = BTreeMap::<String, usize>::new();
    for line in changes.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        *found.entry(record["op"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected = [("delete", 2), ("load", 1), ("read", 100), ("update", 1)];
    assert_eq!(found, expected.map(|(op, times)| (op.to_owned(), times)).into());
    assert!(text(&worker(lake.path(), &["verify"]).output().unwrap()).contains("whole"));

    let mut running = worker(lake.path(), &arguments);
    running.args(["run", "--health", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = running.spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let address =
        lines.find_map(|line| Some(line.ok()?.rsplit_once("health=")?.1.trim().to_owned())).unwrap();
    let drained = std::thread::spawn(move || lines.count());
    database.sql("INSERT INTO \"Orders\" (id) VALUES (1000)");
    let until = Instant::now() + Duration::from_secs(30);
    let left = loop {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let report: Value = serde_json::from_str(body).unwrap();
        if let Some(left) = report["pipelines"][0]["bytes_remaining"].as_u64() {
            break left;
        }
        assert!(Instant::now() < until, "nothing is said of the log that is left: {report}");
        std::thread::sleep(Duration::from_millis(20));
    };
    running.kill().unwrap();
    running.wait().unwrap();
    drained.join().unwrap();
    assert!(left < 1 << 20, "{left} bytes of log");
}
