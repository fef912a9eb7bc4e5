//! Credentials of HTTP interfaces.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datalake_connectors::web::poll::{Pagination, PollSource};
use datalake_connectors::web::{Auth, OAuth2};
use datalake_core::lake::Lake;
use datalake_core::{Dataset, Pipeline, Retry, Secrets};
use datalake_sinks::lake::LakeSink;
use tempfile::TempDir;

use super::peer::{Answer, Peer};
use super::watch::{Canary, both, log, search};

/// A server that fails, gives two pages, and then refuses, and repeats what it was told in every header it has.
pub(crate) async fn echoing(token: String) -> Peer {
    let asked = AtomicUsize::new(0);
    Peer::start(move |request| {
        let told = |name: &str| {
            let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned())
        };
        let target = request.split(' ').nth(1).unwrap().to_owned();
        let told = told("authorization").or(told("x-api-key")).unwrap_or(target.clone());
        let told = told.rsplit(' ').next().unwrap().to_owned();
        let echo = |more: &[(&'static str, String)]| {
            let mut headers = vec![("x-request-id", told.clone()), ("etag", format!("\"{told}\""))];
            headers.push(("content-type", "application/json".into()));
            headers.extend(more.iter().cloned());
            headers
        };
        if target.starts_with("/token") {
            return Answer(200, echo(&[]), format!("{{\"access_token\":\"{token}\",\"expires_in\":3600}}"));
        }
        let link = format!("</x?p=2&token={told}>; rel=next");
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Answer(503, echo(&[("retry-after", "0".into())]), told.clone()),
            1 => Answer(200, echo(&[("link", link)]), "[{\"n\":1},nonsense]".into()),
            2 => Answer(302, echo(&[("location", format!("http://elsewhere.example/{told}"))]), told.clone()),
            3 => Answer(200, echo(&[]), "[{\"n\":2}]".into()),
            4 => Answer(403, echo(&[]), told.clone()),
            _ => Answer(401, echo(&[("www-authenticate", told.clone())]), told.clone()),
        }
    })
    .await
}

async fn polls(name: &str, auth: impl FnOnce(&Peer, &Canary) -> Auth) {
    log();
    let (canary, token) = (Canary::new(name), Canary::new(&format!("token-{name}")));
    let (peer, place) = (echoing(token.value.clone()).await, TempDir::new().unwrap());
    let lake = Lake::local(place.path().join("lake")).unwrap();
    let builder = PollSource::builder(Dataset::new("d").unwrap(), peer.url("/x"))
        .auth(auth(&peer, &canary))
        .pagination(Pagination::link_header())
        .timeout(Duration::from_secs(10));
    let mut shown = vec![format!("{builder:?} {builder:#?}")];
    let mut written = 0;
    for _ in 0..5 {
        let source = builder.clone().build().unwrap();
        shown.push(format!("{source:?} {source:#?}"));
        let mut pipeline = Pipeline::builder("p")
            .source(source)
            .lake(&LakeSink::builder(&lake).build())
            .retry(Retry::new(2, Duration::from_millis(1), Duration::from_millis(1)))
            .build()
            .unwrap();
        shown.push(format!("{} {:?}", pipeline.describe(), pipeline.source_info()));
        match pipeline.drain(Default::default()).await {
            Ok(report) => {
                written += report.counts.written;
                shown.push(format!("{report:?}"));
            }
            Err(error) => shown.push(both(&error)),
        }
        shown.push(format!("{:?}", pipeline.progress().borrow()));
    }
    assert!(written > 0, "{name}: something was read");
    assert!(shown.iter().any(|text| text.contains("unauthenticated")), "{name}: something was refused");
    search(&[&canary, &token], &shown, &[place.path()]);
}

#[tokio::test]
async fn credentials_of_polled_interfaces_are_nowhere() {
    polls("basic", |_, canary| Auth::basic("me", canary.value.as_str())).await;
    polls("bearer", |_, canary| Auth::bearer(canary.value.as_str())).await;
    polls("header", |_, canary| Auth::api_key_header("X-Api-Key", canary.value.as_str())).await;
    polls("query", |_, canary| Auth::api_key_query("k", canary.value.as_str())).await;
    polls("oauth", |peer, canary| {
        OAuth2::client_credentials(peer.url("/token"), "me", canary.value.as_str()).into()
    })
    .await;
    polls("oauth-body", |peer, canary| {
        let oauth = OAuth2::client_credentials(peer.url("/token"), "me", canary.value.as_str());
        oauth.credentials_in_body().into()
    })
    .await;
    let file = TempDir::new().unwrap();
    polls("named", |_, canary| {
        std::fs::write(file.path().join("key"), &canary.value).unwrap();
        let name = format!("file:{}", file.path().join("key").display());
        Auth::bearer(Secrets::new().credential(&name).unwrap())
    })
    .await;
}
