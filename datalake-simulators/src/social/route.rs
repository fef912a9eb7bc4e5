//! Which request asks for what.

use super::{State, feed, lock, mastodon, refused, stripe};
use crate::rest::{Answer, Refusal, Request, Service};

fn operation(request: &Request) -> &'static str {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", path) if path.starts_with("/feeds/") => "feed",
        ("GET", path) if path.starts_with("/api/v1/") => "mastodon",
        ("GET", path) if path.starts_with("/v1/") => "stripe",
        _ => "other",
    }
}

impl Service for State {
    fn operation(&self, request: &Request) -> &'static str {
        operation(request)
    }

    fn answer(&self, operation: &'static str, request: &Request) -> Answer {
        let mut lists = lock(&self.lists);
        match operation {
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
