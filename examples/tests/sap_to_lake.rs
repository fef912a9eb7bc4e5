//! The worker from a SAP system into a lake, as its own binary.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::path::Path;
use std::process::{Command, Output};

use datalake_simulators::sap::{Gateway, SALES_ORDERS, order, order_key};
use tempfile::TempDir;

fn worker(lake: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sap_to_lake"));
    command.arg("--lake").arg(lake).args(arguments).env_remove("SAP_USER").env_remove("SAP_PASSWORD");
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_order_leads_back_to_the_delta_that_told_of_it() {
    let lake = TempDir::new().unwrap();
    let shown = text(&run(worker(lake.path(), &[])).await);
    for line in [
        "The first load: 250 records",
        "the first delta: 4 records",
        "the second delta: 1 record\n",
        "Nothing was done: 0 records",
        "\"_op\":\"delete\"",
        "document delta 2, !deltatoken='D20",
        ", page 1",
        "acquired    20",
    ] {
        assert!(shown.contains(line), "{line:?} in\n{shown}");
    }
    assert!(shown.contains("\"SalesOrder\":\"0000000042\""), "the raw bytes of the order: {shown}");
    // Another system, which does not know the token: everything again.
    let again = text(&run(worker(lake.path(), &[])).await);
    assert!(again.contains("The first load: 250 records"), "{again}");
    assert!(text(&run(worker(lake.path(), &["verify"])).await).contains("whole"));
    let unnamed = run(worker(lake.path(), &["drain"])).await;
    let told = String::from_utf8_lossy(&unnamed.stderr).into_owned();
    assert!(!unnamed.status.success() && told.contains("--url"), "no pretend orders by accident: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_is_read_by_url_in_every_mode_and_either_version() {
    let gateway = Gateway::builder().user("READER", "s3cr3t-0123").start().await.unwrap();
    (0..5).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    for (root, mode) in
        [(gateway.v2(), "full"), (gateway.v4(), "keyset:LastChangeDateTime"), (gateway.v4(), "delta")]
    {
        let lake = TempDir::new().unwrap();
        let worker = || {
            let arguments = ["--url", &root, "--entity", SALES_ORDERS, "--mode", mode];
            let mut worker = worker(lake.path(), &arguments);
            worker.env("SAP_USER", "READER").env("SAP_PASSWORD", "s3cr3t-0123");
            worker
        };
        text(&run(worker()).await);
        gateway.system().create(SALES_ORDERS, order(5));
        text(&run(worker()).await);
        let mut cat = worker();
        cat.arg("cat");
        let rows = text(&run(cat).await);
        let expected = if mode == "full" { 5 } else { 6 };
        assert_eq!(rows.lines().count(), expected, "{mode}: {rows}");
        assert!(rows.lines().all(|row| row.contains("\"_op\":\"upsert\"")));
        gateway.system().delete(SALES_ORDERS, order_key(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it_and_asked_for_once() {
    let gateway = Gateway::builder().user("READER", "s3cr3t-0123").lock_after(2).start().await.unwrap();
    let lake = TempDir::new().unwrap();
    let root = gateway.v2();
    let mut wrong = worker(lake.path(), &["--url", &root, "--entity", SALES_ORDERS]);
    wrong.env("SAP_USER", "READER").env("SAP_PASSWORD", "wr0ng-0123");
    let output = run(wrong).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("unauthenticated"), "{said}");
    assert!(!said.contains("wr0ng"), "{said}");
    assert!(!gateway.locked("READER"));
}
