use std::sync::Arc;

use serde_json::{Value, json};

use super::{Failure, Silo, at, dataset, drain, error, read};
use crate::web::Auth;
use crate::web::poll::PollSourceBuilder;
use crate::web::presets::bluesky::{PUBLIC, author_feed, records, search_posts};
use datalake_core::{ErrorKind, Source as _, source_suite};
use datalake_simulators::rest::Rule;
use datalake_simulators::social::{Social, TOKEN};

const RECORDS: &str = "/xrpc/com.atproto.repo.listRecords";
const FEED: &str = "/xrpc/app.bsky.feed.getAuthorFeed";
const POSTS: &str = "/xrpc/app.bsky.feed.searchPosts";

fn post(n: u64) -> Value {
    json!({ "uri": format!("at://did:plc:shop/app.bsky.feed.post/{n:03}"), "indexedAt": format!("2024-01-03T{:02}:00:00.000Z", n / 3) })
}

fn uris(records: &[Value]) -> Vec<&Value> {
    records.iter().map(|record| &record["uri"]).collect()
}

/// A source that is logged in.
fn inside(social: &Social, preset: PollSourceBuilder) -> PollSourceBuilder {
    at(social, preset).auth(Auth::at_session(social.url(), "shop.example", TOKEN)).page_size(3)
}

fn silo() -> Silo {
    const FAILURES: &[Failure] = &[
        (503, "Unavailable", ErrorKind::Unavailable),
        (429, "RateLimitExceeded", ErrorKind::RateLimited),
        (401, "InvalidToken", ErrorKind::Unauthenticated),
        (400, "ExpiredToken", ErrorKind::Unauthenticated),
        (403, "Forbidden", ErrorKind::PermissionDenied),
        (302, "", ErrorKind::ConfigInvalid),
    ];
    let social = Social::builder().start().unwrap();
    let source =
        inside(&social, records(dataset(), "https://pds.example", "shop.example", "app.bsky.feed.post"));
    Silo { failures: FAILURES, ..Silo::on(social, RECORDS, source, post, 12) }
}

source_suite!(of_records, silo());
source_suite!(of_records_on_a_shaky_server, silo().shaky());

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_refreshed_and_nothing_is_lost() {
    let social = Arc::new(Social::builder().start().unwrap());
    (0..12).for_each(|n| social.push(RECORDS, post(n)));
    for (after, ended) in [(1, false), (2, true)] {
        let weak = Arc::downgrade(&social);
        social.faults().forget();
        social.faults().meanwhile(Rule::of("bluesky").after(after), move || {
            let Some(social) = weak.upgrade() else { return };
            if ended { social.end_session() } else { social.expire_session() }
        });
        let preset = records(dataset(), "https://pds.example", "shop.example", "app.bsky.feed.post");
        let (found, _) = read(&inside(&social, preset), None).await;
        assert_eq!(found, social.list(RECORDS));
        let counts = ["bluesky_session", "bluesky_refresh"].map(|of| social.faults().count(of));
        assert_eq!(counts, if ended { [2, 1] } else { [1, 1] });
    }
}

#[tokio::test]
async fn an_app_password_that_is_wrong_is_told_once() {
    let social = Social::builder().start().unwrap();
    social.push(RECORDS, post(0));
    let preset = records(dataset(), "https://pds.example", "shop.example", "app.bsky.feed.post");
    let source =
        inside(&social, preset).auth(Auth::at_session(social.url(), "shop.example", "wr0ng-passw0rd"));
    let error = error(&source).await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthenticated, false));
    assert_eq!(social.faults().seen().len(), 1);
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn what_is_public_needs_no_credentials_and_a_cursor_on_the_last_page_is_no_circle() {
    let social = Social::builder().start().unwrap();
    (0..6).for_each(|n| social.push(FEED, post(n)));
    let source = at(&social, author_feed(dataset(), PUBLIC, "shop.example")).auth(Auth::none()).page_size(3);
    let mut source = source.build().unwrap();
    source.seek(None).await.unwrap();
    assert_eq!(drain(&mut source).await.unwrap().len(), 3, "two pages, and the end");
    assert_eq!(social.faults().count("bluesky"), 3);
}

#[tokio::test]
async fn a_search_asks_for_what_is_new() {
    let social = Social::builder().start().unwrap();
    (0..12).for_each(|n| social.push(POSTS, post(n)));
    let source = inside(&social, search_posts(dataset(), "https://bsky.example", "caf\u{e9} & bar"));
    let (found, position) = read(&source, None).await;
    assert_eq!(found.len(), 12);
    (12..20).for_each(|n| social.push(POSTS, post(n)));
    social.faults().forget();
    let (found, _) = read(&source, position.as_ref()).await;
    let all = social.list(POSTS);
    assert!(uris(&all[12..]).iter().all(|uri| uris(&found).contains(uri)));
    assert!(!uris(&found).contains(&&all[5]["uri"]));
    let targets: Vec<_> = social.faults().seen().into_iter().map(|seen| seen.target).collect();
    assert!(
        targets.iter().any(|target| target.contains("q=caf%C3%A9%20%26%20bar") && target.contains("since="))
    );
}
