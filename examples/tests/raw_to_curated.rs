//! `raw_to_curated`, run as it is: a second lake out of the first, only what is new, and back to the raw bytes.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn run(program: &str, at: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program)
        .current_dir(at)
        .env_remove("RUST_LOG")
        .arg("--json")
        .args(["--lake", "lake", "--dataset", "orders"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output
}

fn hydrate(at: &Path) {
    run(env!("CARGO_BIN_EXE_hydrate"), at, &["--input", "orders.ndjson"]);
}

fn curate(at: &Path, arguments: &[&str]) -> Vec<Value> {
    let all = [&["--to", "marts", "--into", "marts/orders"], arguments].concat();
    let output = run(env!("CARGO_BIN_EXE_raw_to_curated"), at, &all);
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn a_second_lake_takes_what_is_new_in_the_first_and_leads_back_to_it() {
    for zone in ["raw", "curated"] {
        let root = TempDir::new().unwrap();
        let at = root.path();
        std::fs::write(at.join("orders.ndjson"), "{\"id\":1,\"mail\":\"a@b.example\"}\n{\"id\":2}\nnone\n")
            .unwrap();
        hydrate(at);
        let told = curate(at, &["--zone", zone, "--mask", "/mail"]);
        let refused = u64::from(zone == "raw");
        assert_eq!(
            (&told[0]["counts"]["written"], &told[0]["counts"]["quarantined"]),
            (&2.into(), &refused.into())
        );

        let mut more = std::fs::OpenOptions::new().append(true).open(at.join("orders.ndjson")).unwrap();
        more.write_all(b"{\"id\":3}\n").unwrap();
        hydrate(at);
        let told = curate(at, &["--zone", zone, "--mask", "/mail"]);
        assert_eq!(told[0]["counts"]["read"], 1, "{zone}: only what is new");

        let lines = curate(at, &["--zone", zone, "cat"]);
        assert_eq!(lines.iter().map(|line| line["id"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(!lines[0].to_string().contains("a@b.example"), "{zone}: {}", lines[0]);
        let stamp = &lines[0]["_lake"];
        let record = format!("{}/{}", stamp["b"].as_str().unwrap(), stamp["i"]);
        let trace = &curate(at, &["--zone", zone, "upstream", &record])[0];
        assert!(trace.to_string().contains("a@b.example"), "{zone}: {trace}");
        assert!(trace["locator"].as_str().unwrap().ends_with("orders.ndjson"), "{zone}: {trace}");
        curate(at, &["verify"]);
    }
}
