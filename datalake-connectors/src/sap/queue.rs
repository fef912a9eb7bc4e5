//! The operational delta queue: who subscribes, which tokens there are, and its end.

use chrono::{DateTime, Utc};
use http::uri::PathAndQuery;
use serde_json::Value;

use super::Plan;
use super::service::{Service, headers};
use crate::http::client::Client;
use crate::http::link::reroot;
use crate::http::percent;
use crate::odata::fetch::{Kind, Outcome, fetch};
use crate::odata::literal;
use crate::odata::query::Query;
use datalake_core::{Error, ErrorKind, Result};

/// More pages of tokens than this are a circle.
const MOST_PAGES: usize = 1_000;

/// Whether our user has a subscription already.
pub(super) async fn is_subscribed(plan: &Plan, client: &Client, service: &Service) -> Result<bool> {
    let answer = call(plan, client, service, &format!("SubscribedTo{}", plan.set)).await?;
    match find(&answer, "SubscribedFlag") {
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(flag)) => Ok(matches!(flag.as_str(), "true" | "X" | "1")),
        _ => Err(Error::unexpected("the service does not say whether there is a subscription")),
    }
}

/// Ends the subscription of our user.
pub(super) async fn terminate(plan: &Plan, client: &Client, service: &Service) -> Result<()> {
    if !service.terminates {
        return Err(Error::new(ErrorKind::Unsupported, "the service has no subscription to end"));
    }
    call(plan, client, service, &format!("TerminateDeltasFor{}", plan.set)).await.map(drop)
}

/// The newest token that the service lists, for a load or for a delta: the link of it. Some services name the token
/// nowhere else.
pub(super) async fn newest(
    plan: &Plan,
    client: &Client,
    service: &Service,
    load: bool,
) -> Result<Option<PathAndQuery>> {
    let Some(queue) = &service.queue else { return Ok(None) };
    let mut newest: Option<(DateTime<Utc>, String)> = None;
    let mut path = Query::default().with("$format", "json").of(&plan.root, queue)?;
    for _ in 0..MOST_PAGES {
        let answer = ask(plan, client, service, &path).await?;
        let rows = find(&answer, "results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let tokens = rows.iter().filter(|row| !load || is_of_load(row)).filter_map(token);
        newest = newest.into_iter().chain(tokens).max();
        match find(&answer, "__next").and_then(Value::as_str) {
            Some(link) => path = client.without_credentials(reroot(link, &plan.root)?)?,
            None => return newest.map(|(_, token)| link(plan, &token)).transpose(),
        }
    }
    Err(Error::unexpected("the list of delta tokens has no end").with("set", queue))
}

/// The link that a token stands for.
fn link(plan: &Plan, token: &str) -> Result<PathAndQuery> {
    let folder = plan.root.path().trim_end_matches('/');
    let link = format!("{folder}/{}?!deltatoken='{}'", plan.set, percent::encode(&token.replace('\'', "''")));
    link.parse().map_err(|_| Error::unexpected("a delta token cannot stand in a url"))
}

/// When a token was made, and the token.
fn token(row: &Value) -> Option<(DateTime<Utc>, String)> {
    let created = row.get("CreatedAt").and_then(Value::as_str).and_then(literal::date)?;
    Some((created, row.get("DeltaToken")?.as_str()?.to_owned()))
}

fn is_of_load(row: &Value) -> bool {
    match row.get("IsInitialLoad") {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(flag)) => matches!(flag.as_str(), "true" | "X"),
        _ => false,
    }
}

async fn call(plan: &Plan, client: &Client, service: &Service, function: &str) -> Result<Value> {
    ask(plan, client, service, &Query::default().with("$format", "json").of(&plan.root, function)?).await
}

async fn ask(plan: &Plan, client: &Client, service: &Service, path: &PathAndQuery) -> Result<Value> {
    let headers = headers(plan, service.version);
    match fetch(client, path, &headers, Kind::Json, plan.max_body).await? {
        Outcome::Fetched(fetched) if fetched.body.is_empty() => Ok(Value::Null),
        Outcome::Fetched(fetched) => serde_json::from_slice(&fetched.body).map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the answer breaks off or is no JSON")
                .with("url", client.origin().shown(path))
                .caused_by(cause.to_string())
        }),
        Outcome::Unknown(error) => Err(error),
        Outcome::Unchanged => {
            Err(Error::unexpected("the server says that nothing has changed, but was not asked"))
        }
    }
}

/// The first value of a name, however deep: functions wrap their answers in more than one way.
fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => {
            members.get(name).or_else(|| members.values().find_map(|inner| find(inner, name)))
        }
        Value::Array(items) => items.iter().find_map(|inner| find(inner, name)),
        _ => None,
    }
}
