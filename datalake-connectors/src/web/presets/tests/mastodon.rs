use serde_json::{Value, json};

use super::{Silo, at, dataset, error, ids, read};
use crate::web::presets::mastodon::{self, account_statuses, public_timeline, tag_timeline};
use datalake_core::{ErrorKind, source_suite};
use datalake_simulators::social::Social;

const STATUSES: &str = "/api/v1/accounts/7/statuses";
const PUBLIC: &str = "/api/v1/timelines/public";

/// A status that was written so many minutes after the first.
fn status(minute: u64) -> Value {
    let id = 113_000_000_000_000_000 + mastodon::ids(std::time::Duration::from_secs(60 * minute));
    json!({ "id": id.to_string(), "content": format!("<p>{minute}</p>"), "reblogs_count": 0 })
}

/// Pages from the oldest on, in each the newest first.
fn paged(records: Vec<Value>) -> Vec<Value> {
    records.chunks(3).flat_map(|page| page.iter().rev().cloned()).collect()
}

fn silo() -> Silo {
    let preset = account_statuses(dataset(), "https://mastodon.example/", "7").page_size(3);
    Silo { paged, grows: Some(status), ..Silo::new(STATUSES, preset, status, 12) }
}

source_suite!(of_an_account, silo());
source_suite!(of_an_account_on_a_shaky_server, silo().shaky());

#[tokio::test]
async fn whatever_came_between_two_cycles_is_read_and_nothing_twice() {
    let social = Social::builder().links_to("https://elsewhere.example").start().unwrap();
    (0..5).for_each(|n| social.push(STATUSES, status(n)));
    let source = at(&social, account_statuses(dataset(), "https://mastodon.example", "7")).page_size(4);
    let (first, position) = read(&source, None).await;
    assert_eq!(first.len(), 5);
    (5..30).for_each(|n| social.push(STATUSES, status(n)));
    let (second, position) = read(&source, position.as_ref()).await;
    let mut new: Vec<_> = ids(&second).into_iter().map(str::to_owned).collect();
    new.sort();
    let all = social.list(STATUSES);
    assert_eq!(new, ids(&all[5..]));
    social.faults().forget();
    assert_eq!(read(&source, position.as_ref()).await.0.len(), 0);
    assert_eq!(social.faults().count("mastodon"), 1, "one request where nothing is new");
}

#[tokio::test]
async fn a_status_that_comes_late_from_another_server_is_found() {
    let social = Social::builder().start().unwrap();
    [0, 10, 12].iter().for_each(|n| social.push(PUBLIC, status(*n)));
    let source = at(&social, public_timeline(dataset(), "https://mastodon.example"));
    let (first, position) = read(&source, None).await;
    assert_eq!(first.len(), 3);
    social.push(PUBLIC, status(11));
    let (second, _) = read(&source, position.as_ref()).await;
    assert!(ids(&second).contains(&status(11)["id"].as_str().unwrap()));
    assert!(!ids(&second).contains(&status(0)["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_rate_that_is_used_up_says_how_long_to_wait() {
    let social = Social::builder().start().unwrap();
    (0..9).for_each(|n| social.push("/api/v1/timelines/tag/r\u{fc}st", status(n)));
    social.allow(2);
    let source = at(&social, tag_timeline(dataset(), "https://mastodon.example", "r\u{fc}st")).page_size(3);
    let error = error(&source).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error.retry_after().unwrap().as_secs();
    assert!((290..=300).contains(&wait), "{wait}");
}
