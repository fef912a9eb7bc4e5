//! What real clients make of the simulated org.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::account;
use crate::rest::Rule;
use crate::rest::tests::{run, variable};
use crate::salesforce::{CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, Salesforce, USER};

const PYTHON: &str = "DATALAKE_PYTHON_AWS";
const NODE: &str = "DATALAKE_NODE";

/// Records that are there, and records in the recycle bin.
const LIVE: usize = 2475;
const DELETED: usize = 25;

fn name(n: usize) -> String {
    match n % 5 {
        0 => format!("it's {n}, \"quoted\""),
        1 => format!("zwei\nZeilen {n}"),
        _ => format!("ä{n}"),
    }
}

/// An org with records in ties of 500, of which some are deleted, by the machine's clock.
fn org() -> Salesforce {
    let org = Salesforce::builder().object(account()).start().unwrap();
    let now = org.now();
    org.set_clock(now - 3_600_000);
    let ids: Vec<_> = (0..LIVE + DELETED)
        .map(|n| {
            if n % 500 == 0 {
                org.advance(Duration::from_secs(1));
            }
            org.create("Account", json!({ "Name": name(n), "Revenue": n as f64 + 0.5 }))
        })
        .collect();
    org.advance(Duration::from_secs(60));
    ids[LIVE..].iter().for_each(|id| org.delete("Account", id));
    org.set_clock(now);
    org
}

fn input(org: &Salesforce) -> Value {
    let time = |millis| super::super::stamp::bulk(millis);
    json!({
        "url": org.url(), "client": CLIENT_ID, "secret": CLIENT_SECRET, "user": USER, "key": PRIVATE_KEY,
        "now": org.now(), "start": time(org.now() - 7_200_000), "end": time(org.now()),
    })
}

/// Compares what any client finds with what is there.
fn compare(org: &Salesforce, found: &Value) {
    let records = org.records("Account");
    let live = || records.iter().filter(|record| record["IsDeleted"] == false);
    assert_eq!(found["first"], json!([LIVE, false, 2000]));
    let all: Vec<_> = live()
        .map(|record| {
            let mut expected = json!({ "attributes": null });
            for field in ["Id", "Name", "Revenue", "SystemModstamp"] {
                expected[field] = record[field].clone();
            }
            expected
        })
        .collect();
    assert_eq!(found["all"].as_array().unwrap(), &all);
    let names: Vec<_> = records.iter().map(|record| record["Name"].clone()).collect();
    assert_eq!(found["with deleted"], Value::Array(names));
    let of = |record: &&serde_json::Map<String, Value>| {
        record["Name"].as_str().unwrap().starts_with("it's") || record["Revenue"].as_f64().unwrap() >= 2473.0
    };
    let matching: Vec<_> = live().filter(of).map(|record| record["Name"].clone()).collect();
    assert_eq!(found["where"], Value::Array(matching));
    assert_eq!(found["count"], LIVE);
    assert_eq!(found["usage"][1], 15_000);
    assert!(found["usage"][0].as_u64().is_some_and(|used| (5..20).contains(&used)), "{}", found["usage"]);
    assert_eq!(found["fields"], json!(["string", "datetime", "double"]));
    assert_eq!(found["objects"], json!(["Account"]));
    assert_eq!(found["limit"], 15_000);
    assert_eq!(found["one"], name(0));
    let deleted: Vec<_> = records
        .iter()
        .filter(|record| record["IsDeleted"] == true)
        .map(|record| record["Id"].clone())
        .collect();
    assert_eq!((deleted.len(), &found["deleted"]), (DELETED, &Value::Array(deleted.clone())));
    assert_eq!(found["by key"], LIVE);
    assert_eq!(found["refused"], "INVALID_FIELD");
    assert_eq!(found["not let in"], "invalid_client");
}

#[test]
fn simple_salesforce_reads_what_is_there() {
    let Some(python) = variable(PYTHON, "simple-salesforce") else { return };
    let org = Arc::new(org());
    let ends = Arc::downgrade(&org);
    org.faults().meanwhile(Rule::of("query_more"), move || {
        if let Some(org) = ends.upgrade() {
            org.expire_sessions();
        }
    });
    let script = include_str!("simple_salesforce.py");
    let found = run(&python, &["-c".as_ref(), script.as_ref()], &input(&org));
    compare(&org, &found);
    assert_eq!(org.faults().seen().iter().filter(|seen| seen.status == 401).count(), 1);
    let pages: Vec<_> = found["bulk"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    assert!(pages.iter().all(|page| page.starts_with("\"Name\",\"Revenue\"\n")));
    let lines = |n| format!("\"{}\",\"{n}.5\"\n", name(n).replace('"', "\"\""));
    let expected: Vec<String> = [0..900, 900..1800, 1800..LIVE].map(|page| page.map(lines).collect()).into();
    assert_eq!(pages.iter().map(|page| page.split_once('\n').unwrap().1).collect::<Vec<_>>(), expected);
    let with_deleted = found["bulk with deleted"][0].as_str().unwrap();
    assert_eq!(with_deleted.matches("ä").count(), (0..LIVE + DELETED).filter(|n| n % 5 > 1).count());
}

#[test]
fn jsforce_reads_what_is_there() {
    let Some(folder) = variable(NODE, "jsforce") else { return };
    let org = org();
    let package = Path::new(&folder).join("node_modules").join("jsforce");
    let script = include_str!("jsforce.js");
    let arguments = ["-e".as_ref(), script.as_ref(), "-".as_ref(), package.as_os_str()];
    let found = run("node".as_ref(), &arguments, &input(&org));
    compare(&org, &found);
    let expected: Vec<_> = (0..LIVE).map(|n| json!([name(n), format!("{n}.5")])).collect();
    assert_eq!(found["bulk"], Value::Array(expected));
    assert_eq!(org.faults().count("create_job"), 1);
}
