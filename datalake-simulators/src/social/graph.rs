//! The Graph API: lists by link, insights by time, percentages of use in a header.

use serde_json::{Value, json};

use super::State;
use super::list::{Lists, array, encode, limit, member};
use super::refused;
use crate::rest::{Answer, Request};

/// A page of an edge or of insights.
pub(super) fn answer(state: &State, lists: &mut Lists, request: &Request) -> Answer {
    let used = lists.used;
    let answer = respond(state, lists, request).unwrap_or_else(|no| no);
    let usage = json!({ "call_count": used, "total_time": 1, "total_cputime": 2 });
    let regain = if used >= 100 { 7 } else { 0 };
    let case = json!({ "17": [{ "type": "ads_insights", "call_count": used, "estimated_time_to_regain_access": regain }] });
    answer.with("x-app-usage", usage.to_string()).with("x-business-use-case-usage", case.to_string())
}

fn respond(state: &State, lists: &mut Lists, request: &Request) -> Result<Answer, Answer> {
    let refused = |status, code, message| refused::answer("graph", status, code, message);
    let token = request.bearer().or(request.query("access_token"));
    if token != Some(&state.settings.token) {
        return Err(refused(400, "190", "Error validating access token"));
    }
    if let Some(proof) = &state.settings.proof
        && request.query("appsecret_proof") != Some(proof)
    {
        return Err(refused(400, "100", "Invalid appsecret_proof provided in the API argument"));
    }
    if !lists.enter() {
        return Err(refused(400, "17", "User request limit reached"));
    }
    let records = lists.get(&request.path);
    let records =
        records.ok_or_else(|| refused(400, "100", "Unsupported get request. Object does not exist"))?;
    if request.query("metric").is_some() {
        return Ok(metrics(state, records, request));
    }
    let range: Option<Value> = request.query("time_range").and_then(|range| serde_json::from_str(range).ok());
    let day = |record: &&Value| member(record, "date_start");
    let within = |record: &&Value| {
        let Some(range) = &range else { return true };
        day(record) >= member(range, "since") && day(record) <= member(range, "until")
    };
    let found: Vec<_> = records.iter().filter(within).collect();
    let most = limit(request, "limit", 25, 5_000);
    let from = match request.query("after").map(|after| after.strip_prefix("QVFI").map(str::parse::<usize>)) {
        None => 0,
        Some(Some(Ok(from))) if !lists.moved => from,
        _ => return Err(refused(400, "100", "Invalid cursors values")),
    };
    // A page in between has nothing in it and is no end.
    let (gap, first) =
        (state.settings.gaps && from % 2 == 1, if state.settings.gaps { from / 2 } else { from });
    let page: Vec<_> = found.iter().skip(first * most).take(if gap { 0 } else { most }).copied().collect();
    let more = gap || (first + 1) * most < found.len();
    let next = more.then(|| link(state, request, from + 1));
    let mut paging =
        json!({ "cursors": { "before": format!("QVFI{from}"), "after": format!("QVFI{}", from + 1) } });
    if let Some(next) = next {
        paging["next"] = next.into();
    }
    Ok(Answer::json(200, format!(r#"{{"data":{},"paging":{paging}}}"#, array(page))))
}

/// The next link has everything that was asked for in it, and the token too.
fn link(state: &State, request: &Request, after: usize) -> String {
    let token = ("access_token".to_owned(), state.settings.token.clone());
    let kept = request.query.iter().filter(|(name, _)| !matches!(name.as_str(), "after" | "access_token"));
    let pairs: String =
        kept.chain([&token]).map(|(name, value)| format!("{}={}&", encode(name), encode(value))).collect();
    format!("{}{}?{pairs}after=QVFI{after}", state.url, request.path)
}

/// Metrics with the values of their days. The next link leads to the time after, for ever.
fn metrics(state: &State, records: &[Value], request: &Request) -> Answer {
    let moment =
        |name: &str| request.query(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    let (since, until) = (moment("since"), moment("until"));
    let within: Vec<_> = records
        .iter()
        .filter(|record| (since..until).contains(&record["at"].as_i64().unwrap_or_default()))
        .map(|record| json!({ "value": record["value"], "end_time": record["end_time"] }))
        .collect();
    let data =
        json!([{ "name": request.query("metric"), "period": "day", "values": within, "id": request.path }]);
    let next = format!("{}{}?since={until}&until={}", state.url, request.path, until + until - since);
    Answer::json(200, json!({ "data": data, "paging": { "previous": next, "next": next } }).to_string())
}
