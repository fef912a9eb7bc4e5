//! Stripe: lists by creation, the newest first, with the id of the last record as the cursor.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::State;
use super::list::{Lists, array, limit, member};
use super::refused;
use crate::rest::{Answer, Request};

const MOST: usize = 100;

pub(super) fn answer(state: &State, lists: &mut Lists, request: &Request) -> Answer {
    respond(state, lists, request).unwrap_or_else(|no| no).with("request-id", "req_simulated")
}

fn respond(state: &State, lists: &mut Lists, request: &Request) -> Result<Answer, Answer> {
    let refused = |status, code, message: &str| refused::answer("stripe", status, code, message);
    if !knows(state, request) {
        return Err(refused(401, "invalid_api_key", "Invalid API Key provided"));
    }
    if !lists.enter() {
        return Err(refused(429, "rate_limit", "Request rate limit exceeded"));
    }
    let records = lists.get(&request.path);
    let records = records.ok_or_else(|| refused(404, "resource_missing", "Unrecognized request URL"))?;
    let most = match request.query("limit").map(str::parse::<usize>) {
        None | Some(Ok(1..=MOST)) => limit(request, "limit", 10, MOST),
        _ => return Err(refused(400, "parameter_invalid_integer", "Invalid integer")),
    };
    let number = |name: &str| request.query(name).and_then(|text| text.parse::<i64>().ok());
    let delivered = request.query("delivery_success").map(|text| text == "true");
    let mut found: Vec<_> = records
        .iter()
        .rev()
        .filter(|record| {
            let created = record["created"].as_i64().unwrap_or_default();
            let pending = record["pending_webhooks"].as_u64().unwrap_or_default() > 0;
            number("created[gte]").is_none_or(|from| created >= from)
                && number("created[gt]").is_none_or(|after| created > after)
                && delivered.is_none_or(|delivered| delivered != pending)
        })
        .collect();
    if let Some(after) = request.query("starting_after") {
        let at = records.iter().position(|record| member(record, "id") == after);
        let at = at.ok_or_else(|| refused(400, "resource_missing", &format!("No such object: '{after}'")))?;
        let older: Vec<_> = records[..at].iter().map(|record| member(record, "id")).collect();
        found.retain(|record| older.contains(&member(record, "id")));
    }
    let more = found.len() > most;
    found.truncate(most);
    Ok(page(request, found, more))
}

fn page(request: &Request, records: Vec<&Value>, more: bool) -> Answer {
    let data = array(records);
    let path = Value::from(request.path.as_str());
    Answer::json(200, format!(r#"{{"object":"list","data":{data},"has_more":{more},"url":{path}}}"#))
}

/// Whether the key came as a bearer or as the user of basic auth.
fn knows(state: &State, request: &Request) -> bool {
    let basic = || {
        let (scheme, text) = request.header("authorization")?.split_once(' ')?;
        let pair = STANDARD.decode(text).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        Some(pair.strip_suffix(b":")? == state.settings.token.as_bytes())
    };
    request.bearer() == Some(&state.settings.token) || basic() == Some(true)
}
