mod mastodon;
mod pages;
mod stripe;

use serde_json::{Value, json};

use super::{Social, TOKEN};
use crate::rest::tests::{Reply, get};

fn read(social: &Social, target: &str) -> Reply {
    get(&social.url(), TOKEN, target)
}

/// The ids of records, in order.
fn ids(records: &Value) -> Vec<&str> {
    records.as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[test]
fn what_is_not_there_is_not_found() {
    let social = Social::builder().start().unwrap();
    for target in ["/", "/api/v1/accounts/7/statuses", "/v1/charges", "/v2/charges"] {
        assert_eq!(read(&social, target).status, 404, "{target}");
    }
    social.push("/v1/charges", json!({ "id": "ch_1" }));
    assert_eq!(get(&social.url(), "another", "/v1/charges").status, 401);
}
