//! Searches: their cap, their order and their index.

use std::time::Duration;

use serde_json::{Value, json};

use super::{builder, end, fill, portal, read, settings};
use crate::crm::testing::{drain, ids, records};
use datalake_core::Source;
use datalake_simulators::hubspot::{HubSpot, Kind, Object};

/// The bodies of the searches that came.
fn searches(portal: &HubSpot) -> Vec<Value> {
    let seen = portal.faults().seen().into_iter().filter(|seen| seen.operation == "search");
    seen.map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect()
}

#[tokio::test]
async fn more_records_of_one_moment_than_a_search_can_page_through_come_once_each() {
    let portal = portal(settings().unstable_ties());
    fill(&portal, "companies", 1);
    let source = builder(&portal, "companies").properties(["name"]);
    let first = read(&source, None).await.unwrap();
    let made = fill(&portal, "companies", 11_000);
    let second = read(&source, end(&first)).await.unwrap();
    assert_eq!(ids(&records(&second)), made);
    let searches = searches(&portal);
    assert_eq!(searches.len(), 1 + 55);
    assert!(searches.iter().all(|search| search.get("after").is_none()), "no search pages");
    for (search, page) in searches[1..].windows(2).zip(made.chunks(200)) {
        let filters = search[1]["filterGroups"][0]["filters"].as_array().unwrap();
        let after = filters.iter().find(|filter| filter["propertyName"] == "hs_object_id").unwrap();
        assert_eq!((&after["operator"], &after["value"]), (&json!("GT"), &json!(page.last().unwrap())));
    }
}

#[tokio::test]
async fn a_search_goes_on_after_every_page_in_another_process() {
    let portal = portal(settings().unstable_ties());
    let source = builder(&portal, "companies");
    let first = read(&source, None).await.unwrap();
    let made = fill(&portal, "companies", 700);
    let batches = read(&source, end(&first)).await.unwrap();
    assert_eq!(batches.len(), 4);
    for n in 0..batches.len() {
        let rest = read(&source, Some(&batches[n].position)).await.unwrap();
        assert_eq!(ids(&records(&rest)), made[(200 * (n + 1)).min(700)..]);
    }
}

#[tokio::test]
async fn what_searches_find_late_is_found_by_looking_back() {
    let portal = portal(settings().index_lag(Duration::from_secs(300)));
    fill(&portal, "contacts", 3);
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    let late = portal.create("contacts", json!({ "name": "late" })).to_string();
    portal.advance(Duration::from_secs(200));
    let second = read(&source, end(&first)).await.unwrap();
    assert!(records(&second).is_empty());
    let from = end(&second).or(end(&first));
    portal.advance(Duration::from_secs(200));
    assert_eq!(ids(&records(&read(&source, from).await.unwrap())), [late]);
}

#[tokio::test]
async fn a_quiet_portal_gives_nothing_again() {
    let portal = portal(settings());
    portal.create_many("contacts", 250, |n| json!({ "name": format!("c{n}") }));
    portal.advance(Duration::from_secs(5));
    let mut source = builder(&portal, "contacts").build().unwrap();
    source.seek(None).await.unwrap();
    assert_eq!(records(&drain(&mut source).await.unwrap()).len(), 250);
    for _ in 0..3 {
        portal.advance(Duration::from_secs(60));
        assert!(drain(&mut source).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn properties_too_many_for_a_list_or_a_search_are_read_by_ids() {
    let names: Vec<String> = (0..600).map(|n| format!("a_property_with_a_long_name_{n}")).collect();
    let object = names.iter().fold(Object::new("contacts"), |object, name| object.property(name, Kind::Text));
    let portal = portal(HubSpot::builder().object(object).longest_target(8_000));
    let make = |n: u64| json!({ "a_property_with_a_long_name_599": n.to_string() });
    let made: Vec<String> = portal.create_many("contacts", 150, make).map(|id| id.to_string()).collect();
    portal.advance(Duration::from_secs(3600));
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    portal.update("contacts", made[7].parse().unwrap(), json!({ "a_property_with_a_long_name_0": "x" }));
    portal.advance(Duration::from_secs(3600));
    let second = read(&source, end(&first)).await.unwrap();
    let (first, second) = (records(&first), records(&second));
    assert_eq!(ids(&first), made);
    assert_eq!(first[149]["properties"]["a_property_with_a_long_name_599"], "149");
    assert_eq!(first[149]["properties"].as_object().unwrap().len(), 603);
    assert_eq!(ids(&second), [&made[7]]);
    assert_eq!(second[0]["properties"]["a_property_with_a_long_name_0"], "x");
    assert!(searches(&portal).iter().all(|search| search.to_string().len() < 3_000));
}

#[tokio::test]
async fn a_wanted_property_that_is_not_there_is_named() {
    let portal = portal(settings());
    let error = read(&builder(&portal, "contacts").properties(["nmae"]), None).await.unwrap_err();
    assert!(error.to_string().contains("nmae"), "{error}");
}
