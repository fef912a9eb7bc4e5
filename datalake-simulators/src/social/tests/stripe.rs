use serde_json::json;

use super::{Social, ids, read};

#[test]
fn a_list_is_newest_first_and_goes_on_after_an_object() {
    let social = Social::builder().start().unwrap();
    (1..=5).for_each(|n| {
        social.push(
            "/v1/events",
            json!({ "id": format!("e{n}"), "created": n * 10, "pending_webhooks": n % 2 }),
        )
    });
    for (query, found, more) in [
        ("limit=2", vec!["e5", "e4"], true),
        ("limit=2&starting_after=e4", vec!["e3", "e2"], true),
        ("limit=2&starting_after=e2", vec!["e1"], false),
        ("limit=2&created%5Bgte%5D=40", vec!["e5", "e4"], false),
        ("created%5Bgt%5D=40", vec!["e5"], false),
        ("delivery_success=false", vec!["e5", "e3", "e1"], false),
        ("delivery_success=true", vec!["e4", "e2"], false),
    ] {
        let reply = read(&social, &format!("/v1/events?{query}")).json();
        assert_eq!((ids(&reply["data"]), &reply["has_more"]), (found, &json!(more)), "{query}");
    }
    for query in ["starting_after=e9", "limit=0", "limit=101"] {
        assert_eq!(read(&social, &format!("/v1/events?{query}")).status, 400, "{query}");
    }
}
