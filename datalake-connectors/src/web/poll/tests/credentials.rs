//! Credentials on their way to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::server::{Reply, Seen, Server};
use super::{at, builder, drain, error};
use crate::web::poll::{Pagination, PollSourceBuilder};
use crate::web::{Auth, OAuth2};
use datalake_core::{ErrorKind, Next, Source as _};

/// A server that gives two pages to whoever passes, and repeats credentials wherever it can.
async fn guarded(pass: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        if !pass(seen) {
            return Reply::new(401, "");
        }
        let echo = seen.header("authorization").or(seen.header("x-api-key")).unwrap_or_default();
        let echo = echo.rsplit(' ').next().unwrap().to_owned();
        let page = if seen.query("p").is_some() { "[2]" } else { "[1]" };
        let link = format!("<{}&p=2&token={echo}>; rel=next", seen.target);
        let reply = Reply::json(page).header("x-request-id", echo.clone()).header("etag", echo);
        if page == "[1]" { reply.header("link", link) } else { reply }
    })
    .await
}

async fn passes(server: &Server, auth: impl Into<Auth>) {
    let secrets = ["s3cr3t", "dG9waGF0OnMzY3IzdA"];
    let source = builder(&server.url("/x?a=1")).auth(auth).pagination(Pagination::link_header());
    let mut reader = at(&source, None).await;
    let batches = drain(&mut reader).await.unwrap();
    assert_eq!(batches.len(), 2);
    let shown = format!("{source:?} {reader:?} {batches:?} {:?}", reader.info());
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
    let rest = drain(&mut at(&source, Some(&batches[0].position)).await).await.unwrap();
    assert_eq!(rest.len(), 1, "the key is put into the link again");
}

#[tokio::test]
async fn every_kind_of_credential_arrives_and_is_never_seen_again() {
    let server = guarded(|seen| seen.header("authorization") == Some("Basic dG9waGF0OnMzY3IzdA==")).await;
    passes(&server, Auth::basic("tophat", "s3cr3t")).await;
    let server = guarded(|seen| seen.header("authorization") == Some("Bearer s3cr3t")).await;
    passes(&server, Auth::bearer("s3cr3t")).await;
    let server = guarded(|seen| seen.header("x-api-key") == Some("s3cr3t")).await;
    passes(&server, Auth::api_key_header("X-Api-Key", "s3cr3t")).await;
    let server = guarded(|seen| seen.query("k").as_deref() == Some("s3cr3t+/&")).await;
    passes(&server, Auth::api_key_query("k", "s3cr3t+/&")).await;
    let asked = server.targets();
    assert_eq!(asked[0], "/x?a=1&k=s3cr3t%2B%2F%26");
    assert_eq!(asked[1], "/x?a=1&p=2&token=&k=s3cr3t%2B%2F%26");
}

#[tokio::test]
async fn wrong_credentials_are_an_error_that_does_not_show_them() {
    for (status, kind) in [(401, ErrorKind::Unauthenticated), (403, ErrorKind::PermissionDenied)] {
        let server = Server::start(move |seen| {
            Reply::new(status, "no").header("x-request-id", seen.query("k").unwrap_or_default())
        })
        .await;
        let source = builder(&server.url("/x")).auth(Auth::api_key_query("k", "s3cr3t"));
        let found = error(&mut at(&source, None).await).await;
        assert_eq!(found.kind(), kind);
        assert!(!format!("{found} {found:?}").contains("s3cr3t"), "{found}");
    }
}

#[tokio::test]
async fn a_link_that_hides_a_credential_in_its_path_is_refused() {
    let server = Server::start(|_| Reply::json("[1]").header("link", "</s3%63r3t/x>; rel=next")).await;
    let source = builder(&server.url("/x")).auth(Auth::bearer("s3cr3t"));
    let found = error(&mut at(&source.pagination(Pagination::link_header()), None).await).await;
    assert!(found.to_string().contains("repeats a credential"), "{found}");
}

#[test]
fn a_credential_in_the_url_is_refused() {
    for url in ["http://me:s3cr3t@127.0.0.1:1/x", "http://127.0.0.1:1/x?k=s3cr3t&k2=s3cr3t"] {
        let source = builder(url).auth(Auth::api_key_header("k", "s3cr3t"));
        let shown = format!("{source:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        match source.build() {
            Err(found) => assert!(!format!("{found} {found:?}").contains("s3cr3t"), "{found}"),
            Ok(source) => assert!(!format!("{source:?}").contains("s3cr3t"), "{source:?}"),
        }
    }
}

#[test]
fn a_credential_in_a_body_is_refused_and_no_body_is_in_lineage() {
    let post = |body: serde_json::Value| {
        let source = builder("http://127.0.0.1:1/x").auth(Auth::bearer("s3cr3t\"7")).post(body, "");
        assert!(!format!("{source:?}").contains("s3cr3t"), "{source:?}");
        source.build()
    };
    for body in [json!({ "a": [{ "b": "x s3cr3t\"7" }] }), json!({ "s3cr3t\"7": 1 })] {
        let found = post(body).unwrap_err();
        assert_eq!(found.kind(), ErrorKind::ConfigInvalid);
        assert!(!format!("{found} {found:?}").contains("s3cr3t"), "{found}");
    }
    let config = |text: &str| post(json!({ "query": text })).unwrap().info().config.clone();
    let (one, other) = (config("one of its own"), config("another"));
    assert!(!one.to_string().contains("one of its own"), "{one}");
    assert_ne!(one["post"], other["post"]);
}

/// A token server whose tokens are numbered, and a server that takes those from `oldest` on.
struct Login {
    login: Server,
    shop: Server,
    oldest: Arc<AtomicUsize>,
}

impl Login {
    async fn new(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let (granted, oldest) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(1)));
        let least = Arc::clone(&oldest);
        Self {
            login: Server::start(move |_| answer(granted.fetch_add(1, Ordering::SeqCst) + 1)).await,
            shop: Server::start(move |seen| {
                let token = seen.header("authorization").and_then(|text| text.strip_prefix("Bearer token-"));
                match token.and_then(|token| token.parse::<usize>().ok()) {
                    Some(n) if n >= least.load(Ordering::SeqCst) => Reply::json("[1]"),
                    _ => Reply::new(401, ""),
                }
            })
            .await,
            oldest,
        }
    }

    fn oauth(&self) -> OAuth2 {
        OAuth2::client_credentials(self.login.url("/token?tenant=1"), "me", "s3cr3t/+").scope("read all")
    }

    fn builder(&self, oauth: OAuth2) -> PollSourceBuilder {
        builder(&self.shop.url("/x")).auth(oauth)
    }
}

fn token(n: usize) -> Reply {
    Reply::json(format!(r#"{{"access_token":"token-{n}","token_type":"Bearer","expires_in":3600}}"#))
}

#[tokio::test]
async fn a_token_is_fetched_once_and_replaced_once_when_it_is_refused() {
    let login = Login::new(token).await;
    let mut source = at(&login.builder(login.oauth()), None).await;
    for _ in 0..3 {
        drain(&mut source).await.unwrap();
    }
    assert_eq!((login.login.seen().len(), login.shop.seen().len()), (1, 3));
    let asked = &login.login.seen()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token?tenant=1"));
    assert_eq!(asked.body, "grant_type=client_credentials&scope=read%20all");
    assert_eq!(asked.header("authorization"), Some("Basic bWU6czNjcjN0JTJGJTJC"));
    login.oldest.store(2, Ordering::SeqCst);
    drain(&mut source).await.unwrap();
    assert_eq!((login.login.seen().len(), login.shop.seen().len()), (2, 5));
    login.oldest.store(100, Ordering::SeqCst);
    let found = error(&mut source).await;
    assert_eq!(found.kind(), ErrorKind::Unauthenticated);
    assert_eq!((login.login.seen().len(), login.shop.seen().len()), (3, 7), "once, not for ever");
    assert!(!format!("{found} {found:?} {source:?}").contains("token-"));
}

#[tokio::test]
async fn a_token_about_to_expire_is_replaced_before_it_does() {
    let login =
        Login::new(|n| Reply::json(format!(r#"{{"access_token":"token-{n}","expires_in":"0"}}"#))).await;
    let mut source = at(&login.builder(login.oauth().credentials_in_body()), None).await;
    for _ in 0..3 {
        drain(&mut source).await.unwrap();
    }
    assert_eq!((login.login.seen().len(), login.shop.seen().len()), (3, 3));
    let asked = &login.login.seen()[0];
    assert!(asked.body.ends_with("&client_id=me&client_secret=s3cr3t%2F%2B"), "{}", asked.body);
    assert_eq!(asked.header("authorization"), None);
}

#[tokio::test]
async fn a_token_server_that_gives_no_token_is_an_error_of_its_kind() {
    for (status, body, kind) in [
        (400, r#"{"error":"invalid_client","hint":"s3cr3t/+"}"#, ErrorKind::Unauthenticated),
        (401, "", ErrorKind::Unauthenticated),
        (429, "", ErrorKind::RateLimited),
        (503, "", ErrorKind::Unavailable),
        (302, "", ErrorKind::ConfigInvalid),
        (200, "<html>", ErrorKind::Unexpected),
        (200, r#"{"access_token":"a\nb"}"#, ErrorKind::Unexpected),
        (200, r#"{"access_token":"a","token_type":"mac"}"#, ErrorKind::Unexpected),
    ] {
        let login = Login::new(move |_| Reply::new(status, body)).await;
        let mut source = at(&login.builder(login.oauth()), None).await;
        let found = error(&mut source).await;
        assert_eq!(found.kind(), kind, "{status} {body}: {found}");
        assert!(!format!("{found} {found:?}").contains("s3cr3t"), "{found}");
        assert_eq!(login.shop.connections(), 0);
    }
}

#[tokio::test]
async fn own_headers_are_sent_and_not_shown() {
    let server = Server::start(|seen| match (seen.header("accept"), seen.header("x-tenant")) {
        (Some("application/json"), Some("s3cr3t")) => Reply::json("[1]"),
        _ => Reply::new(400, ""),
    })
    .await;
    let source = builder(&server.url("/x")).header("Accept", "application/json").header("X-Tenant", "s3cr3t");
    let mut reader = at(&source, None).await;
    assert!(matches!(reader.next_batch().await.unwrap(), Next::Batch(_)));
    assert!(!format!("{source:?} {reader:?}").contains("s3cr3t"));
}
