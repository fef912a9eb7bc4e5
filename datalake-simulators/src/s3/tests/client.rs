//! As much of a client as the tests need: one request, one connection.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::s3::S3;

/// An answer with its whole body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A simulator with a bucket `b`.
pub(super) async fn simulator() -> S3 {
    let s3 = S3::start().await.unwrap();
    s3.create_bucket("b");
    s3
}

/// Sends a request. An error says that no whole answer came.
pub(super) async fn send(
    s3: &S3,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> io::Result<Answer> {
    let address = s3.endpoint().trim_start_matches("http://").to_owned();
    let work = async {
        let stream = TcpStream::connect(&address).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", &address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).map_err(io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Answer { status, headers, body })
    };
    tokio::time::timeout(Duration::from_secs(10), work).await.map_err(io::Error::other)?
}

/// Puts an object and gives the status.
pub(super) async fn put(s3: &S3, key: &str, headers: &[(&str, &str)], body: &'static str) -> u16 {
    send(s3, "PUT", &format!("/b/{key}"), headers, body).await.unwrap().status
}
