use serde_json::json;

use super::{Social, ids, read};

const PATH: &str = "/api/v1/timelines/public";

fn social() -> Social {
    let social = Social::builder().start().unwrap();
    (1..=9).for_each(|n| social.push(PATH, json!({ "id": n.to_string() })));
    social
}

#[test]
fn a_bound_says_from_which_end_a_page_is_taken() {
    let social = social();
    for (query, found) in [
        ("limit=3", vec!["9", "8", "7"]),
        ("limit=3&max_id=7", vec!["6", "5", "4"]),
        ("limit=3&since_id=2", vec!["9", "8", "7"]),
        ("limit=3&min_id=2", vec!["5", "4", "3"]),
        ("limit=3&min_id=8", vec!["9"]),
        ("limit=3&min_id=9", vec![]),
        ("limit=100&min_id=0", vec!["9", "8", "7", "6", "5", "4", "3", "2", "1"]),
    ] {
        assert_eq!(ids(&read(&social, &format!("{PATH}?{query}")).json()), found, "{query}");
    }
}

#[test]
fn the_next_link_forgets_since_which_id_was_asked() {
    let social = social();
    let reply = read(&social, &format!("{PATH}?limit=3&local=true&since_id=5"));
    let url = social.url();
    let links = format!(
        "<{url}{PATH}?limit=3&local=true&max_id=7>; rel=\"next\", <{url}{PATH}?limit=3&local=true&min_id=9>; rel=\"prev\""
    );
    assert_eq!(reply.header("link"), Some(&*links));
    assert_eq!(read(&social, &format!("{PATH}?min_id=9")).header("link"), None);
}

#[test]
fn a_rate_that_is_used_up_is_told_with_a_date() {
    let social = social();
    social.allow(1);
    assert_eq!(read(&social, PATH).header("x-ratelimit-remaining"), Some("0"));
    let reply = read(&social, PATH);
    assert_eq!(reply.status, 429);
    assert!(reply.header("x-ratelimit-reset").unwrap().ends_with('Z'));
}
