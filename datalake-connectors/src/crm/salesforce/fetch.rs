//! One request, from what is asked to what was told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use serde_json::json;

use super::error::Refusal;
use super::page::{Deleted, JobInfo, Page, bulk_rows};
use super::position::Job;
use super::schema::Schema;
use super::session::{Call, Session, our_time, time};
use super::soql::literal;
use crate::http::client::Answer;
use crate::http::percent;
use datalake_core::{Error, ErrorKind, Request, Result};

/// From this size on an answer is read on a thread of its own.
const LARGE: usize = 256 << 10;
/// The longest path with its query. URL and headers may have 16,384 bytes together.
const LONGEST_PATH: usize = 13_000;

/// What is the same for every request.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) object: String,
    pub(super) version: String,
    /// Records of a page of a query, as a hint.
    pub(super) page: usize,
    pub(super) max_body: usize,
    /// The longest silence.
    pub(super) timeout: Duration,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Describe { modified: Option<HeaderValue> },
    Query { soql: String, all: bool, cursor: Option<String> },
    Page { path: PathAndQuery, cursor: Option<String> },
    Create { soql: String, all: bool },
    Job { job: Job, wait: Duration },
    Results { job: Job, locator: Option<String>, rows: usize },
    Deleted { start: DateTime<Utc>, end: DateTime<Utc> },
}

/// What was told.
#[derive(Debug)]
pub(super) enum Told {
    Schema { schema: Option<Schema>, modified: Option<HeaderValue>, now: DateTime<Utc> },
    Page { page: Page, body: Bytes, request: Request },
    Job(JobInfo),
    Results { next: Option<String>, rows: u64, body: Bytes, request: Request },
    Deleted { deleted: Deleted, body: Bytes, request: Request },
}

impl Api {
    fn path(&self, rest: &str) -> Result<PathAndQuery> {
        path(&format!("/services/data/v{}/{rest}", self.version))
    }

    fn job(job: &Job, rest: &str) -> Result<PathAndQuery> {
        path(&format!("/services/data/v{}/jobs/query/{}{rest}", job.version, job.id))
    }

    /// The request that asks.
    fn call(&self, ask: &Ask) -> Result<Call, Refusal> {
        Ok(match ask {
            Ask::Describe { modified } => {
                let mut call = Call::get(self.path(&format!("sobjects/{}/describe", self.object))?);
                if let Some(modified) = modified {
                    call.headers.insert(header::IF_MODIFIED_SINCE, modified.clone());
                }
                call
            }
            Ask::Query { soql, all, .. } => {
                let mut query = String::new();
                percent::pair(&mut query, "q", soql);
                let path = self.path(&format!("{}?{query}", if *all { "queryAll" } else { "query" }))?;
                if path.as_str().len() > LONGEST_PATH {
                    return Err(Refusal::TooLong(
                        Error::config(
                            "the query is too long for a url; choose fewer fields, or allow bulk jobs",
                        )
                        .with("bytes", path.as_str().len()),
                    ));
                }
                Call { headers: self.batch_size(), ..Call::get(path) }
            }
            Ask::Page { path, .. } => Call { headers: self.batch_size(), ..Call::get(path.clone()) },
            Ask::Create { soql, all } => {
                let body = json!({
                    "operation": if *all { "queryAll" } else { "query" },
                    "query": soql,
                    "contentType": "CSV",
                    "columnDelimiter": "COMMA",
                    "lineEnding": "LF",
                });
                Call::json(Method::POST, self.path("jobs/query")?, &body)
            }
            Ask::Job { job, .. } => Call::get(Self::job(job, "")?),
            Ask::Results { job, locator, rows } => {
                let mut query = String::new();
                percent::pair(&mut query, "maxRecords", &rows.to_string());
                if let Some(locator) = locator {
                    percent::pair(&mut query, "locator", locator);
                }
                let mut call = Call::get(Self::job(job, &format!("/results?{query}"))?);
                call.headers.insert(header::ACCEPT, HeaderValue::from_static("text/csv"));
                call
            }
            Ask::Deleted { start, end } => {
                let mut query = String::new();
                percent::pair(&mut query, "start", &literal(*start));
                percent::pair(&mut query, "end", &literal(*end));
                Call::get(self.path(&format!("sobjects/{}/deleted/?{query}", self.object))?)
            }
        })
    }

    fn batch_size(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&format!("batchSize={}", self.page)) {
            headers.insert("sforce-query-options", value);
        }
        headers
    }
}

/// Asks, and reads the answer.
pub(super) async fn fetch(session: Arc<Session>, api: Arc<Api>, ask: Ask) -> Result<Told, Refusal> {
    if let Ask::Job { wait, .. } = &ask {
        tokio::time::sleep(*wait).await;
    }
    let call = api.call(&ask)?;
    let answer = session.send(&call).await?;
    let shown = session.home().shown(&call.path);
    let request = Request {
        id: None,
        locator: Some(shown.clone()),
        etag: None,
        last_modified: None,
        status: Some(answer.status.as_u16()),
    };
    let locator = answer.header("sforce-locator").map(str::to_owned);
    if locator.as_deref().is_some_and(|locator| session.reveals(locator)) {
        return Err(Error::unexpected("a locator repeats a credential").into());
    }
    let large = answer.size() >= LARGE;
    let work = move || read(&ask, &answer, locator, request, api.max_body);
    let told = if large {
        let task = tokio::task::spawn_blocking(work).await;
        task.map_err(|_| Error::unexpected("reading an answer panicked"))?
    } else {
        work()
    };
    Ok(told.map_err(|error| error.with("url", shown))?)
}

/// Takes a job away, whatever it is at. One that is gone already is well.
pub(super) async fn remove(session: &Arc<Session>, job: &Job) -> Result<()> {
    let path = Api::job(job, "")?;
    let delete = Call { method: Method::DELETE, ..Call::get(path.clone()) };
    match session.send(&delete).await {
        Ok(_) | Err(Refusal::Gone(_)) => return Ok(()),
        Err(refusal) => {
            let error = refusal.into_error();
            if error.is_retryable() || error.kind() != ErrorKind::ConfigInvalid {
                return Err(error);
            }
        }
    }
    // A job that is at work cannot be deleted.
    let abort = Call::json(Method::PATCH, path, &json!({ "state": "Aborted" }));
    for call in [abort, delete] {
        match session.send(&call).await {
            Ok(_) | Err(Refusal::Gone(_)) => {}
            Err(refusal) => return Err(refusal.into_error()),
        }
    }
    Ok(())
}

fn read(
    ask: &Ask,
    answer: &Answer,
    locator: Option<String>,
    request: Request,
    max_body: usize,
) -> Result<Told> {
    let body = answer.content(max_body)?;
    Ok(match ask {
        Ask::Describe { .. } => Told::Schema {
            schema: if answer.status.as_u16() == 304 { None } else { Some(Schema::read(&body)?) },
            modified: answer.headers.get(header::LAST_MODIFIED).cloned(),
            now: time(answer).unwrap_or_else(our_time),
        },
        Ask::Query { cursor, .. } | Ask::Page { cursor, .. } => {
            Told::Page { page: Page::read(&body, cursor.as_deref())?, body, request }
        }
        Ask::Create { .. } | Ask::Job { .. } => Told::Job(JobInfo::read(&body)?),
        Ask::Results { .. } => {
            let named = answer.header("sforce-numberofrecords").and_then(|text| text.parse().ok());
            let rows = bulk_rows(&body, named)?;
            let next = following(locator)?;
            Told::Results { next, rows, body, request }
        }
        Ask::Deleted { .. } => Told::Deleted { deleted: Deleted::read(&body)?, body, request },
    })
}

/// The locator of the next page of results: none after the last, where it is the word `null`.
fn following(locator: Option<String>) -> Result<Option<String>> {
    match locator.as_deref() {
        Some("null") => Ok(None),
        Some(_) => Ok(locator),
        None => Err(Error::unexpected(
            "a page of results does not say whether it is the last: Sforce-Locator is missing",
        )),
    }
}

fn path(text: &str) -> Result<PathAndQuery> {
    text.parse().map_err(|_| Error::config("a path cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_without_a_locator_are_no_end() {
        assert_eq!(following(Some("null".to_owned())).unwrap(), None);
        assert_eq!(following(Some("MTAw".to_owned())).unwrap().as_deref(), Some("MTAw"));
        assert_eq!(following(None).unwrap_err().kind(), ErrorKind::Unexpected);
    }
}
