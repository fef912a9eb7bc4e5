//! The worker from a CRM system into a lake, as its own binary.

#![allow(clippy::unwrap_used, reason = "a failure to prepare a test is a failed test")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use datalake_simulators::hubspot::{self, HubSpot, TOKEN};
use datalake_simulators::salesforce::{self, CLIENT_ID, CLIENT_SECRET, Salesforce};
use serde_json::json;
use tempfile::TempDir;

fn worker(lake: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm_to_lake"));
    let own = std::env::vars_os().map(|(name, _)| name);
    let known = ["SALESFORCE_", "HUBSPOT_", "DYNAMICS_", "RUST_LOG"];
    for name in own.filter(|name| known.iter().any(|known| name.to_string_lossy().starts_with(known))) {
        command.env_remove(name);
    }
    command.arg("--lake").arg(lake).args(arguments);
    command
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_deleted_record_of_every_system_leads_back_to_the_page_that_told_of_it() {
    // Salesforce tells of it twice: as a record in the recycle bin, and in its list of deletes.
    for (system, deleted, raw) in [
        ("salesforce", "2 records", "\"IsDeleted\":true"),
        ("hubspot", "1 record", "\"archivedAt\":\"20"),
        ("dynamics", "1 record", "\"reason\":\"deleted\""),
    ] {
        let lake = TempDir::new().unwrap();
        let shown = text(&worker(lake.path(), &["--system", system]).output().unwrap());
        for line in [
            "The first load: 250 records",
            "one changed: 3 records",
            &format!("was deleted: {deleted}\n"),
            "Nothing was done: 0 records",
            "\"_op\":\"delete\"",
            "acquired    20",
            raw,
        ] {
            assert!(shown.contains(line), "{system}: {line:?} in\n{shown}");
        }
        let again = text(&worker(lake.path(), &["--system", system]).output().unwrap());
        assert!(again.contains("The first load: 250 records"), "{system}: {again}");
        assert!(text(&worker(lake.path(), &["verify"]).output().unwrap()).contains("whole"));
    }
}

#[test]
fn a_salesforce_is_read_by_its_url_and_only_what_is_new_the_second_time() {
    let account = salesforce::Object::new("Account").field(salesforce::Field::text("Name"));
    let org = Salesforce::builder().object(account).start().unwrap();
    org.advance(Duration::ZERO);
    (0..5).for_each(|n| drop(org.create("Account", json!({ "Name": format!("Customer {n}") }))));
    let lake = TempDir::new().unwrap();
    let url = org.url();
    let run = || {
        org.advance(Duration::from_secs(60));
        let mut worker = worker(
            lake.path(),
            &["--json", "--system", "salesforce", "--url", &url, "--object", "Account", "--fields", "Name"],
        );
        worker.env("SALESFORCE_CLIENT_ID", CLIENT_ID).env("SALESFORCE_CLIENT_SECRET", CLIENT_SECRET);
        let told: serde_json::Value = serde_json::from_str(&text(&worker.output().unwrap())).unwrap();
        told["counts"]["written"].as_u64().unwrap()
    };
    assert_eq!(run(), 5);
    org.create("Account", json!({ "Name": "New" }));
    assert_eq!(run(), 1);
    let shown = text(&worker(lake.path(), &["--dataset", "crm/account", "cat"]).output().unwrap());
    assert_eq!(shown.lines().count(), 6, "{shown}");
    assert!(!shown.contains("attributes") && shown.contains("\"Name\":\"New\""), "{shown}");
}

#[test]
fn what_is_missing_to_log_in_is_named() {
    let lake = TempDir::new().unwrap();
    for (system, missing) in [
        ("salesforce", "SALESFORCE_CLIENT_ID"),
        ("hubspot", "HUBSPOT_TOKEN"),
        ("dynamics", "DYNAMICS_TENANT"),
    ] {
        let arguments = ["--system", system, "--url", "http://127.0.0.1:9", "--object", "x"];
        let output = worker(lake.path(), &arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(missing), "{system}: {told}");
    }
    for command in ["drain", "run", "rebuild", "describe"] {
        let output = worker(lake.path(), &[command]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains("--url"), "{command}: {told}");
    }
}

#[test]
fn links_of_hubspot_come_on_request() {
    let object = |name: &str| hubspot::Object::new(name).property("name", hubspot::Kind::Text);
    let portal = HubSpot::builder().object(object("contacts")).object(object("companies")).start().unwrap();
    portal.advance(Duration::ZERO);
    let contact = portal.create("contacts", json!({ "name": "A" }));
    let company = portal.create("companies", json!({ "name": "B" }));
    portal.associate(("contacts", contact), ("companies", company));
    portal.advance(Duration::from_secs(60));
    let lake = TempDir::new().unwrap();
    let (url, object) = (portal.url(), ["--object", "contacts", "--associations", "companies"]);
    let mut worker = worker(lake.path(), &[&["--system", "hubspot", "--url", &url], &object[..]].concat());
    text(&worker.env("HUBSPOT_TOKEN", TOKEN).output().unwrap());
    let shown = text(&self::worker(lake.path(), &["--dataset", "crm/contacts", "cat"]).output().unwrap());
    assert!(
        shown.contains("\"_op\":\"link\"") && shown.contains(&format!("\"toObjectId\":{company}")),
        "{shown}"
    );
}
