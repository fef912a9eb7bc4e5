//! What a collector shows beside what it receives.

use bytes::Bytes;
use datalake_core::async_trait;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// Pages of the collector's own origin: the script of a tracker, a page that says what is collected.
#[async_trait]
pub trait Pages: Send + Sync + 'static {
    /// The page at a path, or nothing, which is answered with 404. Several are asked for at a time, and the future is
    /// dropped when the browser goes away.
    async fn page(&self, path: &str, query: Option<&str>) -> Option<Page>;
}

/// A page.
#[derive(Debug, Clone)]
#[must_use]
pub struct Page {
    status: u16,
    media: String,
    body: Bytes,
}

impl Page {
    /// A page of a media type, for instance `text/html; charset=utf-8`.
    pub fn new(media: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { status: 200, media: media.into(), body: body.into() }
    }

    /// The status, 200 by default. One that HTTP does not know becomes 500.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Ok(media) = HeaderValue::from_str(&self.media) {
            headers.insert(CONTENT_TYPE, media);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
