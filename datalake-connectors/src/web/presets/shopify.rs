//! Shopify: lists of the Admin API by GraphQL and by REST, and webhooks.
//!
//! Shopify takes new public apps by GraphQL alone; [`graphql`] is the one to prefer. A list of REST is read by the time of change, the oldest first, page by page by the `next` link in the header, which carries a
//! `page_info` and must be sent with nothing else beside the size. A cycle asks for what has changed since the one
//! before, and five minutes more. What is deleted is told by webhooks alone.
//!
//! A list of GraphQL is read in the same order by `endCursor`. Its requests are counted in points by what they ask for; one
//! that is throttled has status 200 and a code, and is asked for again later.
//!
//! A shop takes two requests of REST a second, and 40 at once, from all that an app does there; the source sends two a second,
//! and waits where the bucket in `X-Shopify-Shop-Api-Call-Limit` is nearly full.
//!
//! `.auth(shopify::access(token))` sends the token of the app. The version of the API is a quarter such as `2025-10`.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::{part, url};
use crate::web::hook::{HookSource, HookSourceBuilder, Verify};
use crate::web::poll::{Incremental, Pagination, PollSource, PollSourceBuilder, Usage};
use crate::web::{Auth, Refusals};
use datalake_core::{Credential, Dataset};

/// The token of an app in a shop.
pub fn access(token: impl Into<Credential>) -> Auth {
    Auth::api_key_header("X-Shopify-Access-Token", token)
}

/// Orders in any state. Without the scope `read_all_orders` a shop shows those of the last 60 days.
pub fn orders(dataset: Dataset, shop: impl AsRef<str>, version: &str) -> PollSourceBuilder {
    list(dataset, shop, version, "orders").query("status", "any")
}

/// The records of a resource that has an `updated_at`, for instance `products` or `customers`, of a shop such as
/// `https://shop.myshopify.com`.
pub fn list(dataset: Dataset, shop: impl AsRef<str>, version: &str, resource: &str) -> PollSourceBuilder {
    let path = format!("/admin/api/{}/{}.json", part(version), part(resource));
    PollSource::builder(dataset, url(shop.as_ref(), &path))
        .records(format!("/{resource}"))
        .pagination(Pagination::link_header().size("limit", 250))
        .query("order", "updated_at asc")
        .incremental(Incremental::since("updated_at_min", "/updated_at"))
        .usage(Usage::bucket("x-shopify-shop-api-call-limit", 2.0))
        .rate_limit(2, Duration::from_secs(1))
}

/// The nodes of a connection by GraphQL, for instance `orders`, `products` or `customers`, with fields as GraphQL writes
/// them: `name totalPriceSet { shopMoney { amount currencyCode } }`. The `id` and `updatedAt` are asked for beside them.
pub fn graphql(
    dataset: Dataset,
    shop: impl AsRef<str>,
    version: &str,
    connection: &str,
    fields: &str,
) -> PollSourceBuilder {
    let query = format!(
        "query($first: Int!, $after: String, $query: String) {{ {connection}(first: $first, after: $after, query: $query, \
         sortKey: UPDATED_AT) {{ nodes {{ id updatedAt {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let page = |rest: &str| format!("/data/{connection}/{rest}");
    let pagination = Pagination::cursor(page("pageInfo/endCursor"), "after")
        .while_true(page("pageInfo/hasNextPage"))
        .size("first", 100);
    let refusals = Refusals::at("/errors/0/extensions/code")
        .or_at("/errors/0/message")
        .rate_limited(["THROTTLED", "Throttled"])
        .permission_denied(["ACCESS_DENIED"])
        .unavailable(["INTERNAL_SERVER_ERROR", "TIMEOUT"])
        .in_answers();
    PollSource::builder(dataset, url(shop.as_ref(), &format!("/admin/api/{}/graphql.json", part(version))))
        .post(json!({ "query": query, "variables": {} }), "/variables")
        .records(page("nodes"))
        .pagination(pagination)
        .incremental(Incremental::since("query", "/updatedAt").within("updated_at:>='{since}'"))
        .refusals(refusals)
        .rate_limit(2, Duration::from_secs(1))
}

/// Receives webhooks at `/shopify`, signed with any of the app's secrets. The id of an event is that of its delivery,
/// which stays the same when it is sent again, and its topic is in the locator of the document. Shopify waits five
/// seconds for an answer and tries for four hours; events are known again as long.
pub fn webhook(
    dataset: Dataset,
    listen: SocketAddr,
    secrets: impl IntoIterator<Item = impl Into<Credential>>,
) -> HookSourceBuilder {
    HookSource::builder(dataset, listen)
        .path("/shopify")
        .verify(Verify::shopify(secrets))
        .commit_timeout(Duration::from_secs(4))
        .remember(Duration::from_secs(5 * 60 * 60))
}
