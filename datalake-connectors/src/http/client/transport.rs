//! Requests out, whole answers in.

use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Body as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use datalake_core::{Error, ErrorKind, Result, Secret};

use super::{Answer, Bounds};
use crate::tls;

/// What we call ourselves.
pub(crate) const AGENT: &str = concat!("datalake/", env!("CARGO_PKG_VERSION"));

/// The longest a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(20);

/// How much memory an answer is given before its bytes are there.
const SET_ASIDE: usize = 4 << 20;

/// Connections, kept open between requests.
pub(crate) struct Transport {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(super) bounds: Bounds,
}

impl Transport {
    pub(crate) fn new(trusted: &[u8], secure: bool, bounds: Bounds) -> Result<Self> {
        Self::with_identity(trusted, secure, bounds, None)
    }

    /// The same that shows a client certificate, with its key (PEM), to a server that asks for one.
    pub(super) fn with_identity(
        trusted: &[u8],
        secure: bool,
        bounds: Bounds,
        identity: Option<(&[u8], &Secret)>,
    ) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(bounds.timeout.min(CONNECT)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(trusted, secure, identity)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self { pool, bounds })
    }

    /// Sends a request and reads the whole answer, whatever its status. `shown` is its URL without credentials.
    ///
    /// # Errors
    /// `Unavailable` if the server cannot be reached, falls silent, ends the answer too early or does not come to its end;
    /// `RecordTooLarge` if the answer is.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>, shown: &str) -> Result<Answer> {
        tokio::time::timeout(self.bounds.whole, self.exchange(request, shown)).await.map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the answer takes too long")
                .with("url", shown)
                .with("seconds", self.bounds.whole.as_secs_f32())
        })?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, shown: &str) -> Result<Answer> {
        let response = self.hurry(self.pool.request(request), shown).await?;
        let response = response.map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the server cannot be reached or gave no answer")
                .with("url", shown)
                .caused_by(deepest(&cause))
        })?;
        let (head, mut body) = response.into_parts();
        if body.size_hint().lower() > self.bounds.body as u64 {
            return Err(self.too_large(shown));
        }
        // A length that was only claimed must not take memory: no more than a usual page is set aside for it.
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
        let mut bytes = BytesMut::with_capacity(announced.min(SET_ASIDE));
        while let Some(frame) = self.hurry(body.frame(), shown).await? {
            let frame = frame.map_err(|cause| {
                Error::new(ErrorKind::Unavailable, "the answer ended too early")
                    .with("url", shown)
                    .caused_by(deepest(&cause))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.bounds.body {
                return Err(self.too_large(shown));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Answer { status: head.status, headers: head.headers, body: bytes.freeze() })
    }

    async fn hurry<T>(&self, work: impl Future<Output = T>, shown: &str) -> Result<T> {
        tokio::time::timeout(self.bounds.timeout, work).await.map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the server has fallen silent")
                .with("url", shown)
                .with("seconds", self.bounds.timeout.as_secs_f32())
        })
    }

    fn too_large(&self, shown: &str) -> Error {
        Error::new(ErrorKind::RecordTooLarge, "the answer is larger than max_body")
            .with("url", shown)
            .with("max_body", self.bounds.body)
    }
}

/// What lies at the bottom of a chain of errors, which is what helps.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
