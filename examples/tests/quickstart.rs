//! The quickstart, run twice.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::process::Command;

fn quickstart(root: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    let output = command.current_dir(root).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_quickstart_acquires_only_what_is_new() {
    let root = tempfile::TempDir::new().unwrap();
    let first = quickstart(root.path(), &[]);
    assert!(first.contains("shop-orders    500 new: 498 curated, 2 quarantined"), "{first}");
    assert!(first.contains("app-events     60 new: 59 curated, 1 quarantined"), "{first}");
    assert!(first.contains("stock-reports  360 new: 357 curated, 3 quarantined"), "{first}");
    assert!(first.contains("mask-email 1"), "{first}");
    assert!(!first.contains("problem"), "{first}");

    let second = quickstart(root.path(), &[]);
    assert!(second.contains("shop-orders    0 new"), "{second}");
    assert!(second.contains("app-events     60 new"), "{second}");
    assert!(second.contains("stock-reports  0 new"), "{second}");

    assert_eq!(quickstart(root.path(), &["verify"]).matches("whole").count(), 3);
    let orders = quickstart(root.path(), &["cat", "--dataset", "orders"]);
    assert_eq!(orders.lines().count(), 498);
    assert!(!orders.contains("mail.example") && !orders.contains("note"), "masked and dropped");
    let rows = quickstart(root.path(), &["--json", "ls", "--zone", "curated"]);
    assert_eq!(rows.lines().count(), 3);
}

#[test]
fn nothing_there_is_told_and_not_made() {
    let root = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    let output = command.current_dir(root.path()).arg("ls").output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(!root.path().join("lake").exists());
}
