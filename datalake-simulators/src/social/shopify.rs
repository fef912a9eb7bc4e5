//! Shopify's Admin API. REST: links in a header that stand alone, and a bucket that leaks. GraphQL: connections by cursor,
//! and refusals with status 200.

use serde_json::{Value, json};

use super::State;
use super::list::{Lists, array, encode, limit, member};
use super::refused;
use crate::rest::{Answer, Request};

const BUCKET: u64 = 40;
const MOST: usize = 250;

/// A page of a list.
pub(super) fn answer(state: &State, lists: &mut Lists, request: &Request) -> Answer {
    let left = lists.left.unwrap_or(BUCKET - 1).min(BUCKET);
    let used = BUCKET - left.saturating_sub(1);
    respond(state, lists, request)
        .unwrap_or_else(|no| no)
        .with("x-shopify-shop-api-call-limit", format!("{used}/{BUCKET}"))
        .with("x-request-id", "simulated")
}

fn respond(state: &State, lists: &mut Lists, request: &Request) -> Result<Answer, Answer> {
    let refused = |status, message: &str| refused::answer("shopify", status, "", message);
    if request.header("x-shopify-access-token") != Some(&state.settings.token) {
        return Err(refused(
            401,
            "[API] Invalid API key or access token (unrecognized login or wrong password)",
        ));
    }
    if !lists.enter() {
        let message = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.";
        return Err(refused(429, message).with("retry-after", "2.0"));
    }
    let records = lists.get(&request.path).ok_or_else(|| refused(404, "Not Found"))?;
    // What a page_info was made for: the least time, and how many records came before.
    let (since, from) = match request.query("page_info") {
        None => (request.query("updated_at_min").unwrap_or_default().to_owned(), 0),
        Some(info) => {
            if request
                .query
                .iter()
                .any(|(name, _)| !matches!(name.as_str(), "page_info" | "limit" | "fields"))
            {
                return Err(refused(400, "page_info cannot be sent with other filters"));
            }
            let (from, since) = info.split_once('-').ok_or_else(|| refused(400, "Invalid value."))?;
            (since.to_owned(), from.parse().map_err(|_| refused(400, "Invalid value."))?)
        }
    };
    let mut found: Vec<_> = records.iter().filter(|record| member(record, "updated_at") >= since).collect();
    found.sort_by_key(|record| member(record, "updated_at"));
    let most = limit(request, "limit", 50, MOST);
    let page: Vec<_> = found.iter().skip(from).take(most).copied().collect();
    let more = from + page.len() < found.len();
    let resource =
        request.path.rsplit('/').next().and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
    let answer = Answer::json(200, format!(r#"{{"{resource}":{}}}"#, array(page)));
    let link = |from: usize, rel: &str| {
        let info = encode(&format!("{from}-{since}"));
        format!("<{}{}?limit={most}&page_info={info}>; rel=\"{rel}\"", state.url, request.path)
    };
    let previous = (from > 0).then(|| link(from.saturating_sub(most), "previous"));
    let links: Vec<_> = previous.into_iter().chain(more.then(|| link(from + most, "next"))).collect();
    Ok(if links.is_empty() { answer } else { answer.with("link", links.join(", ")) })
}

/// Nodes of a connection. The list of `orders` has the path of the request with `#orders` after it.
pub(super) fn graphql(state: &State, lists: &mut Lists, request: &Request) -> Answer {
    let refused = |status, code, message: &str| refused::answer("shopify_graphql", status, code, message);
    if request.header("x-shopify-access-token") != Some(&state.settings.token) {
        return refused::answer("shopify", 401, "", "[API] Invalid API key or access token");
    }
    if !lists.enter() {
        return refused(200, "THROTTLED", "Throttled");
    }
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let (query, variables) = (member(&asked, "query"), &asked["variables"]);
    let inside = query.split_once('{').map_or("", |(_, inside)| inside);
    let connection = inside.split('(').next().unwrap_or_default().trim().to_owned();
    let Some(records) = lists.get(&format!("{}#{connection}", request.path)) else {
        return refused(
            200,
            "undefinedField",
            &format!("Field '{connection}' doesn't exist on type 'QueryRoot'"),
        );
    };
    let Some(most) = variables["first"].as_u64().and_then(|first| usize::try_from(first).ok()) else {
        return refused(200, "INVALID_VARIABLE", "Variable $first of type Int! was provided invalid value");
    };
    let from = match variables["after"]
        .as_str()
        .map(|after| after.strip_prefix("cursor").map(str::parse::<usize>))
    {
        None => 0,
        Some(Some(Ok(from))) => from,
        Some(_) => return refused(200, "INVALID_CURSOR", "Invalid cursor for current pagination sort."),
    };
    let since = variables["query"].as_str().and_then(|query| query.split('\'').nth(1)).unwrap_or_default();
    let mut found: Vec<_> = records.iter().filter(|record| *member(record, "updatedAt") >= *since).collect();
    found.sort_by_key(|record| member(record, "updatedAt"));
    let page: Vec<_> = found.iter().skip(from).take(most).copied().collect();
    let end = if page.is_empty() { Value::Null } else { format!("cursor{}", from + page.len()).into() };
    let more = from + page.len() < found.len();
    let cost = json!({ "requestedQueryCost": most, "actualQueryCost": page.len() });
    Answer::json(
        200,
        format!(
            r#"{{"data":{{"{connection}":{{"nodes":{},"pageInfo":{{"hasNextPage":{more},"endCursor":{end}}}}}}},"extensions":{{"cost":{cost}}}}}"#,
            array(page)
        ),
    )
}
