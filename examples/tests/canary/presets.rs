//! Tokens, app passwords and keys of social networks and sales channels.

use std::time::Duration;

use datalake_connectors::web::Auth;
use datalake_connectors::web::poll::PollSourceBuilder;
use datalake_connectors::web::presets::{bluesky, mastodon, meta, shopify, stripe, youtube};
use datalake_core::Dataset;
use datalake_simulators::social::Social;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

use super::front::{Front, Mood, Words};
use super::silo::Silo;
use super::watch::Canary;

const WORDS: Words = Words {
    refuses: |_, told| json!({ "error": { "message": told, "type": told }, "message": told }).to_string(),
    leads: |told| json!({ "cursor": told }).to_string(),
};

/// The seventh record of any service.
fn record(n: u64) -> Value {
    let at = format!("2024-01-03T{n:02}:00:00.000Z");
    json!({
        "id": (110_000_000_000_000_000 + n).to_string(), "uri": format!("at://did:plc:shop/{n:03}"),
        "created": 1_700_000_000 + n, "updated_at": at, "indexedAt": at, "text": format!("record {n}."),
    })
}

/// Reads from a service that takes a token, and by `auth` what it takes for that.
async fn service(
    name: &str,
    path: &str,
    social: Social,
    canaries: Vec<&Canary>,
    source: impl FnOnce(&Front) -> PollSourceBuilder,
) {
    (0..7).for_each(|n| social.push(path, record(n)));
    let front = Front::of(&social.url(), WORDS).await;
    let builder = source(&front)
        .origin(front.url())
        // Further pages of Graph are led to by links with the token in them, and pages are archived as they come.
        .page_size(if name == "meta" { 100 } else { 3 })
        .rate_limit(100_000, Duration::from_millis(1))
        .poll_every(Duration::from_millis(1))
        .timeout(Duration::from_secs(10));
    let sessions = ["com.atproto.server", path];
    let parts = if name == "bluesky" { &sessions[..] } else { &sessions[1..] };
    Silo { name, front: &front, parts, moods: &Mood::REFUSING, panics: "record 3.", canaries }
        .visit(&builder, |builder| builder.build())
        .await;
    assert_eq!(front.secrets().is_empty(), name != "bluesky", "sessions were opened");
}

#[tokio::test]
async fn tokens_and_app_secrets_of_social_networks_are_nowhere() {
    let dataset = || Dataset::new("d").unwrap();
    let (token, app) = (Canary::new("social-token"), Canary::new("social-app"));
    let secret = || token.value.as_str();
    let social = || Social::builder().token(&token.value).start().unwrap();
    service("mastodon", "/api/v1/accounts/7/statuses", social(), vec![&token], |_| {
        mastodon::account_statuses(dataset(), "https://mastodon.example", "7").auth(Auth::bearer(secret()))
    })
    .await;
    service("bluesky", "/xrpc/com.atproto.repo.listRecords", social(), vec![&token], |front| {
        bluesky::records(dataset(), "https://pds.example", "shop.example", "app.bsky.feed.post")
            .auth(Auth::at_session(front.url(), "shop.example", secret()))
    })
    .await;
    service("stripe", "/v1/charges", social(), vec![&token], |_| {
        stripe::list(dataset(), "charges").auth(Auth::bearer(secret()))
    })
    .await;
    service("shopify", "/admin/api/2025-10/orders.json", social(), vec![&token], |_| {
        shopify::orders(dataset(), "https://shop.example", "2025-10").auth(shopify::access(secret()))
    })
    .await;
    service("youtube", "/youtube/v3/playlistItems", social(), vec![&token], |_| {
        youtube::playlist_items(dataset(), "PL1").auth(youtube::key(secret()))
    })
    .await;
    let mac = Hmac::<sha2::Sha256>::new_from_slice(app.value.as_bytes()).unwrap();
    let mac = mac.chain_update(&token.value).finalize().into_bytes();
    let proof = Canary::of(mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let graph = Social::builder().token(&token.value).proof(&proof.value).start().unwrap();
    service("meta", "/v23.0/178/media", graph, vec![&token, &app, &proof], |_| {
        meta::edge(dataset(), "v23.0", "178/media", "id,text")
            .auth(meta::access(secret(), app.value.as_str()))
    })
    .await;
}
