//! Social networks and sales channels in the test's own process.
//!
//! One server speaks the APIs of several services to any client, each under its own paths and with its own traps. What
//! is in it is made and changed by the test, by plain methods, while clients read.
//!
//! ```
//! use datalake_simulators::social::Social;
//! use serde_json::json;
//!
//! let social = Social::builder().start()?;
//! social.push("/api/v1/accounts/7/statuses", json!({ "id": "110000000000000001", "content": "first" }));
//! social.push("/v1/charges", json!({ "id": "ch_1", "object": "charge", "created": 1_700_000_000 }));
//! println!("clients read {}/v1/charges", social.url());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A list has the path under which it is read, and its records are kept in the order in which they were made. Clients
//! send [`TOKEN`] unless the builder says otherwise.
//!
//! | operation, for [rules](crate::rest::Rule) | request | what it has |
//! |---|---|---|
//! | `bluesky` | `GET /xrpc/…` | a cursor on the last page too; a token that ended is status 400 |
//! | `bluesky_session`, `bluesky_refresh` | `POST /xrpc/com.atproto.server.createSession`, `…refreshSession` | the token is the app password; the sessions of one account |
//! | `feed` | `GET /feeds/…` | a list as RSS, or a document as it is; `ETag` |
//! | `graph` | `GET /vN.N/…` | cursors on the last page too, the token in links, limits as status 400; `metric` leads on in time for ever |
//! | `mastodon` | `GET /api/v1/…` | a page is newest first, and `next` goes back beyond `since_id`; the reset of the rate is a date |
//! | `shopify` | `GET /admin/api/…` | `page_info` stands alone; a bucket in a header |
//! | `shopify_graphql` | `POST /admin/api/…/graphql.json` | refusals with status 200; the list of `orders` is at the path and `#orders` |
//! | `stripe` | `GET /v1/…` | newest first; `starting_after` must be there; an end only by `has_more` |
//! | `youtube` | `GET /youtube/v3/…` | units that are used up are status 403 |
//! | `other` | anything else: not found | |
//!
//! Rates are counted down by [`allow`](Social::allow).

mod bluesky;
mod builder;
mod feed;
mod graph;
mod list;
mod mastodon;
mod refused;
mod route;
mod shopify;
mod stripe;
#[cfg(test)]
mod tests;
mod youtube;

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::rest::{Faults, Server, lock};

pub use builder::Builder;

use list::Lists;

/// The token that is taken unless told otherwise.
pub const TOKEN: &str = "simulated-token";

/// The services on a port of their own on loopback, until dropped.
#[derive(Debug)]
pub struct Social {
    server: Server,
    state: Arc<State>,
    faults: Faults,
}

#[derive(Debug)]
pub(crate) struct State {
    url: String,
    settings: Builder,
    lists: Mutex<Lists>,
}

impl Social {
    /// The settings of one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong, and what came.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Adds a record to the list at a path.
    pub fn push(&self, path: &str, record: Value) {
        lock(&self.state.lists).of(path).push(record);
    }

    /// The records of the list at a path, the oldest first.
    #[must_use]
    pub fn list(&self, path: &str) -> Vec<Value> {
        lock(&self.state.lists).of(path).clone()
    }

    /// Changes the list at a path.
    pub fn change(&self, path: &str, change: impl FnOnce(&mut Vec<Value>)) {
        change(lock(&self.state.lists).of(path));
    }

    /// Publishes a document, in the place of a feed made of a list.
    pub fn publish(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) {
        let document = (content_type.to_owned(), body.into());
        lock(&self.state.lists).documents.insert(path.to_owned(), document);
    }

    /// Says from now on that so many percent of the rate are used, where a service says it in percent.
    pub fn say_used(&self, percent: u64) {
        lock(&self.state.lists).used = percent;
    }

    /// Knows no cursor any more that it has given, where cursors are not to be stored.
    pub fn forget_cursors(&self, forgotten: bool) {
        lock(&self.state.lists).moved = forgotten;
    }

    /// Takes the token of the session no more. It can be refreshed.
    pub fn expire_session(&self) {
        lock(&self.state.lists).sessions.expire();
    }

    /// Ends the session: it cannot be refreshed either.
    pub fn end_session(&self) {
        lock(&self.state.lists).sessions.end();
    }

    /// Takes so many requests more and then refuses them for their rate, until told again. Without it there is no
    /// limit.
    pub fn allow(&self, requests: u64) {
        lock(&self.state.lists).left = Some(requests);
    }
}
