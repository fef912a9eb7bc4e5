//! The app: it sends signed events, as Standard Webhooks says.

use std::net::SocketAddr;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::{Entropy, Error, Result, Secret, SystemEntropy};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpStream;

/// How many phones send at once.
const PHONES: usize = 20;

/// The app, with the key it signs with: a new one in every run.
#[derive(Debug)]
pub struct App {
    key: Secret,
}

/// What became of the events that were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posted {
    /// Answered 200: committed.
    pub accepted: u64,
    /// Answered otherwise.
    pub refused: u64,
}

impl App {
    /// An app with a key of its own.
    #[must_use]
    pub fn new() -> Self {
        let bits: Vec<u8> = (0..4).flat_map(|_| SystemEntropy.bits().to_le_bytes()).collect();
        Self { key: Secret::new(STANDARD.encode(bits)) }
    }

    /// The secret that its receiver checks signatures with.
    #[must_use]
    pub fn secret(&self) -> Secret {
        self.key.clone()
    }

    /// Sends events from several phones at once, each of which waits for an answer before it sends the next. They are
    /// numbered from `first`; the last is not JSON, and after it comes one that somebody else signed.
    ///
    /// # Errors
    /// The receiver cannot be reached.
    pub async fn post(&self, receiver: SocketAddr, first: u64, events: u64) -> Result<Posted> {
        let last = first + events;
        let phones = (0..PHONES).map(|phone| async move {
            let mut connection = connect(receiver).await?;
            let mut posted = Posted::default();
            for n in (first..last).skip(phone).step_by(PHONES) {
                let body = if n + 1 == last { "{\"type\":\"cart.".to_owned() } else { event(n) };
                let status = send(&mut connection, receiver, &format!("evt_{n}"), body, &self.key).await?;
                posted.count(status);
            }
            Ok::<_, Error>(posted)
        });
        let mut all = Posted::default();
        for posted in futures::future::try_join_all(phones).await? {
            all.accepted += posted.accepted;
            all.refused += posted.refused;
        }
        let forged = Self::new();
        let mut connection = connect(receiver).await?;
        all.count(send(&mut connection, receiver, "evt_forged", event(0), &forged.key).await?);
        Ok(all)
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl Posted {
    fn count(&mut self, status: StatusCode) {
        if status.is_success() { self.accepted += 1 } else { self.refused += 1 }
    }
}

fn event(n: u64) -> String {
    let kind = ["page.viewed", "cart.added", "order.placed"][(n % 3) as usize];
    json!({
        "type": kind,
        "seq": n,
        "session": format!("session-{:06}", n * 7919 % 1_000_000),
        "sku": format!("SKU-{:03}", n * 31 % 40),
    })
    .to_string()
}

async fn connect(receiver: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(receiver).await;
    let stream = stream.map_err(|cause| Error::io("the receiver cannot be reached", cause))?;
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(
    connection: &mut SendRequest<Full<Bytes>>,
    receiver: SocketAddr,
    id: &str,
    body: String,
    key: &Secret,
) -> Result<StatusCode> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let signature = sign(key, &format!("{id}.{now}.{body}"))?;
    let request = Request::post("/events")
        .header("host", receiver.to_string())
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", format!("v1,{signature}"))
        .body(Full::new(Bytes::from(body)))
        .map_err(|cause| Error::unexpected("an event cannot be sent").caused_by(cause))?;
    connection.ready().await.map_err(broken)?;
    let response = connection.send_request(request).await.map_err(broken)?;
    let status = response.status();
    http_body_util::BodyExt::collect(response.into_body()).await.map_err(broken)?;
    Ok(status)
}

fn sign(key: &Secret, content: &str) -> Result<String> {
    let bytes = STANDARD.decode(key.expose()).map_err(|_| Error::unexpected("the key is no Base64"))?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&bytes).map_err(|_| Error::unexpected("the key cannot be used"))?;
    mac.update(content.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

fn broken(cause: hyper::Error) -> Error {
    Error::new(datalake_core::ErrorKind::Unavailable, "the connection to the receiver broke").caused_by(cause)
}
