//! One request: headers that fit the version out, a body that is what was asked for in.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use super::{Version, refusal};
use crate::http::client::{Answer, Client};
use datalake_core::{Error, ErrorKind, Request, Result};

/// From this size on a body is decompressed on a thread of its own.
const LARGE: usize = 256 << 10;

/// The headers of a request for JSON in a version of the protocol.
pub(crate) fn headers(version: Version) -> HeaderMap {
    let pairs: &[(HeaderName, &'static str)] = match version {
        Version::V2 => &[
            (header::ACCEPT, "application/json"),
            (HeaderName::from_static("dataserviceversion"), "2.0"),
            (HeaderName::from_static("maxdataserviceversion"), "2.0"),
        ],
        Version::V4 => &[
            (header::ACCEPT, "application/json;odata.metadata=minimal;IEEE754Compatible=true"),
            (HeaderName::from_static("odata-version"), "4.0"),
            (HeaderName::from_static("odata-maxversion"), "4.01"),
        ],
    };
    pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows or values.
    Json,
    /// `$metadata`, or a feed.
    Xml,
}

/// A body of the kind asked for.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Bytes,
    /// The headers of the answer.
    pub(crate) headers: HeaderMap,
    /// For lineage.
    pub(crate) request: Request,
}

/// What a request came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A body.
    Fetched(Box<Fetched>),
    /// It is as the condition in the request says.
    Unchanged,
    /// The server does not know what was asked for, or not any more: 400, 404 or 410, as servers also say of links and
    /// tokens that have expired.
    Unknown(Error),
}

/// Asks for a path.
///
/// # Errors
/// What went wrong on the way, and what the server refuses: with the code and the message it gives. `Unauthenticated` if
/// it answers with a web page, as a login does.
pub(crate) async fn fetch(
    client: &Client,
    path: &PathAndQuery,
    headers: &HeaderMap,
    kind: Kind,
    limit: usize,
) -> Result<Outcome> {
    let answer = client.get(path, headers).await?;
    let shown = client.origin().shown(path);
    let clean = |text: Option<&str>| text.filter(|text| !client.reveals(text)).map(str::to_owned);
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if headers.contains_key(header::IF_NONE_MATCH) => {
            return Ok(Outcome::Unchanged);
        }
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE => {
            return Ok(Outcome::Unknown(refused(client, &answer, path)));
        }
        _ => return Err(refused(client, &answer, path)),
    }
    let request = Request {
        id: clean(answer.request_id()),
        locator: Some(shown.clone()),
        etag: clean(answer.header(header::ETAG)),
        last_modified: clean(answer.header(header::LAST_MODIFIED)),
        status: Some(answer.status.as_u16()),
    };
    let content_type = answer.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let headers = answer.headers.clone();
    let large = answer.size() >= LARGE && answer.headers.contains_key(header::CONTENT_ENCODING);
    let work = move || answer.content(limit);
    let body = if large {
        let task = tokio::task::spawn_blocking(work).await;
        task.map_err(|_| Error::unexpected("reading an answer panicked"))?
    } else {
        work()
    };
    let body = body.map_err(|error| error.with("url", &shown))?;
    check(&body, &content_type, kind).map_err(|error| error.with("url", &shown))?;
    Ok(Outcome::Fetched(Box::new(Fetched { body, headers, request })))
}

/// Whether a body is what was asked for, by its type and its first byte.
fn check(body: &[u8], content_type: &str, kind: Kind) -> Result<()> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let markup = body.first() == Some(&b'<');
    let page = content_type.contains("html")
        || markup && {
            let head = body[..body.len().min(200)].to_ascii_lowercase();
            head.starts_with(b"<!doctype html") || head.starts_with(b"<html")
        };
    if page {
        let error =
            Error::new(ErrorKind::Unauthenticated, "the server answers with a web page, as a login does");
        return Err(error.with("content-type", format_args!("{content_type:?}")));
    }
    match kind {
        Kind::Json if markup => {
            let said = refusal::said(body);
            let error = Error::unexpected("the server answers in XML where JSON was asked for");
            Err(with_said(error, said, |_| true))
        }
        Kind::Xml if !markup && !body.is_empty() => {
            Err(Error::unexpected("the server answers in another form where XML was asked for"))
        }
        _ => Ok(()),
    }
}

/// The error of an answer, with what the server says.
fn refused(client: &Client, answer: &Answer, path: &PathAndQuery) -> Error {
    let error = client.refusal(answer, path);
    let said = answer.content(1 << 20).map(|body| refusal::said(&body)).unwrap_or_default();
    with_said(error, said, |text| !client.reveals(text))
}

fn with_said(error: Error, said: refusal::Said, fit: impl Fn(&str) -> bool) -> Error {
    let texts = [("code", said.code), ("said", said.message)];
    texts.into_iter().fold(error, |error, (key, text)| match text.filter(|text| fit(text)) {
        Some(text) => error.with(key, format_args!("{text:?}")),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_was_asked_for_or_an_error_that_says_what_it_is() {
        let login = "<!DOCTYPE html><html><body>Log on";
        let error = check(login.as_bytes(), "text/html;charset=utf-8", Kind::Json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        let error = check(login.as_bytes(), "application/xml", Kind::Xml).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        let xml = "<error><code>7</code><message>no</message></error>";
        let error = check(xml.as_bytes(), "application/xml", Kind::Json).unwrap_err();
        assert!(error.to_string().contains("\"no\""), "{error}");
        assert!(check(b" {}", "application/json", Kind::Json).is_ok());
        assert!(check(b"{}", "application/json", Kind::Xml).is_err());
        assert!(check(b"\xef\xbb\xbf<edmx:Edmx/>", "application/xml", Kind::Xml).is_ok());
    }
}
