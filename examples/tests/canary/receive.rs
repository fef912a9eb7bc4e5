//! Secrets of those who send: keys of webhooks, passwords for IDocs, write keys of a collector.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_connectors::sap::idoc::IdocSource;
use datalake_connectors::web::collect::CollectorSource;
use datalake_connectors::web::hook::{Encoding, HookSource, Verify};
use datalake_core::lake::Lake;
use datalake_core::transform::map;
use datalake_core::{Dataset, Pipeline, Source};
use datalake_sinks::lake::LakeSink;
use hmac::{Hmac, KeyInit as _, Mac as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::silo::{few, told};
use super::watch::{Canary, log, search};

/// What is sent, and the status it is to be answered with.
struct Sent {
    status: u16,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Sent {
    fn new(status: u16, target: &str, headers: &[(&'static str, &str)], body: impl Into<String>) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { status, target: target.to_owned(), headers, body: body.into() }
    }

    /// Sends it and gives the whole answer.
    async fn to(&self, at: SocketAddr) -> String {
        let length = self.body.len();
        let mut text = format!("POST {} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n", self.target);
        self.headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        text += &format!("content-length: {length}\r\n\r\n{}", self.body);
        let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        answer
    }
}

/// Receives what is sent, in a lake that then is no more, and searches for secrets in everything there is.
async fn receives<S: Source + Debug>(
    (source, at): (S, SocketAddr),
    builder: &impl Debug,
    canaries: &[&Canary],
    sent: &[Sent],
    lost: &Sent,
) {
    log();
    let place = TempDir::new().unwrap();
    let folder = place.path().join("lake");
    let lake = Lake::local(&folder).unwrap();
    let mut shown = vec![format!("{builder:?} {builder:#?} {source:?} {source:#?}")];
    let mut pipeline = Pipeline::builder("p")
        .source(source)
        .transform(map("panics", "1", |body| {
            assert!(memchr::memmem::find(body, b"panics").is_none(), "this record is not to be mapped");
            body.to_vec()
        }))
        .lake(&LakeSink::builder(&lake).build())
        .retry(few())
        .build()
        .unwrap();
    shown.push(format!("{} {:?}", pipeline.describe(), pipeline.source_info()));
    let mut progress = pipeline.progress();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running =
        tokio::spawn(async move { pipeline.run_until(async { stopped.await.unwrap_or_default() }).await });
    for sent in sent {
        let answer = sent.to(at).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", sent.status)), "{}: {answer}", sent.target);
        shown.push(answer);
    }
    let both = progress.wait_for(|now| now.counts.written > 0 && now.counts.quarantined > 0);
    tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("a record is written, one is not")
        .unwrap();
    shown.push(format!("{:?}", progress.borrow()));
    search(canaries, &shown, &[place.path()]);

    std::fs::rename(&folder, place.path().join("gone")).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    let answer = lost.to(at).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    shown.push(answer);
    stop.send(()).ok();
    shown.push(match running.await.unwrap() {
        Ok(report) => panic!("the lake is gone: {report:?}"),
        Err(error) => told(&error),
    });
    search(canaries, &shown, &[place.path()]);
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const GOOD: [&str; 2] = ["{\"id\":\"1\"}", "{\"id\":\"2 panics\"}"];
const LOST: &str = "{\"id\":\"3\"}";

/// Receives events that are signed by a scheme and events that are not.
async fn hooks(verify: Verify, canaries: &[&Canary], sign: impl Fn(&str) -> Vec<(&'static str, String)>) {
    let builder = HookSource::builder(Dataset::new("d").unwrap(), ([127, 0, 0, 1], 0).into())
        .path("/events")
        .commit_timeout(Duration::from_secs(10))
        .verify(verify.clone());
    let source = builder.clone().build().await.unwrap();
    let at = source.local_addr();
    let signed = |status, target: &str, body: &str| {
        let headers = sign(body);
        Sent { status, target: target.to_owned(), headers, body: body.to_owned() }
    };
    let mut sent: Vec<_> = GOOD.iter().map(|body| signed(200, "/events", body)).collect();
    let secret = &canaries[0].value;
    sent.push(signed(404, &format!("/other?key={}", secret.replace('+', "%2B")), LOST));
    sent.push(Sent { status: 401, headers: sign(GOOD[0]), ..signed(401, "/events", LOST) });
    let names = sign("").into_iter().map(|(name, _)| (name, format!("sha256={secret}, t=1,v1={secret}")));
    sent.push(Sent { headers: names.collect(), ..signed(401, "/events?more", LOST) });
    let lost = signed(503, "/events", LOST);
    receives((source, at), &(builder, verify), canaries, &sent, &lost).await;
}

#[tokio::test]
async fn keys_of_webhooks_are_nowhere() {
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let canary = Canary::new("hook");
    let (secret, key) = (|| [canary.value.as_str()], canary.value.as_bytes());
    hooks(Verify::stripe(secret()), &[&canary], |body| {
        let time = now();
        vec![("stripe-signature", format!("t={time},v1={}", hex(&hmac(key, &format!("{time}.{body}")))))]
    })
    .await;
    hooks(Verify::shopify(secret()), &[&canary], |body| {
        vec![("x-shopify-hmac-sha256", STANDARD.encode(hmac(key, body)))]
    })
    .await;
    hooks(Verify::github(secret()), &[&canary], |body| {
        vec![("x-hub-signature-256", format!("sha256={}", hex(&hmac(key, body))))]
    })
    .await;
    let own = Verify::hmac_sha256("X-Sign", "sha256=", Encoding::Base64, secret());
    hooks(own, &[&canary], |body| vec![("x-sign", format!("sha256={}", STANDARD.encode(hmac(key, body))))])
        .await;
}

#[tokio::test]
async fn keys_of_standard_webhooks_are_nowhere_as_text_or_as_bytes() {
    let key = Canary::new("standard-webhooks");
    let text = Canary::of(format!("whsec_{}", STANDARD.encode(&key.value)));
    let verify = Verify::standard_webhooks([text.value.as_str()]);
    hooks(verify, &[&text, &key], |body| {
        let (id, time) =
            (format!("msg_{}", hex(&hmac(b"id", body))), SystemTime::UNIX_EPOCH.elapsed().unwrap());
        let time = time.as_secs().to_string();
        let signature = STANDARD.encode(hmac(key.value.as_bytes(), &format!("{id}.{time}.{body}")));
        vec![
            ("webhook-id", id),
            ("webhook-timestamp", time),
            ("webhook-signature", format!("v1,{signature}")),
        ]
    })
    .await;
}

fn idoc(number: u64, text: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><ORDERS05><IDOC BEGIN=\"1\"><EDI_DC40 SEGMENT=\"1\"><MANDT>800</MANDT>\
         <DOCNUM>{number:016}</DOCNUM><SNDPRN>ID3CLNT800</SNDPRN></EDI_DC40><E1EDK01 SEGMENT=\"1\"><BELNR>{text}</BELNR>\
         </E1EDK01></IDOC></ORDERS05>"
    )
}

#[tokio::test]
async fn passwords_of_systems_that_send_idocs_are_nowhere() {
    let (password, before) = (Canary::new("idoc"), Canary::new("idoc-before"));
    let builder = IdocSource::builder(Dataset::new("d").unwrap(), ([127, 0, 0, 1], 0).into())
        .path("/idocs")
        .user("SENDER", password.value.as_str())
        .user("BEFORE", before.value.as_str());
    let source = builder.clone().build().await.unwrap();
    let at = source.local_addr();
    let basic =
        |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let send = |status, target: &str, pair: &str, body: String| {
        Sent::new(status, target, &[("content-type", "text/xml"), ("authorization", pair)], body)
    };
    let (right, other) = (basic("SENDER", &password.value), basic("BEFORE", &before.value));
    let sent = [
        send(200, "/idocs", &right, idoc(1, "one")),
        send(200, "/idocs", &other, idoc(2, "panics")),
        send(401, "/idocs", &basic("SENDER", &before.value), idoc(3, "three")),
        send(401, "/idocs", &basic(&password.value, ""), idoc(3, "three")),
        send(401, "/idocs", &format!("Bearer {}", password.value), idoc(3, "three")),
        send(404, &format!("/{}", STANDARD.encode(&password.value)), &right, idoc(3, "three")),
        send(400, "/idocs", &right, format!("<a>{}", password.value)),
        send(400, "/idocs", &right, format!("<!DOCTYPE a [<!ENTITY b \"{}\">]><a>&b;</a>", password.value)),
        Sent::new(415, "/idocs", &[("content-type", &password.value), ("authorization", &right)], "{}"),
    ];
    let lost = send(503, "/idocs", &right, idoc(4, "four"));
    receives((source, at), &builder, &[&password, &before], &sent, &lost).await;
}

#[tokio::test]
async fn write_keys_of_a_collector_are_nowhere() {
    let (key, other) = (Canary::new("write-key"), Canary::new("write-key-before"));
    let builder = CollectorSource::builder(Dataset::new("d").unwrap(), ([127, 0, 0, 1], 0).into())
        .segment()
        .write_key(key.value.as_str())
        .write_key(other.value.as_str());
    let source = builder.clone().build().await.unwrap();
    let at = source.local_addr();
    let basic = |key: &str| format!("Basic {}", STANDARD.encode(format!("{key}:")));
    let send = |status, target: &str, key: &str, body: &str| {
        Sent::new(status, target, &[("content-type", "application/json"), ("authorization", key)], body)
    };
    let event =
        |id: &str| format!("{{\"batch\":[{{\"type\":\"track\",\"event\":\"x\",\"messageId\":\"{id}\"}}]}}");
    let (right, torn) = (basic(&key.value), format!("{{\"batch\":[{{\"writeKey\":\"{}\"", key.value));
    let sent = [
        send(200, "/v1/batch", &right, &event("1")),
        send(200, "/v1/batch", &basic(&other.value), &event("2 panics")),
        send(401, "/v1/batch", &basic(&format!("{}x", key.value)), &event("3")),
        send(401, "/v1/batch", &format!("Bearer {}", key.value), &event("3")),
        send(404, &format!("/v2/{}", STANDARD.encode(&key.value)), &right, &event("3")),
        send(400, "/v1/batch", &right, &torn),
        send(400, "/v1/batch", &right, &format!("{{\"batch\":\"{}\"}}", key.value)),
    ];
    let lost = send(503, "/v1/batch", &right, &event("4"));
    receives((source, at), &builder, &[&key, &other], &sent, &lost).await;
}
