//! Social media, sales channels and feeds: settings of [`web.poll`](super::poll) and [`web.hook`](super::hook) that are
//! right for a service.
//!
//! A function gives the builder of a source with the service's paging, its rate and what its refusals mean. Give it the
//! credentials by [`auth`](super::poll::PollSourceBuilder::auth), and change what you like before you build it. There is
//! nothing here that the builders cannot do.
//!
//! ```
//! use datalake_connectors::web::Auth;
//! use datalake_connectors::web::presets::{mastodon, stripe};
//! use datalake_core::{Dataset, Secrets};
//!
//! let posts = mastodon::account_statuses(Dataset::new("posts")?, "https://mastodon.example", "109302436954721982").build()?;
//! let key = Secrets::new().credential("env:STRIPE_KEY")?;
//! let charges = stripe::list(Dataset::new("charges")?, "charges").auth(Auth::bearer(key)).build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! | module | what is read | how it goes on |
//! |---|---|---|
//! | [`bluesky`] | records and feeds of an account, searches | by cursors; searches by time |
//! | [`feed`] | items of RSS and Atom | by `ETag` and `Last-Modified` |
//! | [`mastodon`] | timelines, statuses of an account | by the greatest id, from the oldest to the newest |
//! | [`meta`] | edges of the Graph API, insights | by links; insights by windows of days, the last of them again |
//! | [`shopify`] | lists of the Admin API, by GraphQL and REST; its webhooks | by the time of change |
//! | [`stripe`] | any list, events that no webhook took; its webhooks | by the time of creation |
//! | [`youtube`] | videos, playlists, comments | by cursors; searches by time |
//!
//! A record can come more than once, in its newest state last. It has an id by which it is the same.

pub mod bluesky;
pub mod feed;
pub mod mastodon;
pub mod meta;
pub mod shopify;
pub mod stripe;
pub mod youtube;

#[cfg(test)]
mod tests;

use crate::http::percent;

/// A server and what comes after it, without two slashes between them.
fn url(server: &str, path: &str) -> String {
    format!("{}{path}", server.trim_end_matches('/'))
}

/// A part of a path.
fn part(text: &str) -> String {
    percent::encode(text)
}
