use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{START, ids, named, names, portal, search, started};
use crate::hubspot::HubSpot;

fn filter(property: &str, operator: &str, value: impl Into<Value>) -> Value {
    json!({ "propertyName": property, "operator": operator, "value": value.into() })
}

#[test]
fn filters_mean_what_they_say() {
    let portal = portal();
    for (n, name) in ["Ada Lovelace", "bob", "cy"].into_iter().enumerate() {
        portal.create(
            "companies",
            json!({ "name": name, "revenue": n, "active": n == 0, "founded": n as i64 * 1000 }),
        );
        portal.advance(Duration::from_millis(1));
    }
    portal.create("companies", named("d"));
    let first = ids(&search(&portal, &json!({})).json())[0];
    for (filters, expected) in [
        (json!([filter("name", "EQ", "BOB")]), "bob"),
        (json!([filter("name", "NEQ", "bob")]), "Ada Lovelacecyd"),
        (json!([filter("revenue", "GTE", "1"), filter("revenue", "LT", 2)]), "bob"),
        (json!([filter("revenue", "LTE", "0")]), "Ada Lovelace"),
        (
            json!([{ "propertyName": "revenue", "operator": "BETWEEN", "value": "1", "highValue": "2" }]),
            "bobcy",
        ),
        (json!([{ "propertyName": "name", "operator": "IN", "values": ["cy", "d"] }]), "cyd"),
        (json!([{ "propertyName": "name", "operator": "NOT_IN", "values": ["cy", "d"] }]), "Ada Lovelacebob"),
        (json!([{ "propertyName": "revenue", "operator": "HAS_PROPERTY" }]), "Ada Lovelacebobcy"),
        (json!([{ "propertyName": "revenue", "operator": "NOT_HAS_PROPERTY" }]), "d"),
        (json!([filter("name", "CONTAINS_TOKEN", "love*")]), "Ada Lovelace"),
        (json!([filter("name", "NOT_CONTAINS_TOKEN", "lovelace")]), "bobcyd"),
        (json!([filter("active", "EQ", "true")]), "Ada Lovelace"),
        (json!([filter("founded", "GT", "1970-01-01T00:00:01Z")]), "cy"),
        (
            json!([
                filter("hs_lastmodifieddate", "GTE", (START + 1).to_string()),
                filter("hs_lastmodifieddate", "LTE", "2026-01-01T00:00:00.002Z")
            ]),
            "bobcy",
        ),
        (json!([filter("hs_object_id", "GT", first.to_string())]), "bobcyd"),
    ] {
        let found =
            search(&portal, &json!({ "filterGroups": [{ "filters": filters }], "properties": ["name"] }));
        assert_eq!(names(&found), expected, "{filters}");
    }
    let either = json!({ "filterGroups": [
        { "filters": [filter("name", "EQ", "d")] }, { "filters": [filter("name", "EQ", "bob")] },
    ], "properties": ["name"], "sorts": [{ "propertyName": "name", "direction": "DESCENDING" }] });
    assert_eq!(names(&search(&portal, &either)), "dbob");
    assert_eq!(
        names(&search(&portal, &json!({ "properties": ["name"], "sorts": ["-revenue"], "limit": 2 }))),
        "cybob"
    );
}

#[test]
fn what_a_search_cannot_have_is_refused() {
    let portal = portal();
    let group = |filters: usize| json!({ "filters": vec![filter("name", "EQ", "a"); filters] });
    for body in [
        json!({ "limit": 201 }),
        json!({ "limit": 0 }),
        json!({ "after": "10000" }),
        json!({ "after": "x" }),
        json!({ "sorts": ["name", "revenue"] }),
        json!({ "sorts": ["nothing"] }),
        json!({ "filterGroups": vec![group(1); 6] }),
        json!({ "filterGroups": [group(26)] }),
        json!({ "filterGroups": [{ "filters": [filter("nothing", "EQ", "a")] }] }),
        json!({ "filterGroups": [{ "filters": [filter("name", "IS", "a")] }] }),
        json!({ "filterGroups": [{ "filters": [filter("revenue", "GT", "a")] }] }),
        json!({ "filterGroups": [{ "filters": [filter("name", "EQ", Value::Null)] }] }),
        json!([]),
    ] {
        let reply = search(&portal, &body);
        assert_eq!((reply.status, &reply.json()["category"]), (400, &json!("VALIDATION_ERROR")), "{body}");
    }
}

#[test]
fn a_search_goes_no_further_than_its_cap_and_says_how_many_there_are() {
    let portal = portal();
    portal.create_many("companies", 25_000, |_| json!({}));
    let page = |after: u64| {
        search(&portal, &json!({ "limit": 200, "after": after.to_string(), "sorts": ["hs_object_id"] }))
    };
    let last = page(9_900).json();
    assert_eq!((&last["total"], ids(&last).len()), (&json!(25_000), 100));
    let next = last["paging"]["next"]["after"].as_str().unwrap();
    assert_eq!(next, "10000");
    let beyond = page(10_000);
    assert_eq!((beyond.status, &beyond.json()["category"]), (400, &json!("VALIDATION_ERROR")));
    // What the cap cuts off is found from the last id on.
    let from = ids(&last).pop().unwrap().to_string();
    let rest = json!({ "filterGroups": [{ "filters": [filter("hs_object_id", "GT", from)] }], "limit": 1 });
    assert_eq!(search(&portal, &rest).json()["total"], 15_000);
}

#[test]
fn what_is_sorted_alike_comes_in_no_order_of_ids() {
    let pages = |portal: &HubSpot| {
        let page = |after: u64| {
            ids(&search(portal, &json!({ "limit": 20, "after": after, "sorts": ["hs_lastmodifieddate"] }))
                .json())
        };
        (0..5).flat_map(|n| page(n * 20)).collect::<Vec<_>>()
    };
    let stable = portal();
    let made: Vec<_> = stable.create_many("companies", 100, |_| json!({})).collect();
    let found = pages(&stable);
    assert_ne!(found, made);
    assert_eq!(BTreeSet::from_iter(&found), BTreeSet::from_iter(&made));
    let unstable = started(HubSpot::builder().unstable_ties());
    unstable.create_many("companies", 100, |_| json!({}));
    assert!(BTreeSet::from_iter(pages(&unstable)).len() < 100);
}

#[test]
fn the_index_lags_behind_and_a_list_does_not() {
    let portal = started(HubSpot::builder().index_lag(Duration::from_secs(10)));
    let found = || names(&search(&portal, &json!({ "properties": ["name"] })));
    let id = portal.create("companies", named("a"));
    assert_eq!(
        (found(), names(&super::read(&portal, &format!("{}?properties=name", super::COMPANIES)))),
        (String::new(), "a".into())
    );
    portal.advance(Duration::from_secs(10));
    portal.update("companies", id, named("b"));
    assert_eq!(found(), "a");
    portal.index();
    assert_eq!(found(), "b");
    portal.hold_index();
    portal.update("companies", id, named("c"));
    portal.advance(Duration::from_secs(60));
    assert_eq!(found(), "b");
    portal.archive("companies", id);
    assert_eq!(found(), "b");
    portal.index();
    assert_eq!(found(), "");
}
