use std::time::Duration;

use serde_json::Value;

use super::{ask, named, names, org, refused};
use crate::rest::tests::get;
use crate::salesforce::{Field, Salesforce};

const OBJECTS: &str = "/services/data/v62.0/sobjects";

fn fields(org: &Salesforce) -> Vec<Value> {
    let about = get(&org.url(), &org.session(), &format!("{OBJECTS}/Account/describe")).json();
    about["fields"].as_array().unwrap().clone()
}

#[test]
fn an_object_says_which_fields_it_has_and_what_can_be_done_with_them() {
    let org = org();
    let about = fields(&org);
    let of = |name: &str| about.iter().find(|field| field["name"] == name).unwrap();
    assert_eq!(
        (&of("SystemModstamp")["type"], &of("SystemModstamp")["filterable"]),
        (&"datetime".into(), &true.into())
    );
    assert_eq!(
        (&of("Description")["type"], &of("Description")["filterable"]),
        (&"textarea".into(), &false.into())
    );
    assert_eq!(of("Revenue")["type"], "double");
    let all = get(&org.url(), &org.session(), OBJECTS).json();
    assert_eq!(
        (&all["sobjects"][0]["name"], &all["sobjects"][0]["keyPrefix"]),
        (&"Account".into(), &"001".into())
    );
    assert_eq!(refused(&get(&org.url(), &org.session(), &format!("{OBJECTS}/Nothing/describe"))).0, 404);
}

#[test]
fn fields_come_and_go_while_the_org_is_read() {
    let org = org();
    let before = fields(&org).len();
    let id = org.create("Account", named("a"));
    org.add_field("Account", Field::text("Colour__c").formula());
    org.recalculate("Account", &id, serde_json::json!({ "Colour__c": "red" }));
    assert_eq!(names(&org, "WHERE Colour__c = 'red'"), "a");
    assert_eq!(fields(&org).last().unwrap()["calculated"], true);
    org.remove_field("Account", "Revenue");
    assert_eq!(fields(&org).len(), before);
    let reply = ask(&org, &org.session(), "query", "SELECT Revenue FROM Account");
    assert_eq!(refused(&reply), (400, "INVALID_FIELD".to_owned()));
    assert!(!org.records("Account")[0].contains_key("Revenue"));
}

#[test]
fn what_was_deleted_in_a_time_is_listed_even_if_it_is_gone_for_good() {
    let org = org();
    let ids: Vec<_> = ["a", "b", "c", "d"].map(|name| org.create("Account", named(name))).into();
    org.advance(Duration::from_secs(90));
    org.delete("Account", &ids[0]);
    org.erase("Account", &ids[1]);
    org.delete("Account", &ids[2]);
    org.restore("Account", &ids[2]);
    org.advance(Duration::from_secs(90));
    let list = |what: &str, start: &str, end: &str| {
        let target = format!("{OBJECTS}/Account/{what}/?start={start}&end={end}");
        get(&org.url(), &org.session(), &target)
    };
    let found = list("deleted", "2026-01-01T00:01:30Z", "2026-01-01T00:02:00%2B00:00").json();
    let deleted: Vec<_> = found["deletedRecords"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["id"].as_str().unwrap())
        .collect();
    assert_eq!(deleted, ids[..2]);
    assert_eq!(found["deletedRecords"][0]["deletedDate"], "2026-01-01T00:01:30.000+0000");
    assert_eq!(found["latestDateCovered"], "2026-01-01T00:02:00.000+0000");
    let none = list("deleted", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z").json();
    assert_eq!(none["deletedRecords"].as_array().map(Vec::len), Some(0));
    let updated = list("updated", "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z").json();
    assert_eq!(updated["ids"], serde_json::json!([ids[2]]));
    let old = list("deleted", "2025-12-01T00:00:00Z", "2026-01-01T00:02:00Z");
    assert_eq!(refused(&old), (400, "INVALID_REPLICATION_DATE".to_owned()));
    let short = list("deleted", "2026-01-01T00:00:10Z", "2026-01-01T00:00:50Z");
    assert_eq!(refused(&short), (400, "INVALID_REPLICATION_DATE".to_owned()));
}

#[test]
fn one_record_and_the_limits_are_shown() {
    let org = org();
    let id = org.create("Account", named("a"));
    let token = org.session();
    assert_eq!(get(&org.url(), &token, &format!("{OBJECTS}/Account/{id}")).json()["Name"], "a");
    assert_eq!(get(&org.url(), &token, &format!("{OBJECTS}/Account/x")).status, 404);
    let limits = get(&org.url(), &token, "/services/data/v62.0/limits").json();
    assert_eq!(limits["DailyApiRequests"], serde_json::json!({ "Max": 15_000, "Remaining": 14_997 }));
}
