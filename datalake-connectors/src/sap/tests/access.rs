//! Who we are to the system, and what becomes of sessions.

use datalake_core::ErrorKind;
use datalake_simulators::sap::{Fault, Gateway, Rule};

use super::*;
use crate::sap::OAuth2;

async fn locked_gateway() -> Gateway {
    let settings = Gateway::builder().page(2).oauth_client("lake", "cl1ent-secret").api_key("k3y-of-the-hub");
    gateway(settings, 5).await
}

#[tokio::test]
async fn one_session_serves_all_requests() {
    let gateway = gateway(Gateway::builder().page(1), 9).await;
    let mut source = at(&Service::V2.source(&gateway, Mode::full()), None).await;
    assert_eq!(drain(&mut source).await.unwrap().len(), 9);
    assert_eq!(gateway.sessions(), 1);
    gateway.end_sessions();
    source.seek(None).await.unwrap();
    assert_eq!(drain(&mut source).await.unwrap().len(), 9, "a session that was ended is made anew");
    assert_eq!(gateway.sessions(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_locks_nobody() {
    let gateway = gateway(Gateway::builder().lock_after(2), 1).await;
    let wrong = Service::V2.source(&gateway, Mode::full()).auth(Auth::basic(USER, "wr0ng-0123"));
    let found = error(&mut at(&wrong, None).await).await;
    assert_eq!((found.kind(), found.is_retryable()), (ErrorKind::Unauthenticated, false));
    assert!(!found.to_string().contains("wr0ng"), "{found}");
    assert_eq!(gateway.seen().len(), 1);
    assert!(!gateway.locked(USER));
    let mut right = at(&Service::V2.source(&gateway, Mode::full()), None).await;
    assert_eq!(drain(&mut right).await.unwrap().len(), 1);
}

#[tokio::test]
async fn client_credentials_and_assertions_get_tokens_that_are_replaced_when_they_end() {
    let gateway = locked_gateway().await;
    let plain =
        OAuth2::client_credentials(gateway.token_url(), "lake", "cl1ent-secret").scope("ZSALES_SRV_0001");
    let saml = OAuth2::saml_bearer(
        gateway.token_url(),
        "lake",
        "cl1ent-secret",
        "<saml2:Assertion><saml2:NameID>LAKE</saml2:NameID></saml2:Assertion>",
    );
    for oauth in [plain, saml] {
        let source = Service::V4.source(&gateway, Mode::full()).auth(oauth);
        let mut source = at(&source, None).await;
        let Next::Batch(_) = source.next_batch().await.unwrap() else { panic!("there are rows") };
        gateway.expire_access();
        assert_eq!(orders(&drain(&mut source).await.unwrap()).len(), 3, "the rest");
        assert!(!format!("{source:?}").contains("cl1ent"));
    }
    let forms: Vec<_> = gateway.seen().into_iter().filter(|seen| seen.method == "POST").collect();
    let saml = String::from_utf8(forms.last().unwrap().body.to_vec()).unwrap();
    assert!(
        saml.contains("saml2-bearer&assertion=PHNhbWwyOkFzc2VydGlvbj48c2FtbDI6TmFtZUlEPkxBS0U8L3NhbWwyOk5hbWVJRD48L3NhbWwyOkFzc2VydGlvbj4"),
        "{saml}"
    );
}

#[tokio::test]
async fn a_key_of_the_hub_is_good_too() {
    let gateway = locked_gateway().await;
    let key = Auth::api_key_header("APIKey", "k3y-of-the-hub");
    let mut source = at(&Service::V2.source(&gateway, Mode::full()).auth(key), None).await;
    assert_eq!(orders(&drain(&mut source).await.unwrap()).len(), 5);
}

#[tokio::test]
async fn client_and_language_go_with_every_request() {
    let gateway = gateway(Gateway::builder().page(2), 3).await;
    let source = Service::V2.source(&gateway, Mode::full()).client("100").language("DE");
    drain(&mut at(&source, None).await).await.unwrap();
    let told = |name: &str, value: &str| gateway.seen().iter().all(|seen| seen.header(name) == Some(value));
    assert!(told("sap-client", "100") && told("sap-language", "DE"));
    let other = Service::V2.source(&gateway, Mode::full()).client("200");
    assert_eq!(error(&mut at(&other, None).await).await.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_server_that_is_busy_says_how_long_to_wait() {
    let gateway = gateway(Gateway::builder(), 1).await;
    gateway.faults().add(Rule::new(Fault::throttled(7)));
    let found = error(&mut at(&Service::V4.source(&gateway, Mode::full()), None).await).await;
    assert_eq!((found.kind(), found.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(7))));
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    let source = |root: &str, set: &str| SapSource::builder(Dataset::new("d").unwrap(), root, set);
    let root = "https://sap.example/sap/opu/odata/sap/Z";
    for builder in [
        source("https://sap.example/sap?sap-client=100", "Orders"),
        source("sap.example", "Orders"),
        source(root, ""),
        source(root, "Orders?$top=1"),
        source(root, "Orders").page_size(0),
        source(root, "Orders").page_cap(0),
        source(root, "Orders").mode(Mode::keyset("a b")),
        source(root, "Orders").mode(Mode::keyset("At").then_by(["Id"])).select(["At"]),
        source(root, "Orders").client("1\n0"),
        source(root, "Orders").rate_limit(0, Duration::from_secs(1)),
        source(root, "Orders").auth(Auth::certificate("no pem", "no key")),
        source("http://sap.example/x", "Orders").auth(Auth::certificate("no pem", "no key")),
    ] {
        let found = builder.clone().build().unwrap_err();
        assert_eq!(found.kind(), ErrorKind::ConfigInvalid, "{builder:?}");
    }
}
