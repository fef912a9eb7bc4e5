//! Passwords, assertions, tokens and keys of SAP systems.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_connectors::sap::{Auth, Mode, SapSource};
use datalake_connectors::web::OAuth2;
use datalake_core::{Dataset, ErrorKind, Source};
use datalake_simulators::sap::{Gateway, SALES_ORDERS, order};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::Authority;
use super::front::{Front, Mood, Words};
use super::silo::{Silo, told};
use super::watch::{Canary, search};

const V2: Words = Words {
    refuses: |_, told| json!({ "error": { "code": told, "message": { "value": told } } }).to_string(),
    leads: |told| {
        let next = format!("https://elsewhere.example/sap/opu/odata/sap/x?$skiptoken={told}");
        json!({ "d": { "results": [], "__next": next } }).to_string()
    },
};

const V4: Words = Words {
    refuses: |_, told| json!({ "error": { "code": told, "message": told } }).to_string(),
    leads: |told| {
        let next = format!("https://elsewhere.example/x?$skiptoken={told}");
        json!({ "@odata.context": "c", "value": [], "@odata.nextLink": next }).to_string()
    },
};

/// Orders in a system that lets in a user and a client with these secrets.
async fn gateway(password: &Canary, secret: &Canary) -> Gateway {
    let settings = Gateway::builder().page(2).user("LAKE", &password.value);
    let settings = settings.oauth_client("lake", &secret.value).api_key(&password.value);
    let gateway = settings.start().await.unwrap();
    (0..5).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    gateway
}

#[tokio::test]
async fn passwords_assertions_and_tokens_of_sap_are_nowhere() {
    let (password, secret) = (Canary::new("sap-password"), Canary::new("sap-client"));
    let assertion = Canary::new("sap-assertion");
    let saml = format!(
        "<saml2:Assertion><saml2:NameID>LAKE</saml2:NameID><Signature>{}</Signature></saml2:Assertion>",
        assertion.value
    );
    let oauth = |front: &Front, gateway: &Gateway| gateway.token_url().replace(&gateway.url(), &front.url());
    for way in ["basic", "key", "queue", "client", "saml", "bearer"] {
        let gateway = gateway(&password, &secret).await;
        let (root, words) = match way {
            "queue" => (gateway.odp(), V2),
            "client" | "saml" => (gateway.v4(), V4),
            _ => (gateway.v2(), V2),
        };
        let front = Front::of(&gateway.url(), words).await;
        let (set, mode) = match way {
            "queue" => ("FactsOfZSALESORDERS", Mode::delta()),
            _ => (SALES_ORDERS, Mode::full()),
        };
        let given = Canary::of(bearer(&gateway, &secret).await);
        let auth: Auth = match way {
            "basic" | "queue" => Auth::basic("LAKE", password.value.as_str()),
            "key" => Auth::api_key_header("APIKey", password.value.as_str()),
            "client" => {
                let url = oauth(&front, &gateway);
                let client = OAuth2::client_credentials(url, "lake", secret.value.as_str());
                client.credentials_in_body().into()
            }
            "saml" => {
                let url = oauth(&front, &gateway);
                let client = OAuth2::saml_bearer(url, "lake", secret.value.as_str(), saml.as_str());
                client.credentials_in_body().into()
            }
            _ => Auth::bearer(given.value.as_str()),
        };
        let builder =
            SapSource::builder(Dataset::new("d").unwrap(), root.replace(&gateway.url(), &front.url()), set)
                .mode(mode)
                .auth(auth)
                .take_over(true)
                .poll_every(Duration::from_millis(1))
                .timeout(Duration::from_secs(10));
        let parts: &[&str] = match way {
            "client" | "saml" => &["/oauth2/token", "$metadata", SALES_ORDERS],
            "queue" => &["$metadata", "FactsOf"],
            _ => &["$metadata", SALES_ORDERS],
        };
        let canaries = vec![&password, &secret, &assertion, &given];
        let silo =
            Silo { name: way, front: &front, parts, moods: &Mood::ALL, panics: "0000000003", canaries };
        silo.visit(&builder, |builder| builder.build()).await;
    }
}

/// A token of the gateway, as somebody has asked for it.
async fn bearer(gateway: &Gateway, secret: &Canary) -> String {
    let basic = STANDARD.encode(format!("lake:{}", secret.value));
    let (at, form) = (gateway.url().replace("http://", ""), "grant_type=client_credentials");
    let path = gateway.token_url().replace(&gateway.url(), "");
    let mut stream = TcpStream::connect(&at).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\nauthorization: Basic {basic}\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, token) = answer.split_once("\"access_token\":\"").unwrap_or_else(|| panic!("{answer}"));
    token.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_key_of_a_client_certificate_is_nowhere() {
    let gateway = Gateway::builder().page(2).start().await.unwrap();
    (0..5).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    let front = Front::of(&gateway.url(), V2).await;
    let (authority, other) = (Authority::new(), Authority::new());
    let origin = authority.door(front.address).await;
    let source = |signer: &Authority| {
        let (certificate, key) = signer.sign("lake");
        let key = key.serialize_pem();
        let builder = SapSource::builder(
            Dataset::new("d").unwrap(),
            gateway.v2().replace(&gateway.url(), &origin),
            SALES_ORDERS,
        )
        .auth(Auth::certificate(certificate.pem(), key.as_str()))
        .trust(authority.pem())
        .poll_every(Duration::from_millis(1))
        .timeout(Duration::from_secs(10));
        (builder, Canary::of_key(&key))
    };
    let (builder, key) = source(&authority);
    let parts = ["$metadata", SALES_ORDERS];
    let canaries = key.iter().collect();
    Silo {
        name: "certificate",
        front: &front,
        parts: &parts,
        moods: &Mood::ALL,
        panics: "0000000003",
        canaries,
    }
    .visit(&builder, |builder| builder.build())
    .await;

    let (builder, key) = source(&other);
    let mut refused = builder.clone().build().unwrap();
    refused.seek(None).await.unwrap();
    let error = refused.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let shown = [format!("{builder:?} {builder:#?} {refused:?} {refused:#?}"), told(&error)];
    search(&key.iter().collect::<Vec<_>>(), &shown, &[]);
}
