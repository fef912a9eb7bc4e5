//! Requests to HubSpot, at the rates it takes, and what its refusals mean.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::client::{Answer, Client};
use crate::http::pace::Pace;
use crate::http::percent;
use datalake_core::{Error, ErrorKind, Result};

/// The longest path with its query.
const LONGEST_PATH: usize = 7_000;

/// A client of a portal, for one object.
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) object: String,
    pub(super) version: String,
    pub(super) pace: Mutex<Pace>,
    pub(super) searches: Mutex<Pace>,
    pub(super) max_body: usize,
}

/// An answer that is a success.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) body: Bytes,
    pub(super) path: PathAndQuery,
    pub(super) id: Option<String>,
    pub(super) status: u16,
    pub(super) date: Option<DateTime<Utc>>,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) archived: bool,
    pub(super) after: Option<&'a str>,
    pub(super) limit: usize,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    message: String,
    #[serde(default)]
    category: String,
    #[serde(rename = "policyName", default)]
    policy: String,
}

#[derive(Deserialize)]
struct Account {
    #[serde(rename = "utcOffset", default)]
    offset: String,
}

impl Api {
    /// The path of something of the API; versions that are dates are in another place than `v3`.
    fn path(&self, api: &str, version: &str, rest: &str) -> String {
        if version.starts_with('v') {
            format!("/crm/{version}/{api}/{rest}")
        } else {
            format!("/crm/{api}/{version}/{rest}")
        }
    }

    /// A page of a list; `None` if the properties are too many for a URL.
    pub(super) fn list(&self, properties: &[String], listed: Listed<'_>) -> Result<Option<PathAndQuery>> {
        let mut query = String::new();
        percent::pair(&mut query, "limit", &listed.limit.to_string());
        percent::pair(&mut query, "archived", if listed.archived { "true" } else { "false" });
        if !properties.is_empty() {
            percent::pair(&mut query, "properties", &properties.join(","));
        }
        if let Some(after) = listed.after {
            percent::pair(&mut query, "after", after);
        }
        let path = format!("{}?{query}", self.path("objects", &self.version, &self.object));
        if path.len() > LONGEST_PATH { Ok(None) } else { parse(&path).map(Some) }
    }

    pub(super) async fn get(&self, path: PathAndQuery) -> Result<Reply> {
        self.send(&Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn properties(&self) -> Result<Reply> {
        self.get(parse(&self.path("properties", &self.version, &self.object))?).await
    }

    pub(super) async fn search(&self, body: &Value) -> Result<Reply> {
        turn(&self.searches).await;
        let path = self.path("objects", &self.version, &format!("{}/search", self.object));
        self.post(&path, body).await
    }

    /// Records by their ids.
    pub(super) async fn batch(&self, ids: &[&str], properties: &[String]) -> Result<Reply> {
        let inputs: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        let path = self.path("objects", &self.version, &format!("{}/batch/read", self.object));
        self.post(&path, &json!({ "inputs": inputs, "properties": properties })).await
    }

    /// The links of records to those of another object, each record with the cursor of its next links.
    pub(super) async fn links(&self, to: &str, inputs: &[(String, Option<String>)]) -> Result<Reply> {
        let inputs: Vec<Value> = inputs
            .iter()
            .map(|(id, after)| match after {
                Some(after) => json!({ "id": id, "after": after }),
                None => json!({ "id": id }),
            })
            .collect();
        let version = if self.version == "v3" { "v4" } else { &self.version };
        let path = self.path("associations", version, &format!("{}/{to}/batch/read", self.object));
        self.post(&path, &json!({ "inputs": inputs })).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send(&Method::POST, parse(path)?, Bytes::from(body.to_string())).await
    }

    async fn send(&self, method: &Method, path: PathAndQuery, body: Bytes) -> Result<Reply> {
        let answer = self.ask(method, &path, &body).await?;
        if !matches!(answer.status, StatusCode::OK | StatusCode::MULTI_STATUS) {
            return Err(self.refusal(&answer, &path).await);
        }
        let clean = |text: Option<&str>| text.filter(|text| !self.client.reveals(text)).map(str::to_owned);
        let id = clean(answer.header("x-hubspot-correlation-id").or(answer.request_id()));
        let date = answer.header(header::DATE).and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        Ok(Reply {
            body: answer.content(self.max_body)?,
            id,
            status: answer.status.as_u16(),
            date: date.map(|date| date.to_utc()),
            path,
        })
    }

    async fn ask(&self, method: &Method, path: &PathAndQuery, body: &Bytes) -> Result<Answer> {
        turn(&self.pace).await;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.client.call(method, path, &headers, body).await
    }

    /// What an answer that is no success means.
    async fn refusal(&self, answer: &Answer, path: &PathAndQuery) -> Error {
        let refused = answer.content(1 << 16).ok();
        let refused = refused.and_then(|body| serde_json::from_slice::<Refused>(&body).ok());
        let status = answer.status.as_u16();
        let mut error = match status {
            423 | 477 => Error::new(ErrorKind::Unavailable, "the system cannot answer now")
                .with("url", self.client.origin().shown(path))
                .with("status", status),
            _ => self.client.refusal(answer, path),
        };
        let Some(refused) = refused else { return error };
        for (name, text) in [("category", &refused.category), ("message", &refused.message)] {
            if !text.is_empty() && !self.client.reveals(text) {
                error = error.with(name, format_args!("{:?}", text.chars().take(300).collect::<String>()));
            }
        }
        if status != 429 {
            return error;
        }
        let wait = match refused.policy.as_str() {
            "SECONDLY" => Duration::from_secs(1),
            "DAILY" => self.until_midnight().await,
            _ => Duration::from_secs(10),
        };
        match error.retry_after() {
            Some(asked) if asked >= wait => error,
            _ => error.after(wait),
        }
    }

    /// How long it takes until the day of the portal ends, by its own time zone if it still says it.
    async fn until_midnight(&self) -> Duration {
        let path = PathAndQuery::from_static("/account-info/v3/details");
        let account = match self.ask(&Method::GET, &path, &Bytes::new()).await {
            Ok(answer) if answer.status.is_success() => answer.content(1 << 16).ok(),
            _ => None,
        };
        let account = account.and_then(|body| serde_json::from_slice::<Account>(&body).ok());
        midnight(Utc::now(), account.as_ref().map_or("", |account| &account.offset))
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Waits until a request is allowed, and counts it.
async fn turn(pace: &Mutex<Pace>) {
    loop {
        let ready = {
            let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
            match pace.ready() {
                Some(ready) if ready > tokio::time::Instant::now() => ready,
                _ => return pace.take(),
            }
        };
        tokio::time::sleep_until(ready).await;
    }
}

/// The time until the next midnight at an offset such as `-05:00`; at UTC if it is none.
fn midnight(now: DateTime<Utc>, offset: &str) -> Duration {
    let zone: FixedOffset = offset.parse().unwrap_or(chrono::offset::Offset::fix(&Utc));
    let today = now.with_timezone(&zone).date_naive();
    let next = today.succ_opt().and_then(|day| day.and_hms_opt(0, 0, 0));
    let next = next.and_then(|next| next.and_local_timezone(zone).single());
    let wait = next.map_or(TimeDelta::days(1), |next| next.to_utc() - now);
    wait.to_std().unwrap_or_default()
}

fn parse(path: &str) -> Result<PathAndQuery> {
    path.parse().map_err(|_| Error::config("a path cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_portal_ends_at_its_own_midnight() {
        let now: DateTime<Utc> = "2024-01-03T22:00:00Z".parse().unwrap();
        for (offset, hours) in [("+00:00", 2), ("-05:00", 7), ("+01:00", 1), ("+03:00", 23), ("", 2)] {
            assert_eq!(midnight(now, offset), Duration::from_secs(hours * 3600), "{offset}");
        }
    }
}
