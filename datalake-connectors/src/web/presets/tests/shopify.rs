use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Failure, Silo, at, dataset, deliver, error, mac, read, received};
use crate::web::presets::shopify::{access, graphql, orders, webhook};
use datalake_core::{ErrorKind, Source as _, source_suite};
use datalake_simulators::social::{Social, TOKEN};

const ORDERS: &str = "/admin/api/2025-10/orders.json";
const SHOP: &str = "https://shop.myshopify.example";

/// Three orders an hour.
fn order(n: u64) -> Value {
    json!({ "id": 450_789_469 + n, "updated_at": format!("2024-01-03T{:02}:00:00+00:00", n / 3), "total_price": "1.10" })
}

fn on(social: &Social) -> crate::web::poll::PollSourceBuilder {
    at(social, orders(dataset(), SHOP, "2025-10")).auth(access(TOKEN)).page_size(3)
}

fn silo() -> Silo {
    let social = Social::builder().links_to("https://shop.myshopify.example").start().unwrap();
    let source = on(&social);
    Silo::on(social, ORDERS, source, order, 12)
}

const GRAPHQL: &str = "/admin/api/2025-10/graphql.json#orders";

/// An order by GraphQL, three an hour.
fn node(n: u64) -> Value {
    json!({ "id": format!("gid://shopify/Order/{n}"), "updatedAt": format!("2024-01-03T{:02}:00:00Z", n / 3), "name": "#1" })
}

fn by_graphql(social: &Social) -> crate::web::poll::PollSourceBuilder {
    at(social, graphql(dataset(), SHOP, "2025-10", "orders", "name")).auth(access(TOKEN)).page_size(3)
}

fn connection() -> Silo {
    const FAILURES: &[Failure] = &[
        (503, "", ErrorKind::Unavailable),
        (200, "THROTTLED", ErrorKind::RateLimited),
        (200, "ACCESS_DENIED", ErrorKind::PermissionDenied),
        (200, "undefinedField", ErrorKind::ConfigInvalid),
        (401, "", ErrorKind::Unauthenticated),
        (404, "", ErrorKind::NotFound),
    ];
    let social = Social::builder().start().unwrap();
    let source = by_graphql(&social);
    Silo { failures: FAILURES, ..Silo::on(social, GRAPHQL, source, node, 12) }
}

source_suite!(of_a_connection, connection());
source_suite!(of_a_connection_of_a_shaky_shop, connection().shaky());
source_suite!(of_orders, silo());
source_suite!(of_orders_of_a_shaky_shop, silo().shaky());

#[tokio::test]
async fn a_next_link_is_asked_for_as_it_is() {
    let social = Social::builder().start().unwrap();
    (0..7).for_each(|n| social.push(ORDERS, order(n)));
    assert_eq!(read(&on(&social), None).await.0, social.list(ORDERS));
    let targets: Vec<_> = social.faults().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(
        targets,
        [
            format!("{ORDERS}?order=updated_at%20asc&status=any&limit=3"),
            format!("{ORDERS}?limit=3&page_info=3-"),
            format!("{ORDERS}?limit=3&page_info=6-"),
        ]
    );
}

#[tokio::test]
async fn variables_are_in_the_body_and_sizes_are_numbers() {
    let social = Social::builder().start().unwrap();
    (0..5).for_each(|n| social.push(GRAPHQL, node(n)));
    let (found, position) = read(&by_graphql(&social), None).await;
    assert_eq!(found, social.list(GRAPHQL));
    read(&by_graphql(&social), position.as_ref()).await;
    let bodies: Vec<Value> =
        social.faults().seen().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect();
    assert_eq!(bodies[0]["variables"], json!({ "first": 3 }));
    assert_eq!(bodies[1]["variables"], json!({ "first": 3, "after": "cursor3" }));
    assert_eq!(bodies[2]["variables"], json!({ "first": 3, "query": "updated_at:>='2024-01-03T00:55:00Z'" }));
    assert!(bodies[0]["query"].as_str().unwrap().contains("nodes { id updatedAt name }"));
}

#[tokio::test]
async fn a_query_that_is_throttled_in_the_middle_is_an_error_and_the_walk_goes_on_there() {
    let social = Social::builder().start().unwrap();
    (0..9).for_each(|n| social.push(GRAPHQL, node(n)));
    social.allow(2);
    let mut source = by_graphql(&social).build().unwrap();
    let mut found = 0;
    let error = loop {
        match source.next_batch().await {
            Ok(datalake_core::Next::Batch(batch)) => found += batch.documents.len(),
            Ok(next) => panic!("{next:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((found, error.kind(), error.is_retryable()), (2, ErrorKind::RateLimited, true));
    assert!(error.to_string().contains("THROTTLED"), "{error}");
    social.allow(100);
    let rest = super::drain(&mut source).await.unwrap();
    assert_eq!(super::records(&source, &rest), social.list(GRAPHQL)[6..]);
}

#[tokio::test]
async fn an_order_that_changes_comes_again_and_one_that_does_not_stays_away() {
    let social = Social::builder().start().unwrap();
    (0..12).for_each(|n| social.push(ORDERS, order(n)));
    let (_, position) = read(&on(&social), None).await;
    assert_eq!(read(&on(&social), position.as_ref()).await.0.len(), 0);
    social.change(ORDERS, |orders| orders[2]["updated_at"] = json!("2024-01-03T09:30:00+00:00"));
    let (found, _) = read(&on(&social), position.as_ref()).await;
    assert!(found.contains(&social.list(ORDERS)[2]) && found.len() <= 4, "{found:?}");
}

#[tokio::test]
async fn a_bucket_that_is_full_is_told_with_the_time_it_takes() {
    let social = Social::builder().start().unwrap();
    social.push(ORDERS, order(0));
    social.allow(0);
    let error = error(&on(&social)).await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(2))));
}

#[tokio::test]
async fn a_webhook_keeps_its_topic_and_the_id_of_its_delivery() {
    let (secret, body) = ("shpss_simulated", order(1).to_string());
    let mut source =
        webhook(dataset(), SocketAddr::from(([127, 0, 0, 1], 0)), [secret]).build().await.unwrap();
    let tag = STANDARD.encode(mac(secret, &body));
    let headers = [
        ("x-shopify-hmac-sha256", tag.as_str()),
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-webhook-id", "w-1"),
    ];
    let sender = deliver(source.local_addr(), "/shopify", &headers, &body);
    let batch = received(&mut source).await;
    assert!(!sender.is_finished());
    let document = &batch.documents[0];
    assert_eq!(
        (document.id().map(|id| &**id), &**document.locator()),
        (Some("w-1"), "/shopify#orders/create")
    );
    source.commit(&batch.position).await.unwrap();
    assert!(sender.await.unwrap().starts_with("HTTP/1.1 200"));
    let forged = deliver(source.local_addr(), "/shopify", &headers, "{}").await.unwrap();
    assert!(forged.starts_with("HTTP/1.1 401"), "{forged}");
}
