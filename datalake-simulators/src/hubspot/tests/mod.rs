mod client;
mod limits;
mod lists;
mod searches;

use serde_json::{Value, json};

use super::{HubSpot, Kind, Object, TOKEN};
use crate::rest::tests::{Reply, call, get};

/// Milliseconds since 1970 at which the clock of [`portal`] stands.
const START: i64 = 1_767_225_600_000;

const COMPANIES: &str = "/crm/v3/objects/companies";

fn companies() -> Object {
    Object::new("companies")
        .property("name", Kind::Text)
        .property("revenue", Kind::Number)
        .property("founded", Kind::Datetime)
        .property("active", Kind::Boolean)
}

/// A portal with companies and contacts, whose clock stands still.
fn portal() -> HubSpot {
    started(HubSpot::builder())
}

fn started(builder: super::Builder) -> HubSpot {
    let portal = builder.object(companies()).object(Object::new("contacts")).start().unwrap();
    portal.set_clock(START);
    portal
}

fn read(portal: &HubSpot, target: &str) -> Reply {
    get(&portal.url(), TOKEN, target)
}

fn post(portal: &HubSpot, target: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    call(&portal.url(), "POST", target, &headers, body.to_string()).unwrap()
}

fn search(portal: &HubSpot, body: &Value) -> Reply {
    post(portal, &format!("{COMPANIES}/search"), body)
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

/// The names in an answer, which has asked for them.
fn names(reply: &Reply) -> String {
    let answer = reply.json();
    let results = answer["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
    results.iter().map(|record| record["properties"]["name"].as_str().unwrap()).collect()
}

fn ids(answer: &Value) -> Vec<u64> {
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|record| record["id"].as_str().unwrap().parse().unwrap()).collect()
}
