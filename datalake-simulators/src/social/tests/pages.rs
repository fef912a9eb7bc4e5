//! How lists of the services lead from page to page.

use serde_json::{Value, json};

use super::{Social, TOKEN, read};
use crate::rest::tests::{Reply, call};

fn social(gaps: bool) -> Social {
    let builder = if gaps { Social::builder().gaps() } else { Social::builder() };
    builder.start().unwrap()
}

fn fill(social: &Social, path: &str) {
    (0..5).for_each(|n| social.push(path, json!({ "n": n, "updated_at": format!("2024-01-0{}", n + 1) })));
}

fn numbers(records: &Value) -> Vec<u64> {
    records.as_array().unwrap().iter().map(|record| record["n"].as_u64().unwrap()).collect()
}

#[test]
fn a_page_of_youtube_has_a_token_until_the_last() {
    let social = social(true);
    fill(&social, "/youtube/v3/videos");
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let reply = read(&social, &format!("/youtube/v3/videos?maxResults=3{token}")).json();
        pages.push(numbers(&reply["items"]));
        let Some(next) = reply["nextPageToken"].as_str() else { break };
        token = format!("&pageToken={next}");
    }
    assert_eq!(pages, [vec![0, 1, 2], vec![], vec![3, 4]]);
    social.allow(0);
    assert_eq!(read(&social, "/youtube/v3/videos").json()["error"]["errors"][0]["reason"], "quotaExceeded");
}

#[test]
fn a_page_of_the_graph_has_cursors_on_the_last_page_too_and_its_token_in_the_link() {
    let social = social(false);
    fill(&social, "/v23.0/1/posts");
    let first = read(&social, "/v23.0/1/posts?limit=3").json();
    let next = first["paging"]["next"].as_str().unwrap();
    assert!(next.contains("access_token=simulated-token"), "{next}");
    let last = read(&social, next.strip_prefix(&social.url()).unwrap()).json();
    assert_eq!((numbers(&first["data"]), numbers(&last["data"])), (vec![0, 1, 2], vec![3, 4]));
    assert!(last["paging"]["next"].is_null() && last["paging"]["cursors"]["after"].is_string());
    social.forget_cursors(true);
    assert_eq!(read(&social, next.strip_prefix(&social.url()).unwrap()).status, 400);
}

fn shop(social: &Social, target: &str) -> Reply {
    call(&social.url(), "GET", target, &[("x-shopify-access-token", TOKEN)], "").unwrap()
}

#[test]
fn a_page_info_of_shopify_stands_alone() {
    let social = social(false);
    let path = "/admin/api/2025-10/products.json";
    fill(&social, path);
    let first = shop(&social, &format!("{path}?limit=2&updated_at_min=2024-01-02"));
    assert_eq!(numbers(&first.json()["products"]), [1, 2]);
    let link = first.header("link").unwrap();
    let next = link.trim_start_matches('<').split('>').next().unwrap().strip_prefix(&social.url()).unwrap();
    assert_eq!(numbers(&shop(&social, next).json()["products"]), [3, 4]);
    assert_eq!(shop(&social, &format!("{next}&status=any")).status, 400);
    assert_eq!(first.header("x-shopify-shop-api-call-limit"), Some("2/40"));
}

#[test]
fn a_session_of_bluesky_is_refreshed_once_by_its_token() {
    let social = social(false);
    let path = "/xrpc/app.bsky.feed.getAuthorFeed";
    fill(&social, path);
    let post = |method: &str, headers: &[(&str, &str)], body: &Value| {
        let target = format!("/xrpc/com.atproto.server.{method}");
        call(&social.url(), "POST", &target, headers, body.to_string()).unwrap()
    };
    let made = post("createSession", &[], &json!({ "identifier": "a", "password": TOKEN })).json();
    let bearer = |token: &Value| format!("Bearer {}", token.as_str().unwrap());
    let list =
        |token: &Value| call(&social.url(), "GET", path, &[("authorization", &bearer(token))], "").unwrap();
    assert_eq!(numbers(&list(&made["accessJwt"]).json()["feed"]), [4, 3, 2, 1, 0]);
    social.expire_session();
    assert_eq!(
        (list(&made["accessJwt"]).status, list(&made["accessJwt"]).json()["error"].clone()),
        (400, json!("ExpiredToken"))
    );
    let refresh = bearer(&made["refreshJwt"]);
    let again = post("refreshSession", &[("authorization", &refresh)], &Value::Null).json();
    assert_eq!(list(&again["accessJwt"]).status, 200);
    assert_eq!(post("refreshSession", &[("authorization", &refresh)], &Value::Null).status, 400);
    assert_eq!(post("createSession", &[], &json!({ "identifier": "a", "password": "no" })).status, 401);
}

#[test]
fn a_query_of_shopify_is_refused_with_status_200() {
    let social = social(false);
    let path = "/admin/api/2025-10/graphql.json";
    (0..5).for_each(|n| {
        social.push(&format!("{path}#orders"), json!({ "n": n, "updatedAt": format!("2024-01-0{}", n + 1) }))
    });
    let ask = |name: &str, variables: Value| {
        let body = json!({ "query": format!("query {{ {name}(first: $first) {{ nodes {{ n }} }} }}"), "variables": variables });
        let reply = call(&social.url(), "POST", path, &[("x-shopify-access-token", TOKEN)], body.to_string())
            .unwrap();
        assert_eq!(reply.status, 200);
        reply.json()
    };
    let first = ask("orders", json!({ "first": 2, "query": "updated_at:>='2024-01-02'" }));
    assert_eq!(numbers(&first["data"]["orders"]["nodes"]), [1, 2]);
    assert_eq!(first["data"]["orders"]["pageInfo"], json!({ "hasNextPage": true, "endCursor": "cursor2" }));
    for (name, variables, code) in [
        ("things", json!({ "first": 2 }), "undefinedField"),
        ("orders", json!({ "first": "2" }), "INVALID_VARIABLE"),
        ("orders", json!({ "first": 2, "after": "x" }), "INVALID_CURSOR"),
    ] {
        assert_eq!(ask(name, variables)["errors"][0]["extensions"]["code"], code);
    }
    social.allow(0);
    assert_eq!(ask("orders", json!({ "first": 2 }))["errors"][0]["message"], "Throttled");
}
