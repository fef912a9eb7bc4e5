//! What is asked for, and what is read because of it.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::client::{Api, Listed, Reply};
use super::missing::cover;
use super::page::{Known, Links, Page, properties};
use super::position::{Pending, Phase, Run, State};
use super::source::{Plan, cycle};
use datalake_core::{Error, Request, Result};

/// The most records of a page of a list, of a search, and of a read by ids.
const LIST: usize = 100;
const SEARCH: usize = 200;
const BATCH: usize = 100;
/// The most bytes of property names in a search. Its body has at most 3,000 characters.
const NAMES: usize = 2_000;

/// What was told.
#[derive(Debug)]
pub(super) enum Told {
    Properties { known: Known, now: DateTime<Utc> },
    Read(Box<Read>),
    Links { body: Bytes, links: Links, request: Request },
}

/// A page, with the records of it where they were read by their ids.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) page: Page,
    /// The bodies to give.
    pub(super) bodies: Vec<Bytes>,
    pub(super) requests: Vec<Request>,
}

/// What to ask for.
#[derive(Debug)]
pub(super) enum Ask {
    List { archived: bool, after: Option<String>, limit: usize },
    Search { body: Value },
    Links { to: String, inputs: Vec<(String, Option<String>)> },
}

/// Whether the names are few enough for a search.
fn fit(names: &[String]) -> bool {
    names.iter().map(|name| name.len() + 3).sum::<usize>() <= NAMES
}

/// What to ask for next.
pub(super) fn ask(state: &State, run: &Run, plan: &Plan, names: &[String]) -> Ask {
    if let Some(Pending { to, inputs, .. }) = &run.links {
        return Ask::Links { to: to.first().cloned().unwrap_or_default(), inputs: inputs.clone() };
    }
    let after = run.after.clone();
    match run.phase {
        Phase::All => Ask::List { archived: false, after, limit: LIST },
        Phase::Archived => Ask::List { archived: true, after, limit: LIST },
        Phase::Late | Phase::New => {
            let (lo, hi) = state.window(&cycle(plan, run.until));
            let modified = state.modified.as_deref().unwrap_or_default();
            let filter = |name: &str, operator: &str, value: String| json!({ "propertyName": name, "operator": operator, "value": value });
            let mut filters = vec![filter(modified, "LT", hi.timestamp_millis().to_string())];
            filters.extend(lo.map(|lo| filter(modified, "GTE", lo.timestamp_millis().to_string())));
            filters.extend(after.map(|after| filter("hs_object_id", "GT", after)));
            let narrow = fit(names);
            let body = json!({
                "filterGroups": [{ "filters": filters }],
                "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
                "properties": if narrow { names } else { &[] },
                "limit": if narrow { SEARCH } else { BATCH },
            });
            Ask::Search { body }
        }
    }
}

/// Asks which properties there are, and what time it is there.
pub(super) async fn describe(api: Arc<Api>) -> Result<Told> {
    let reply = api.properties().await?;
    let now = reply.date.unwrap_or_else(|| {
        let now = Utc::now();
        now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()))
    });
    Ok(Told::Properties { known: properties(&reply.body)?, now })
}

/// Reads links, or a page and the records of it where their properties did not fit.
pub(super) async fn read(api: Arc<Api>, ask: Ask, names: Arc<[String]>) -> Result<Told> {
    let noted = |reply: &Reply| Request {
        id: reply.id.clone(),
        locator: Some(api.client.origin().shown(&reply.path)),
        etag: None,
        last_modified: None,
        status: Some(reply.status),
    };
    let (reply, whole) = match &ask {
        Ask::List { archived, after, limit } => {
            let listed = Listed { archived: *archived, after: after.as_deref(), limit: *limit };
            let (path, whole) = match api.list(&names, listed)? {
                Some(path) => (Some(path), true),
                // Of an archived record it matters that it is.
                None => (api.list(&[], listed)?, *archived),
            };
            let path = path.ok_or_else(|| Error::unexpected("a path is too long without any properties"))?;
            (api.get(path).await?, whole)
        }
        Ask::Search { body } => (api.search(body).await?, fit(&names)),
        Ask::Links { to, inputs } => {
            let reply = api.links(to, inputs).await?;
            let (links, request) = (Links::read(&reply.body)?, noted(&reply));
            return Ok(Told::Links { body: reply.body, links, request });
        }
    };
    let mut requests = vec![noted(&reply)];
    let page = Page::read(&reply.body)?;
    let ids: Vec<&str> = page.results.iter().map(|row| row.id.as_str()).collect();
    let mut bodies = Vec::new();
    if whole {
        bodies.extend((!ids.is_empty()).then(|| reply.body.clone()));
    } else {
        for ids in ids.chunks(BATCH) {
            let reply = api.batch(ids, &names).await?;
            requests.push(noted(&reply));
            // One that was archived meanwhile is not there any more.
            let found = Page::read(&reply.body)?;
            let given = found.results.iter().map(|row| row.id.as_str());
            cover(ids.iter().copied(), given, &found.errors, |text| api.client.reveals(text))?;
            bodies.extend((!found.results.is_empty()).then_some(reply.body));
        }
    }
    Ok(Told::Read(Box::new(Read { page, bodies, requests })))
}
