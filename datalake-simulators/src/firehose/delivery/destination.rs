//! Where objects go.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;

/// A bucket.
pub trait Destination: Send + Sync + 'static {
    /// Puts an object.
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> BoxFuture<'a, io::Result<()>>;
}

/// A bucket in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl Memory {
    /// The objects, by key.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Destination for Memory {
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> BoxFuture<'a, io::Result<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), body);
        futures::future::ready(Ok(())).boxed()
    }
}

/// A bucket of an S3 on loopback that asks for no signature, by path.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Host and port.
    authority: String,
    bucket: String,
    key: Option<String>,
}

/// What stands in a path as it is.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'=');

impl Bucket {
    /// A bucket at an endpoint, for instance `http://127.0.0.1:9000`.
    #[must_use]
    pub fn new(endpoint: &str, bucket: impl Into<String>) -> Self {
        let authority = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { authority, bucket: bucket.into(), key: None }
    }

    /// Encrypts objects with a key of KMS.
    #[must_use]
    pub fn encrypted(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    async fn send(&self, key: &str, body: Bytes) -> io::Result<()> {
        let path = format!("/{}/{}", self.bucket, utf8_percent_encode(key, PATH));
        let mut request = Request::put(path).header("host", &self.authority);
        if let Some(key) = &self.key {
            request = request
                .header("x-amz-server-side-encryption", "aws:kms")
                .header("x-amz-server-side-encryption-aws-kms-key-id", key);
        }
        let request = request.body(Full::new(body)).map_err(io::Error::other)?;
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driven = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        driven.abort();
        if status.is_success() && !body.starts_with(b"<Error") {
            return Ok(());
        }
        Err(io::Error::other(format!("the bucket answered {status}: {}", String::from_utf8_lossy(&body))))
    }
}

impl Destination for Bucket {
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> BoxFuture<'a, io::Result<()>> {
        self.send(key, body).boxed()
    }
}
