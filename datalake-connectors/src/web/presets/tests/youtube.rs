use serde_json::{Value, json};

use super::{Failure, Silo, at, dataset, error, ids, read};
use crate::web::presets::youtube::{channel_search, key, playlist_items, videos};
use datalake_core::{ErrorKind, source_suite};
use datalake_simulators::social::{Social, TOKEN};

const ITEMS: &str = "/youtube/v3/playlistItems";
const SEARCH: &str = "/youtube/v3/search";
const VIDEOS: &str = "/youtube/v3/videos";

fn video(n: u64) -> Value {
    let published = format!("2024-01-03T{:02}:00:00Z", n / 3);
    json!({ "id": format!("v{n:03}"), "snippet": { "title": n.to_string(), "publishedAt": published } })
}

fn silo() -> Silo {
    const FAILURES: &[Failure] = &[
        (503, "backendError", ErrorKind::Unavailable),
        (403, "quotaExceeded", ErrorKind::RateLimited),
        (403, "rateLimitExceeded", ErrorKind::RateLimited),
        (400, "keyInvalid", ErrorKind::Unauthenticated),
        (403, "commentsDisabled", ErrorKind::PermissionDenied),
        (404, "playlistNotFound", ErrorKind::NotFound),
        (400, "missingRequiredParameter", ErrorKind::ConfigInvalid),
    ];
    let social = Social::builder().gaps().start().unwrap();
    let source = at(&social, playlist_items(dataset(), "UUshop")).auth(key(TOKEN)).page_size(3);
    Silo { failures: FAILURES, ..Silo::on(social, ITEMS, source, video, 12) }
}

source_suite!(of_a_playlist, silo());
source_suite!(of_a_playlist_on_a_shaky_server, silo().shaky());

#[tokio::test]
async fn units_that_are_used_up_are_waited_for_until_the_next_day() {
    let social = Social::builder().start().unwrap();
    (0..9).for_each(|n| social.push(ITEMS, video(n)));
    social.allow(2);
    let source = at(&social, playlist_items(dataset(), "UUshop")).auth(key(TOKEN)).page_size(3);
    let error = error(&source).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let midnight = chrono::Utc::now() + error.retry_after().unwrap();
    assert_eq!(midnight.format("%H:%M").to_string(), "08:00", "{error}");
    assert!(error.to_string().contains("quotaExceeded"));
}

#[tokio::test]
async fn a_page_without_items_that_leads_on_is_no_end() {
    let social = Social::builder().gaps().start().unwrap();
    (0..8).for_each(|n| social.push(SEARCH, video(n)));
    let source = at(&social, channel_search(dataset(), "UCshop")).auth(key(TOKEN)).page_size(3);
    assert_eq!(read(&source, None).await.0.len(), 8);
    assert_eq!(social.faults().count("youtube"), 5);
}

#[tokio::test]
async fn counts_that_change_are_given_again() {
    let social = Social::builder().start().unwrap();
    (0..3).for_each(|n| social.push(VIDEOS, video(n)));
    let source = at(&social, videos(dataset(), ["v000", "v001", "v002"])).auth(key(TOKEN));
    let (found, position) = read(&source, None).await;
    assert_eq!(ids(&found), ["v000", "v001", "v002"]);
    let (found, position) = read(&source, position.as_ref()).await;
    assert_eq!(found.len(), 0);
    social.change(VIDEOS, |videos| videos[1]["statistics"] = json!({ "viewCount": "7" }));
    let (found, _) = read(&source, position.as_ref()).await;
    assert_eq!(found, social.list(VIDEOS));
    let target = &social.faults().seen()[0].target;
    assert!(target.contains("id=v000%2Cv001%2Cv002") && !target.contains("maxResults"), "{target}");
}
