use std::time::Duration;

use serde_json::json;

use super::{COMPANIES, portal, read, search, started};
use crate::hubspot::HubSpot;
use crate::rest::tests::{Reply, call, get};
use crate::rest::{Fault, Refusal, Rule};

fn policy(reply: &Reply) -> (u16, String) {
    let body = reply.json();
    if reply.status == 429 {
        assert_eq!(body["errorType"], "RATE_LIMIT");
        assert_eq!(reply.header("retry-after"), None);
    }
    (reply.status, body["policyName"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn each_limit_refuses_under_its_own_name() {
    let portal = started(HubSpot::builder().per_ten_seconds(5).searches_per_second(2).per_day(8));
    let list = || policy(&read(&portal, COMPANIES));
    let find = || policy(&search(&portal, &json!({})));
    let fine = (200, String::new());
    let no = |name: &str| (429, name.to_owned());
    assert_eq!([find(), find(), find()], [fine.clone(), fine.clone(), no("SECONDLY")]);
    portal.advance(Duration::from_secs(1));
    assert_eq!(
        [find(), list(), list(), list()],
        [fine.clone(), fine.clone(), fine.clone(), no("TEN_SECONDLY_ROLLING")]
    );
    portal.advance(Duration::from_secs(9));
    assert_eq!([list(), list(), list()], [fine.clone(), fine.clone(), no("TEN_SECONDLY_ROLLING")]);
    portal.advance(Duration::from_secs(10));
    assert_eq!([list(), list()], [fine.clone(), no("DAILY")]);
    assert_eq!(portal.requests(), 8);
    portal.new_day();
    assert_eq!(list(), fine);
}

#[test]
fn answers_say_what_is_left_but_those_of_searches() {
    let portal = started(HubSpot::builder().per_ten_seconds(100));
    let reply = read(&portal, COMPANIES);
    assert_eq!(reply.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_eq!(reply.header("X-HubSpot-RateLimit-Max"), Some("100"));
    assert_eq!(reply.header("X-HubSpot-RateLimit-Remaining"), Some("99"));
    assert_eq!(reply.header("X-HubSpot-RateLimit-Interval-Milliseconds"), Some("10000"));
    assert_eq!(reply.header("X-HubSpot-RateLimit-Daily-Remaining"), Some("649999"));
    assert_eq!(reply.header("X-HubSpot-RateLimit-Secondly-Remaining"), Some("9"));
    assert_eq!(search(&portal, &json!({})).header("X-HubSpot-RateLimit-Remaining"), None);
}

#[test]
fn only_the_token_of_the_app_lets_in() {
    let portal = portal();
    let refused = get(&portal.url(), "pat-eu1-other", COMPANIES);
    assert_eq!((refused.status, &refused.json()["category"]), (401, &json!("INVALID_AUTHENTICATION")));
    assert_eq!(call(&portal.url(), "GET", COMPANIES, &[], "").unwrap().status, 401);
    let other = started(HubSpot::builder().token("pat-eu1-other"));
    assert_eq!(get(&other.url(), "pat-eu1-other", COMPANIES).status, 200);
    assert_eq!(read(&portal, "/account-info/v3/details").json()["timeZone"], "UTC");
}

#[test]
fn a_planned_refusal_has_the_form_of_the_service() {
    let portal = portal();
    portal.faults().add(Rule::of("list"), Fault::Refused(Refusal::new(429, "TEN_SECONDLY_ROLLING")));
    portal.faults().add(Rule::of("search"), Fault::Refused(Refusal::new(403, "MISSING_SCOPES")));
    assert_eq!(policy(&read(&portal, COMPANIES)), (429, "TEN_SECONDLY_ROLLING".to_owned()));
    let reply = search(&portal, &json!({}));
    assert_eq!((reply.status, &reply.json()["category"]), (403, &json!("MISSING_SCOPES")));
    assert_eq!(portal.faults().count("search"), 1);
}
