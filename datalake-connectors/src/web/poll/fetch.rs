//! One request, from the path to the page.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;

use super::ask::Ask;
use super::page::Facts;
use super::pagination::Style;
use super::position::Validators;
use super::{Plan, format, link_header};
use crate::http::client::{Answer, Client};
use crate::http::percent;
use datalake_core::{Document, Error, ErrorKind, Request, Result};

/// From this size on a page is read on a thread of its own.
const LARGE: usize = 256 << 10;

/// What a request came to.
pub(super) enum Fetched {
    /// A page.
    Page(Box<Page>),
    /// The answer is the one we know.
    Unchanged,
    /// There is no such page: the end, or the error it would be for a first page.
    PastTheEnd(Error),
    /// The server does not know the page, or does not know it any more.
    Unknown(Error),
}

/// A page and what is known of it.
pub(super) struct Page {
    pub(super) ask: Ask,
    pub(super) began: DateTime<Utc>,
    pub(super) document: Document,
    pub(super) facts: Facts,
    pub(super) validators: Option<Validators>,
    pub(super) wait: Option<Duration>,
    pub(super) request: Request,
}

/// Asks for a path, unless what it gave before is still the same.
pub(super) async fn fetch(
    client: Arc<Client>,
    plan: Arc<Plan>,
    ask: Ask,
    validators: Option<Validators>,
) -> Result<Fetched> {
    let began = Utc::now();
    let of = ask.fingerprint();
    let path = ask.path.clone();
    // A window that has not changed is no end of the cycle: the next one has to be asked for all the same.
    let single = plan.pagination.style == Style::None && ask.body.is_none() && plan.window.is_none();
    let known = validators.filter(|known| single && known.of == of);
    let mut headers = conditions(known.as_ref());
    ask.describe(&mut headers);
    let body = ask.body.clone().unwrap_or_default();
    let answer = client.call(&ask.method(), &path, &headers, &body).await?;
    let shown = client.origin().shown(&path);
    match answer.status {
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION | StatusCode::NO_CONTENT => {}
        StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Fetched::Unchanged),
        StatusCode::NOT_MODIFIED => {
            let error = Error::unexpected("the server says that nothing has changed, but was not asked");
            return Err(error.with("url", shown));
        }
        StatusCode::RANGE_NOT_SATISFIABLE if plan.pagination.ends_out_of_range() => {
            return Ok(Fetched::PastTheEnd(client.refusal(&answer, &path)));
        }
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE => {
            let error = client.refusal(&answer, &path);
            let unknown = matches!(error.kind(), ErrorKind::ConfigInvalid | ErrorKind::NotFound);
            return if unknown { Ok(Fetched::Unknown(error)) } else { Err(error) };
        }
        _ => return Err(client.refusal(&answer, &path)),
    }
    if let Some(error) = client.refused(&answer, &path) {
        return Err(error);
    }
    let clean = |text: Option<&str>| text.filter(|text| !client.reveals(text)).map(str::to_owned);
    let request = Request {
        id: clean(answer.request_id()),
        locator: Some(shown.clone()),
        etag: clean(answer.header(header::ETAG)),
        last_modified: clean(answer.header(header::LAST_MODIFIED)),
        status: Some(answer.status.as_u16()),
    };
    let (etag, last_modified) = (request.etag.clone(), request.last_modified.clone());
    let some = single && (etag.is_some() || last_modified.is_some());
    let validators = some.then_some(Validators { of, etag, last_modified });
    let wait = plan.usage.as_ref().and_then(|usage| usage.wait(&answer.headers));
    let large = answer.size() >= LARGE;
    let asked = path.clone();
    let work = move || read(&plan, &answer, &asked, &shown).map_err(|error| error.with("url", &shown));
    let (document, facts) = if large {
        let task = tokio::task::spawn_blocking(work).await;
        task.map_err(|_| Error::unexpected("reading a page panicked"))??
    } else {
        work()?
    };
    Ok(Fetched::Page(Box::new(Page { ask, began, document, facts, validators, wait, request })))
}

fn conditions(known: Option<&Validators>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(known) = known else { return headers };
    let pairs = [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)];
    for (name, value) in pairs {
        if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

fn read(plan: &Plan, answer: &Answer, path: &PathAndQuery, shown: &str) -> Result<(Document, Facts)> {
    let body = answer.content(plan.max_body)?;
    let content_type = answer.header(header::CONTENT_TYPE);
    let (given, records) = (plan.format.as_ref(), plan.records.as_deref());
    let format = format::detect(given, records, content_type, path.path(), &body);
    let document = Document::new(body, locator(plan, path, shown), format);
    let mut facts = plan.reader.read(&document)?;
    if let Style::LinkHeader { rel } = &plan.pagination.style {
        let values = answer.headers.get_all(header::LINK);
        let values = values.iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        facts.link = link_header::related(rel, values).map(str::to_owned);
    }
    Ok((document, facts))
}

/// The URL of a page without its query, but for the number that the source itself put there.
fn locator(plan: &Plan, path: &PathAndQuery, shown: &str) -> String {
    let (Style::Offset { parameter } | Style::Page { parameter, .. }) = &plan.pagination.style else {
        return shown.to_owned();
    };
    let prefix = format!("{}=", percent::encode(parameter));
    let pairs = path.query().unwrap_or_default().split('&');
    let digits = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match pairs.rev().find(|pair| pair.strip_prefix(&prefix).is_some_and(digits)) {
        Some(pair) => format!("{shown}?{pair}"),
        None => shown.to_owned(),
    }
}
