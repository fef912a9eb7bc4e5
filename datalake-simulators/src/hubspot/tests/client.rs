//! What the client that the service's maker publishes makes of the simulated portal.

use serde_json::{Value, json};

use super::{START, started};
use crate::hubspot::{HubSpot, TOKEN};
use crate::rest::tests::{run, variable};

const LIVE: u64 = 450;

/// A portal with companies, of which some are archived, and a contact that belongs to two of them.
fn portal() -> HubSpot {
    let portal = started(HubSpot::builder());
    let ids = portal.create_many(
        "companies",
        LIVE + 3,
        |n| json!({ "name": format!("ä \"{n}\""), "revenue": n, "founded": n * 1_000_001 }),
    );
    (ids.start + LIVE..ids.end).for_each(|id| portal.archive("companies", id));
    let contact = portal.create("contacts", json!({}));
    [ids.start, ids.start + 7]
        .iter()
        .for_each(|id| portal.associate(("contacts", contact), ("companies", *id)));
    portal
}

#[test]
fn the_client_of_the_maker_reads_what_is_there() {
    let Some(python) = variable("DATALAKE_PYTHON_AWS", "hubspot-api-client") else { return };
    let portal = portal();
    let script = include_str!("client.py");
    let input = json!({ "url": portal.url(), "token": TOKEN });
    let found = run(&python, &["-c".as_ref(), script.as_ref()], &input);
    let records = portal.records("companies");
    let (live, archived): (Vec<_>, Vec<_>) = records.iter().partition(|record| record["archived"] == false);
    let all: Vec<_> = live
        .iter()
        .map(|record| {
            let mut properties = record["properties"].clone();
            properties.as_object_mut().unwrap().remove("active");
            let time = START as f64 / 1000.0;
            json!({ "id": record["id"], "properties": properties, "archived": false, "created": time, "updated": time })
        })
        .collect();
    assert_eq!(found["all"], Value::Array(all));
    assert_eq!(found["archived"], archived.iter().map(|record| record["id"].clone()).collect::<Value>());
    let name = |record: &&Value| record["properties"]["name"].clone();
    let pages: Vec<Vec<_>> = live[10..].chunks(200).map(|page| page.iter().map(name).collect()).collect();
    assert_eq!(found["search"], json!([LIVE - 10, pages]));
    assert_eq!(found["batch"], live[..3].iter().map(name).collect::<Value>());
    assert_eq!((&found["types"]["name"], &found["types"]["founded"]), (&json!("string"), &json!("datetime")));
    let linked = json!([live[0]["id"], live[7]["id"]]);
    assert_eq!((&found["linked"], &found["linked in a list"]), (&linked, &linked));
    assert_eq!(found["cap"], json!([400, "VALIDATION_ERROR"]));
    assert_eq!(found["not let in"], json!([401, "INVALID_AUTHENTICATION"]));
}
