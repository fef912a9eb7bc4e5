//! Mastodon: lists by id, the newest first, and links in a header.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::State;
use super::list::{Lists, array, encode, limit, member};
use super::refused;
use crate::rest::{Answer, Request};

const MOST: usize = 40;
const RATE: u64 = 300;

/// A page of a list. `min_id` gives the oldest records above an id, `since_id` and `max_id` the newest between two.
pub(super) fn answer(state: &State, lists: &mut Lists, request: &Request) -> Answer {
    let refused = |status, message| refused::answer("mastodon", status, "", message);
    if request.header("authorization").is_some() && request.bearer() != Some(&state.settings.token) {
        return refused(401, "The access token is invalid");
    }
    if !lists.enter() {
        return rated(refused(429, "Too many requests"), 0);
    }
    let left = lists.left.unwrap_or(RATE - 1);
    let Some(records) = lists.get(&request.path) else {
        return rated(refused(404, "Record not found"), left);
    };
    let most = limit(request, "limit", 20, MOST);
    let bound = |name: &str| request.query(name).and_then(|id| id.parse::<u128>().ok());
    let (above, below) = (bound("min_id").or(bound("since_id")), bound("max_id"));
    let mut page: Vec<_> = records
        .iter()
        .filter(|record| above.is_none_or(|above| id(record) > above))
        .filter(|record| below.is_none_or(|below| id(record) < below))
        .collect();
    page.sort_by_key(|record| id(record));
    if bound("min_id").is_some() {
        page.truncate(most);
    } else {
        page.drain(..page.len().saturating_sub(most));
    }
    page.reverse();
    let answer = rated(Answer::json(200, array(page.iter().copied())), left);
    match (page.first(), page.last()) {
        (Some(first), Some(last)) => {
            answer.with("link", links(state, request, page.len() == most, first, last))
        }
        _ => answer,
    }
}

/// The links of a page. They keep what selects, and none of the bounds.
fn links(state: &State, request: &Request, more: bool, first: &Value, last: &Value) -> String {
    let kept =
        request.query.iter().filter(|(name, _)| !matches!(name.as_str(), "min_id" | "since_id" | "max_id"));
    let kept: String = kept.map(|(name, value)| format!("{}={}&", encode(name), encode(value))).collect();
    let link = |bound: &str, record: &Value, rel: &str| {
        format!("<{}{}?{kept}{bound}={}>; rel=\"{rel}\"", state.url, request.path, member(record, "id"))
    };
    let next = more.then(|| link("max_id", last, "next"));
    let links: Vec<_> = next.into_iter().chain([link("min_id", first, "prev")]).collect();
    links.join(", ")
}

fn id(record: &Value) -> u128 {
    record["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default()
}

fn rated(answer: Answer, left: u64) -> Answer {
    let reset = (Utc::now() + TimeDelta::seconds(300)).to_rfc3339_opts(SecondsFormat::Micros, true);
    answer
        .with("x-ratelimit-limit", RATE.to_string())
        .with("x-ratelimit-remaining", left.to_string())
        .with("x-ratelimit-reset", reset)
}
