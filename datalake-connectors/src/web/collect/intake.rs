//! What a request becomes.

use std::sync::Arc;

use bytes::Bytes;
use datalake_core::{Clock, Document, Sha256, async_trait};
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::body::{Found, Limits, format, look};
use super::cors::Origins;
use super::pages::Pages;
use super::properties::properties;
use super::query;
use super::refusal::{BUSY, EMPTY, NO_KEY};
use super::route::{Route, Routes};
use super::visitor::{Keep, Visitor};
use crate::receive::{Access, Event, Intake, Refusal, basic};

/// Under which name write keys are kept.
pub(super) const KEYS: &str = "write key";
/// From this size on a body is looked through on a thread of its own.
const LARGE: usize = 256 << 10;
/// A transparent picture of one pixel.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\x21\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Looks through what trackers send, and answers in their way.
pub(crate) struct Collector {
    pub(super) routes: Routes,
    pub(super) origins: Origins,
    pub(super) keep: Keep,
    pub(super) keys: Access,
    pub(super) limits: Limits,
    pub(super) pages: Option<Arc<dyn Pages>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// What the head of a request says.
pub(crate) struct Claim {
    route: Route,
    visitor: Visitor,
    /// Whether its write key is known already.
    admitted: bool,
}

#[async_trait]
impl Intake for Collector {
    type Claim = Claim;

    fn allow(&self, path: &str) -> &'static str {
        self.routes.get(path).map_or("OPTIONS", |route| route.allow())
    }

    async fn aside(&self, head: &Parts) -> Option<Response<Full<Bytes>>> {
        let path = head.uri.path();
        match self.routes.get(path) {
            Some(route) if head.method == Method::OPTIONS => {
                let mut answer = Response::new(Full::default());
                *answer.status_mut() = StatusCode::NO_CONTENT;
                self.origins.permit_sending(route.allow(), answer.headers_mut());
                Some(answer)
            }
            None if matches!(head.method, Method::GET | Method::HEAD) => {
                let page = self.pages.as_ref()?.page(path, head.uri.query()).await?;
                Some(page.response())
            }
            _ => None,
        }
    }

    async fn claim(&self, head: &Parts) -> Result<Claim, Refusal> {
        let route = *self.routes.get(head.uri.path()).ok_or(EMPTY)?;
        let mut admitted = self.keys.is_open() || !route.is_segment();
        if !admitted && let Some((key, _)) = basic(&head.headers) {
            admitted = self.keys.admits(KEYS, &key.into()).await?;
            if !admitted {
                return Err(NO_KEY);
            }
        }
        Ok(Claim { route, visitor: self.keep.visitor(head), admitted })
    }

    async fn event(
        &self,
        claim: &Claim,
        head: &Parts,
        _raw: &Bytes,
        content: Bytes,
    ) -> Result<Event, Refusal> {
        let path = head.uri.path();
        let content = match claim.route {
            Route::SnowplowPixel => Bytes::from(head.uri.query().unwrap_or_default().to_owned()),
            _ => content,
        };
        let document = Document::new(content, path.to_owned(), format(claim.route));
        let (found, digest) = self.look(claim.route, &document).await?;
        if !claim.admitted {
            let key = found.key.as_ref().ok_or(NO_KEY)?;
            if !self.keys.admits(KEYS, key).await? {
                return Err(NO_KEY);
            }
        }
        let key = found.ids.as_ref().map(|_| Sha256::of_parts([path.as_bytes(), b"\0", digest.as_bytes()]));
        let id = match &found.ids {
            Some((id, 0)) => id.clone(),
            Some((first, more)) => format!("{first}+{more}"),
            None => digest.to_string(),
        };
        let properties = properties(claim.route, self.clock.now(), &found, &claim.visitor);
        let document = document.with_id(id.as_str()).with_properties(properties);
        Ok(Event { id, key, document })
    }

    fn committed(&self, claim: &Claim, _head: &Parts, _id: &str) -> Response<Full<Bytes>> {
        let (media, body) = match claim.route {
            Route::SnowplowPost => ("text/plain; charset=utf-8", &b"ok"[..]),
            Route::SnowplowPixel => ("image/gif", PIXEL),
            _ => ("application/json", &br#"{"success":true}"#[..]),
        };
        let mut answer = Response::new(Full::from(body));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.keep.give(&claim.visitor, headers);
        answer
    }

    fn dress(&self, head: &Parts, answer: &mut Response<Full<Bytes>>) {
        if self.routes.contains_key(head.uri.path()) {
            self.origins.permit(&head.headers, answer.headers_mut());
        }
    }
}

impl Collector {
    /// Looks into what came at a route.
    async fn look(&self, route: Route, document: &Document) -> Result<(Found, Sha256), Refusal> {
        let (document, limits) = (document.clone(), self.limits);
        let large = document.len() >= LARGE;
        let work = move || {
            let found = match route {
                Route::SnowplowPixel => query(&document)?,
                route => look(&document, route, limits)?,
            };
            Ok((found, Sha256::of(document.bytes())))
        };
        if large { tokio::task::spawn_blocking(work).await.map_err(|_| BUSY)? } else { work() }
    }
}

/// Looks into a query string, which is one event.
fn query(document: &Document) -> Result<Found, Refusal> {
    if document.is_empty() {
        return Err(EMPTY);
    }
    let ids = query::id(document.bytes()).map(|id| (id, 0));
    Ok(Found { ids, ..Found::default() })
}
