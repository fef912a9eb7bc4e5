use std::time::Duration;

use serde_json::json;

use super::{COMPANIES, ids, named, names, portal, post, read, started};
use crate::hubspot::HubSpot;

#[test]
fn a_record_comes_as_the_service_writes_it() {
    let portal = portal();
    let id = portal.create(
        "companies",
        json!({ "name": "ä\n\"", "revenue": 1.5, "founded": 946_684_800_123_i64, "active": true }),
    );
    let reply =
        read(&portal, &format!("{COMPANIES}?properties=name,revenue,nothing&properties=founded,active"));
    let expected = format!(
        "{{\"results\":[{{\"id\":\"{id}\",\"properties\":{{\"name\":\"ä\\n\\\"\",\"revenue\":\"1.5\",\
         \"founded\":\"2000-01-01T00:00:00.123Z\",\"active\":\"true\",\"createdate\":\"2026-01-01T00:00:00Z\",\
         \"hs_lastmodifieddate\":\"2026-01-01T00:00:00Z\",\"hs_object_id\":\"{id}\"}},\
         \"createdAt\":\"2026-01-01T00:00:00Z\",\"updatedAt\":\"2026-01-01T00:00:00Z\",\"archived\":false}}]}}"
    );
    assert_eq!(reply.text(), expected);
    portal.create("contacts", json!({}));
    let contact = read(&portal, "/crm/objects/2026-03/contacts").json();
    assert!(contact["results"][0]["properties"]["lastmodifieddate"].is_string());
    portal.update("companies", id, json!({ "name": "", "revenue": null }));
    let empty = read(&portal, &format!("{COMPANIES}/{id}?properties=name,revenue")).json();
    assert!(empty["properties"]["name"].is_null() && empty["properties"]["revenue"].is_null());
}

#[test]
fn a_list_goes_through_all_records_in_pages() {
    let portal = portal();
    let made = portal.create_many("companies", 250, |n| named(&n.to_string()));
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(&portal, &format!("{COMPANIES}?limit=100&after={after}")).json();
        found.push(ids(&page));
        match page["paging"]["next"]["after"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(found.concat(), made.collect::<Vec<_>>());
    assert_eq!(read(&portal, &format!("{COMPANIES}?limit=101")).status, 400);
    assert_eq!(read(&portal, "/crm/v3/objects/unknown").status, 400);
    assert_eq!(read(&portal, "/crm/v3/unknown").status, 404);
}

#[test]
fn archived_records_are_in_a_list_of_their_own_and_purged_ones_nowhere() {
    let portal = portal();
    let ids: Vec<_> = ["a", "b", "c"].map(|name| portal.create("companies", named(name))).into();
    portal.advance(Duration::from_secs(5));
    portal.archive("companies", ids[0]);
    portal.archive("companies", ids[1]);
    portal.purge("companies", ids[1]);
    assert_eq!(names(&read(&portal, &format!("{COMPANIES}?properties=name"))), "c");
    let archived = read(&portal, &format!("{COMPANIES}?properties=name&archived=true"));
    assert_eq!(names(&archived), "a");
    let record = &archived.json()["results"][0];
    assert_eq!((&record["archived"], &record["archivedAt"]), (&json!(true), &json!("2026-01-01T00:00:05Z")));
    assert_eq!(record["updatedAt"], "2026-01-01T00:00:00Z");
    assert_eq!(super::search(&portal, &json!({})).json()["total"], 1);
    assert_eq!(read(&portal, &format!("{COMPANIES}/{}", ids[0])).status, 404);
    assert_eq!(read(&portal, &format!("{COMPANIES}/{}?archived=true", ids[0])).status, 200);
    portal.restore("companies", ids[0]);
    assert_eq!(names(&read(&portal, &format!("{COMPANIES}?properties=name"))), "ac");
    assert_eq!(portal.records("companies")[0]["updatedAt"], "2026-01-01T00:00:05Z");
}

#[test]
fn too_many_properties_do_not_fit_into_an_address() {
    let portal = portal();
    let list = |names: usize| {
        let names = vec!["a_property_of_some_length"; names].join(",");
        read(&portal, &format!("{COMPANIES}?properties={names}")).status
    };
    assert_eq!((list(600), list(640)), (200, 414));
    let short = started(HubSpot::builder().longest_target(100));
    assert_eq!(read(&short, &format!("{COMPANIES}?properties={}", "a".repeat(80))).status, 414);
}

#[test]
fn what_belongs_together_is_found_from_both_ends_and_in_pages() {
    let portal = portal();
    let companies = portal.create_many("companies", 501, |_| json!({}));
    let contact = portal.create("contacts", json!({}));
    let other = portal.create("contacts", json!({}));
    companies.clone().for_each(|company| portal.associate(("contacts", contact), ("companies", company)));
    let target = "/crm/v4/associations/contacts/companies/batch/read";
    let first = post(&portal, target, &json!({ "inputs": [{ "id": contact.to_string() }] }));
    assert_eq!(first.status, 200);
    let first = first.json();
    let result = &first["results"][0];
    assert_eq!(
        (&result["from"]["id"], result["to"].as_array().unwrap().len()),
        (&json!(contact.to_string()), 500)
    );
    assert_eq!(result["to"][0]["toObjectId"], companies.start);
    let after = result["paging"]["next"]["after"].clone();
    let rest =
        post(&portal, target, &json!({ "inputs": [{ "id": contact.to_string(), "after": after }] })).json();
    assert_eq!(rest["results"][0]["to"][0]["toObjectId"], companies.end - 1);
    let none = post(&portal, target, &json!({ "inputs": [{ "id": other.to_string() }] }));
    assert_eq!((none.status, &none.json()["numErrors"]), (207, &json!(1)));
    let back = read(&portal, &format!("{COMPANIES}?limit=1&associations=contacts")).json();
    assert_eq!(
        back["results"][0]["associations"]["contacts"]["results"],
        json!([{ "id": contact.to_string(), "type": "company_to_contact" }])
    );
    portal.dissociate(("companies", companies.start), ("contacts", contact));
    let gone = read(&portal, &format!("{COMPANIES}?limit=1&associations=contacts")).json();
    assert!(gone["results"][0]["associations"]["contacts"]["results"].as_array().is_none_or(Vec::is_empty));
}

#[test]
fn records_are_read_in_batches_and_properties_are_described() {
    let portal = portal();
    let id = portal.create("companies", named("a"));
    let target = format!("{COMPANIES}/batch/read");
    let body = json!({ "inputs": [{ "id": id.to_string() }], "properties": ["name"] });
    let reply = post(&portal, &target, &body);
    assert_eq!((reply.status, names(&reply)), (200, "a".to_owned()));
    let reply = post(&portal, &target, &json!({ "inputs": [{ "id": "1" }] }));
    assert_eq!((reply.status, names(&reply)), (207, String::new()));
    let about = read(&portal, "/crm/v3/properties/companies").json();
    let kinds: Vec<_> =
        about["results"].as_array().unwrap().iter().map(|about| about["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["bool", "datetime", "datetime", "datetime", "number", "string", "number"].map(|kind| kind)
    );
}
