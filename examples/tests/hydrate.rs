//! `hydrate`, run as it is: what goes in comes out byte for byte, and the books balance.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with an input and a lake.
struct Place {
    root: TempDir,
    input: PathBuf,
}

impl Place {
    fn new(name: &str, content: &[u8]) -> Self {
        let root = TempDir::new().unwrap();
        let input = root.path().join(name);
        std::fs::write(&input, content).unwrap();
        Self { root, input }
    }

    fn hydrate(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrate"));
        command.current_dir(self.root.path()).env_remove("RUST_LOG");
        command.args(["--lake", "lake", "--dataset", "d"]).args(arguments).output().unwrap()
    }

    fn drain(&self, more: &[&str]) -> Value {
        let input = self.input.to_str().unwrap();
        let output = self.hydrate(&[&["--input", input], more, &["--json", "drain"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn cat(&self, zone: &str) -> Vec<u8> {
        let output = self.hydrate(&["cat", "--zone", zone]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn lines(&self, zone: &str) -> Vec<Value> {
        let content = self.cat(zone);
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn lake(&self) -> PathBuf {
        self.root.path().join("lake")
    }
}

/// Hydrates the content, and checks that it comes back and that the lake is whole. Gives the counts.
#[track_caller]
fn comes_back(name: &str, content: &[u8], more: &[&str]) -> (Place, Value) {
    let place = Place::new(name, content);
    let counts = place.drain(more)["counts"].clone();
    assert!(place.cat("raw") == content, "{name}: the raw zone is not the input");
    let verified = place.hydrate(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let n = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(n("read") + n("expanded"), n("written") + n("filtered") + n("quarantined") + n("merged"));
    let again = place.drain(more);
    assert_eq!(again["counts"]["read"], 0, "a second run reads nothing again");
    (place, counts)
}

#[test]
fn line_ends_of_windows_come_back() {
    let (_, counts) = comes_back("a.ndjson", b"{\"a\":1}\r\n{\"a\":2}\r\n", &[]);
    assert_eq!((counts["written"].as_u64(), counts["quarantined"].as_u64()), (Some(2), Some(0)));
}

#[test]
fn blank_lines_come_back_and_are_no_records() {
    let (_, counts) = comes_back("a.ndjson", b"\n\n{\"a\":1}\n \n\r\n{\"a\":2}\n\n", &[]);
    assert_eq!(counts["written"], 2);
}

#[test]
fn a_last_line_without_a_newline_is_a_record() {
    let (_, counts) = comes_back("a.ndjson", b"{\"a\":1}\n{\"a\":2}", &[]);
    assert_eq!(counts["written"], 2);
}

#[test]
fn a_long_line_is_one_record() {
    let mut content = b"{\"a\":1}\n{\"a\":\"".to_vec();
    content.resize(5 << 20, b'x');
    content.extend_from_slice(b"\"}\n{\"a\":3}\n");
    let (_, counts) = comes_back("a.ndjson", &content, &[]);
    assert_eq!(counts["written"], 3);
}

#[test]
fn a_byte_order_mark_comes_back() {
    let (_, counts) = comes_back("a.ndjson", b"\xef\xbb\xbf{\"a\":1}\n{\"a\":2}\n", &[]);
    assert_eq!(counts["written"], 2);
}

#[test]
fn nothing_comes_back_as_nothing() {
    let place = Place::new("a.ndjson", b"");
    let report = place.drain(&[]);
    assert_eq!(report["counts"]["read"], 0);
    assert_eq!(place.cat("raw"), b"");
    assert_eq!(place.hydrate(&["cat", "--dataset", "other"]).status.code(), Some(5));
}

#[test]
fn what_does_not_parse_is_in_quarantine_with_its_place_and_reason() {
    let bad: [&[u8]; 5] = [b"{\"a\":", b"{\"a\":\"\xff\xfe\"}", b"\0\0\0", b"nope", b"{\"a\":1} {\"a\":2}"];
    let mut content = Vec::new();
    let mut places = Vec::new();
    for (n, line) in bad.iter().enumerate() {
        content.extend_from_slice(format!("{{\"good\":{n}}}\n").as_bytes());
        places.push((content.len() as u64, line.len() as u64));
        content.extend_from_slice(line);
        content.push(b'\n');
    }
    let (place, counts) = comes_back("a.ndjson", &content, &[]);
    assert_eq!((counts["written"].as_u64(), counts["quarantined"].as_u64()), (Some(5), Some(5)));
    let refused = place.lines("quarantine");
    let found: Vec<_> = refused
        .iter()
        .map(|line| (line["offset"].as_u64().unwrap(), line["length"].as_u64().unwrap()))
        .collect();
    assert_eq!(found, places);
    assert!(refused.iter().all(|line| line["error"]["reason"].is_string()));
    let curated: Vec<_> = place.lines("curated").iter().map(|line| line["good"].as_u64().unwrap()).collect();
    assert_eq!(curated, [0, 1, 2, 3, 4]);
}

#[test]
fn every_format_and_codec_comes_back() {
    let csv = b"id,name\r\n1,\"a \"\"b\"\", c\"\r\n2,\"two\nlines\"\n3,x,y,z\n4,last";
    let (_, counts) = comes_back("a.csv", csv, &["--raw-compression", "none"]);
    assert_eq!(counts["read"], 4);
    let array = b" [ {\"a\":1} , {\"a\":2},\n{\"a\":3} ] ";
    let (_, counts) = comes_back("a.json", array, &["--raw-compression", "gzip:1"]);
    assert_eq!(counts["written"], 3);
    let (_, counts) = comes_back("a.xml", b"<a>\r\n</a>\0\xff", &["--compression", "none"]);
    assert_eq!(counts["written"], 1);
    let (_, counts) = comes_back("a.bin", b"one\ntwo\r\n\nthree", &["--format", "lines"]);
    assert_eq!(counts["written"], 4);
}

#[test]
fn a_report_of_another_dialect_is_read_and_made_again_the_same() {
    let text = "\u{feff}Report\r\n\r\nid;Größe\r\n1;NULL\r\n2;\"ä\r\nö\";3\r\nTotal;2\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let told = ["--header-with", "id", "--null", "NULL", "--footer", "Total", "--keep-ragged"];
    let (place, counts) = comes_back("a.csv", &bytes, &told);
    assert_eq!(counts["written"], 2);
    let rows = || -> Vec<Value> {
        let mut rows = place.lines("curated");
        rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("_lake")));
        rows
    };
    let expected = [
        serde_json::json!({"id": "1", "Größe": null}),
        serde_json::json!({"id": "2", "Größe": "ä\r\nö", "_extra": ["3"]}),
    ];
    assert_eq!(rows(), expected);
    std::fs::remove_file(&place.input).unwrap();
    // Nothing is said of the dialect: it is beside the document.
    let output = place.hydrate(&["--input", "a.csv", "rebuild"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rows(), expected);
    let refused = place.hydrate(&["--input", "a.csv", "--format", "lines", "--null", "x", "drain"]);
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
}

#[test]
fn an_access_log_is_read_and_what_is_none_of_it_is_kept_and_replayed() {
    let log = concat!(
        "192.0.2.1 - - [26/Nov/2026:18:04:07 +0100] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl\"\n",
        "the server is going down\n",
        "192.0.2.2 - - [26/Nov/2026:18:04:08 +0100] \"\\x16\\x03\" 400 0 \"-\" \"-\"\n",
    );
    let (place, counts) = comes_back("access.log", log.as_bytes(), &["--format", "access-combined"]);
    assert_eq!((counts["written"].as_u64(), counts["quarantined"].as_u64()), (Some(2), Some(1)));
    let lines = place.lines("curated");
    assert_eq!((&lines[0]["status"], &lines[0]["time"]), (&200.into(), &"2026-11-26T18:04:07+01:00".into()));
    assert_eq!(lines[1]["parse_error"], "the request is none");
    assert_eq!(place.lines("quarantine")[0]["error"]["reason"], "access-log");
    for command in ["replay", "rebuild"] {
        let output = place.hydrate(&["--input", "access.log", "--format", "access-combined", command]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!((place.lines("curated").len(), place.lines("quarantine").len()), (2, 1), "{command}");
    }
    assert!(place.hydrate(&["verify"]).status.success());
}

#[test]
fn a_large_file_comes_back_in_order() {
    let line = |n: u32| format!("{{\"n\":{n},\"text\":\"{}\"}}\n", "x".repeat((n % 300) as usize));
    let content: String = (0..200_000).map(line).collect();
    let (place, counts) = comes_back("a.ndjson", content.as_bytes(), &[]);
    assert_eq!(counts["written"], 200_000);
    assert!(place.cat("curated").split(|byte| *byte == b'\n').count() > 200_000);
}

#[test]
fn a_record_is_traced_to_its_bytes() {
    let (place, _) = comes_back("a.ndjson", b"{\"a\":1}\n{ \"a\" : 2.50 }\n", &[]);
    let stamp = &place.lines("curated")[1]["_lake"];
    let record = format!("{}/{}", stamp["b"].as_str().unwrap(), stamp["i"]);
    let output = place.hydrate(&["--json", "trace", &record]);
    let trace: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((trace["raw"].as_str(), trace["offset"].as_u64()), (Some("{ \"a\" : 2.50 }"), Some(8)));
    let shown = String::from_utf8(place.hydrate(&["trace", &record]).stdout).unwrap();
    assert!(shown.contains("{ \"a\" : 2.50 }") && shown.contains("bytes 8 to 22"), "{shown}");
}

#[test]
fn replay_takes_from_quarantine_what_passes_now() {
    let content = b"{\"n\":1,\"at\":\"2026-11-22T10:00:00Z\"}\n{\"n\":2,\"at\":\"soon\"}\nbroken\n";
    let (place, counts) = comes_back("a.ndjson", content, &["--partition", "day:/at"]);
    assert_eq!((counts["written"].as_u64(), counts["quarantined"].as_u64()), (Some(1), Some(2)));
    let replay = || {
        let output = place.hydrate(&["--input", "a.ndjson", "--json", "replay"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        ["read", "written", "quarantined"].map(|name| report["counts"][name].as_u64().unwrap())
    };
    assert_eq!(replay(), [2, 1, 1]);
    let numbers: Vec<_> = place.lines("curated").iter().map(|line| line["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);
    let left = place.lines("quarantine");
    assert_eq!((left.len(), left[0]["error"]["reason"].as_str()), (1, Some("json")));
    let traced = place.hydrate(&["--json", "trace", "d/1/1"]);
    let trace: Value = serde_json::from_slice(&traced.stdout).unwrap();
    assert_eq!(trace["raw"].as_str(), Some("{\"n\":2,\"at\":\"soon\"}"));
    assert_eq!(replay(), [1, 0, 1], "what is still broken stays");
    assert!(place.hydrate(&["verify"]).status.success());
    assert_eq!(place.cat("raw"), content);
}

#[test]
fn rebuild_makes_the_curated_zone_again_with_the_settings_of_today() {
    let content = b"{\"n\":1,\"kind\":\"a\"}\n{\"n\":2,\"kind\":\"b\"}\nbroken\n";
    let (place, _) = comes_back("a.ndjson", content, &[]);
    std::fs::remove_file(&place.input).unwrap();
    let arguments = ["--input", "a.ndjson", "--partition", "kind:/kind", "--json", "rebuild"];
    let output = place.hydrate(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["commits"].as_u64(), report["counts"]["written"].as_u64()), (Some(1), Some(2)));
    let listed = place.hydrate(&["ls", "--zone", "curated", "--objects"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("kind=a") && listed.contains("kind=b") && !listed.contains("acquired="),
        "{listed}"
    );
    let numbers: Vec<_> = place.lines("curated").iter().map(|line| line["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(place.lines("quarantine").len(), 1);
    assert!(place.hydrate(&["verify"]).status.success());
    assert!(place.hydrate(&["clean", "--older-than", "0s"]).status.success());
    assert!(place.hydrate(&["verify"]).status.success());
    assert_eq!(place.cat("raw"), content);
}

#[test]
fn the_code_says_what_went_wrong() {
    let place = Place::new("a.ndjson", b"{\"a\":1}\n");
    let code = |arguments: &[&str]| place.hydrate(arguments).status.code().unwrap();
    assert_eq!(code(&["ls"]), 5, "there is no lake yet");
    assert_eq!(code(&["nonsense"]), 2);
    assert_eq!(code(&["drain"]), 3, "there is no input");
    place.drain(&[]);
    assert_eq!(code(&["trace", "d/9/9"]), 5);
    assert_eq!(code(&["--log", "=x=", "ls"]), 3);
    assert_eq!(code(&["verify"]), 0);
    let object = find(&place.lake().join("curated"));
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    assert_eq!(code(&["verify"]), 1);
    assert_eq!(code(&["cat"]), 6);
}

fn find(directory: &Path) -> PathBuf {
    let entry = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    if entry.is_dir() { find(&entry) } else { entry }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let content = "{\"a\":1}\n".repeat(100_000);
    let place = Place::new("a.ndjson", content.as_bytes());
    place.drain(&[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_hydrate"))
        .current_dir(place.root.path())
        .args(["--lake", "lake", "--dataset", "d", "cat"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[cfg(unix)]
#[test]
fn run_commits_what_it_has_and_ends_when_asked() {
    use std::io::{BufRead, BufReader, Write};
    let place = Place::new("a.ndjson", b"{\"a\":1}\n{\"a\":2}\n{\"a\":");
    let mut child = Command::new(env!("CARGO_BIN_EXE_hydrate"))
        .current_dir(place.root.path())
        .args(["--lake", "lake", "--dataset", "d", "--input", "a.ndjson", "--follow"])
        .args(["--log", "datalake_core=debug", "--log-format", "json", "run"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut logs = BufReader::new(child.stderr.take().unwrap()).lines();
    let commit = logs.find(|line| line.as_ref().unwrap().contains("\"committed\""));
    assert!(commit.is_some());
    let mut file = std::fs::OpenOptions::new().append(true).open(&place.input).unwrap();
    file.write_all(b"3}\n").unwrap();
    let terminated = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(terminated.success());
    let rest = std::thread::spawn(move || logs.count());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    rest.join().unwrap();
    place.drain(&["--follow"]);
    let all: Vec<_> = place.lines("curated").iter().map(|line| line["a"].as_u64().unwrap()).collect();
    assert_eq!(all, [1, 2, 3]);
}
