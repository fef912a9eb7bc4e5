//! `reports_to_lake`, run as it is: a folder of reports of several kinds, one of them broken.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs the worker and gives what it tells, a line each.
fn run(at: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_reports_to_lake"))
        .current_dir(at)
        .env_remove("RUST_LOG")
        .args(["--json", "--input", "reports", "--lake", "lake"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("March").unwrap();
    for (row, (name, total)) in [("rail", 12.5), ("sea", 7.0)].into_iter().enumerate() {
        sheet.write_string(row as u32 + 1, 0, name).unwrap();
        sheet.write_number(row as u32 + 1, 1, total).unwrap();
    }
    sheet.write_row(0, 0, ["name", "total"]).unwrap();
    book.save_to_buffer().unwrap()
}

/// The records of a dataset, without their stamps.
fn records(at: &Path, dataset: &str, zone: &str) -> Vec<Value> {
    let mut lines = run(at, &["--dataset", dataset, "cat", "--zone", zone]);
    lines.iter_mut().for_each(|line| {
        line.as_object_mut().unwrap().remove("_lake");
    });
    lines
}

#[test]
fn reports_of_several_kinds_are_in_the_lake_once_and_a_broken_one_is_in_quarantine() {
    let root = TempDir::new().unwrap();
    let at = root.path();
    fs::create_dir_all(at.join("reports/Sales")).unwrap();
    fs::write(at.join("reports/costs.csv"), "name;cost\nrail;3\nsea;4\n").unwrap();
    let whole = workbook();
    fs::write(at.join("reports/Sales/march.xlsx"), &whole).unwrap();
    fs::write(at.join("reports/Sales/april.xlsx"), &whole[..whole.len() / 2]).unwrap();

    let counts = |told: &[Value], name: &str| {
        let counts: u64 = told.iter().map(|report| report["counts"][name].as_u64().unwrap()).sum();
        counts
    };
    let told = run(at, &[]);
    assert_eq!((counts(&told, "written"), counts(&told, "quarantined")), (4, 1), "{told:?}");
    assert_eq!(
        records(at, "reports", "curated"),
        [json!({ "name": "rail", "cost": "3" }), json!({ "name": "sea", "cost": "4" })]
    );
    assert_eq!(
        records(at, "reports/sales", "curated"),
        [
            json!({ "name": "rail", "total": 12.5, "_sheet": "March", "_row": 2 }),
            json!({ "name": "sea", "total": 7, "_sheet": "March", "_row": 3 })
        ]
    );
    let refused = records(at, "reports/sales", "quarantine");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["locator"].as_str().unwrap().ends_with("april.xlsx"), "{}", refused[0]);
    assert_eq!(refused[0]["error"]["reason"], "workbook", "{}", refused[0]);

    let told = run(at, &[]);
    assert_eq!((counts(&told, "read"), counts(&told, "quarantined")), (0, 0), "{told:?}");
    fs::write(at.join("reports/Sales/april.xlsx"), &whole).unwrap();
    assert_eq!(counts(&run(at, &[]), "written"), 2);
    run(at, &["verify"]);
}
