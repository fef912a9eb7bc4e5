//! Bluesky and other services of the AT protocol.
//!
//! Lists are read page by page by the `cursor` of each page until there is none. [`records`] reads what an account has
//! written from its own server, the oldest first, so that in a later cycle only the last page is news; that is the one to
//! prefer. [`author_feed`] has boosts too, and counts of likes; it is newest first and is read whole in every cycle.
//! [`search_posts`] asks only for what is new since the cycle before, and five minutes more.
//!
//! Public lists can be asked of [`PUBLIC`] without credentials. For others, and for searches, log in with an app password:
//! `.auth(Auth::at_session("https://bsky.social", "shop.example", password))`. The session is refreshed before its
//! token ends; a token that a server calls expired, by status 400, is replaced and the request sent again.
//!
//! 3,000 requests in five minutes are taken; ten a second are sent.

use std::time::Duration;

use super::url;
use crate::web::Refusals;
use crate::web::poll::{Incremental, Pagination, PollSource, PollSourceBuilder};
use datalake_core::Dataset;

/// The server that answers what is public, to everybody.
pub const PUBLIC: &str = "https://public.api.bsky.app";

/// The records of one collection in the repository of an account, for instance `app.bsky.feed.post`. The server is the
/// one that the account is on, and the account is named by handle or DID.
pub fn records(
    dataset: Dataset,
    server: impl AsRef<str>,
    account: &str,
    collection: &str,
) -> PollSourceBuilder {
    list(dataset, server.as_ref(), "com.atproto.repo.listRecords", "/records")
        .query("repo", account)
        .query("collection", collection)
        .query("reverse", "true")
}

/// What an account has written and boosted.
pub fn author_feed(dataset: Dataset, server: impl AsRef<str>, account: &str) -> PollSourceBuilder {
    list(dataset, server.as_ref(), "app.bsky.feed.getAuthorFeed", "/feed").query("actor", account)
}

/// Posts that a search finds, the newest first.
pub fn search_posts(dataset: Dataset, server: impl AsRef<str>, search: &str) -> PollSourceBuilder {
    list(dataset, server.as_ref(), "app.bsky.feed.searchPosts", "/posts")
        .query("q", search)
        .query("sort", "latest")
        .incremental(Incremental::since("since", "/indexedAt"))
}

fn list(dataset: Dataset, server: &str, method: &str, records: &str) -> PollSourceBuilder {
    PollSource::builder(dataset, url(server, &format!("/xrpc/{method}")))
        .records(records)
        .pagination(Pagination::cursor("/cursor", "cursor").size("limit", 100))
        .refusals(
            Refusals::at("/error").unauthenticated(["ExpiredToken"]).rate_limited(["RateLimitExceeded"]),
        )
        .rate_limit(10, Duration::from_secs(1))
}
