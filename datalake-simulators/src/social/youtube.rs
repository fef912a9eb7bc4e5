//! YouTube: lists by page token, and units of the day.

use super::State;
use super::list::{Lists, array, limit};
use super::refused;
use crate::rest::{Answer, Request};

/// A page of a list. Tokens are opaque.
pub(super) fn answer(state: &State, lists: &mut Lists, request: &Request) -> Answer {
    let refused = |status, code, message| refused::answer("youtube", status, code, message);
    let key = request.header("x-goog-api-key").or(request.query("key")).or(request.bearer());
    if key != Some(&state.settings.token) {
        return refused(400, "keyInvalid", "API key not valid. Please pass a valid API key.");
    }
    if !lists.enter() {
        return refused(
            403,
            "quotaExceeded",
            "The request cannot be completed because you have exceeded your quota.",
        );
    }
    let Some(records) = lists.get(&request.path) else { return refused(404, "notFound", "not found") };
    let most =
        limit(request, "maxResults", 5, if request.path.ends_with("commentThreads") { 100 } else { 50 });
    let from = match request.query("pageToken") {
        None => 0,
        Some(token) => {
            match token.strip_prefix("CA").and_then(|token| token.strip_suffix("QAA")).map(str::parse) {
                Some(Ok(from)) => from,
                _ => return refused(400, "invalidPageToken", "The request specifies an invalid page token."),
            }
        }
    };
    // Half of a page that is between others is a page of its own, and has nothing in it.
    let (page, next) = match (state.settings.gaps, from % 2 == 1) {
        (true, true) => (Vec::new(), Some(from + 1)),
        (gaps, _) => {
            let step = if gaps { 2 } else { 1 };
            let page: Vec<_> = records.iter().skip(from / step * most).take(most).collect();
            ((page), ((from / step + 1) * most < records.len()).then_some(from + 1))
        }
    };
    let next = next.map(|next| format!(r#""nextPageToken":"CA{next}QAA","#)).unwrap_or_default();
    let total = records.len();
    Answer::json(
        200,
        format!(
            r#"{{"kind":"simulated#list",{next}"items":{},"pageInfo":{{"totalResults":{total},"resultsPerPage":{most}}}}}"#,
            array(page)
        ),
    )
}
