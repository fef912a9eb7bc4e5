//! Which request asks for what.

use super::{State, bluesky, feed, graph, lock, mastodon, refused, shopify, stripe, youtube};
use crate::rest::{Answer, Refusal, Request, Service};

fn operation(request: &Request) -> &'static str {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/xrpc/com.atproto.server.createSession") => "bluesky_session",
        ("POST", "/xrpc/com.atproto.server.refreshSession") => "bluesky_refresh",
        ("GET", path) if path.starts_with("/xrpc/") => "bluesky",
        ("GET", path) if path.starts_with("/youtube/v3/") => "youtube",
        ("POST", path) if path.starts_with("/admin/api/") && path.ends_with("/graphql.json") => {
            "shopify_graphql"
        }
        ("GET", path) if path.starts_with("/admin/api/") => "shopify",
        ("GET", path) if path.starts_with("/feeds/") => "feed",
        ("GET", path) if path.starts_with("/api/v1/") => "mastodon",
        ("GET", path) if path.starts_with("/v1/") => "stripe",
        ("GET", path) if is_version(path) => "graph",
        _ => "other",
    }
}

/// Whether a path begins with a version such as `v23.0`.
fn is_version(path: &str) -> bool {
    let version = path.split('/').nth(1).and_then(|part| part.strip_prefix('v')?.split_once('.'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    version.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

impl Service for State {
    fn operation(&self, request: &Request) -> &'static str {
        operation(request)
    }

    fn answer(&self, operation: &'static str, request: &Request) -> Answer {
        let mut lists = lock(&self.lists);
        match operation {
            "bluesky" => bluesky::answer(&mut lists, request),
            "bluesky_session" | "bluesky_refresh" => bluesky::session(self, &mut lists, operation, request),
            "graph" => graph::answer(self, &mut lists, request),
            "shopify_graphql" => shopify::graphql(self, &mut lists, request),
            "shopify" => shopify::answer(self, &mut lists, request),
            "youtube" => youtube::answer(self, &mut lists, request),
            "feed" => feed::answer(&mut lists, request),
            "mastodon" => mastodon::answer(self, &mut lists, request),
            "stripe" => stripe::answer(self, &mut lists, request),
            _ => refused::answer(operation, 404, "not_found", "there is nothing here"),
        }
    }

    fn refuse(&self, operation: &'static str, refusal: &Refusal) -> Answer {
        refused::refuse(operation, refusal)
    }

    fn compresses(&self) -> bool {
        true
    }
}
