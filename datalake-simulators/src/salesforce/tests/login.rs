use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::{START, account, ask, org, refused};
use crate::rest::tests::{Reply, call};
use crate::salesforce::{CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, Salesforce, USER};

const QUERY: &str = "SELECT Id FROM Account";

fn log_in(org: &Salesforce, form: &str) -> Reply {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    call(&org.url(), "POST", "/services/oauth2/token", &headers, form).unwrap()
}

fn sign(header: &Value, claims: &Value) -> String {
    let lines: String = PRIVATE_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(lines).unwrap()).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn jwt(org: &Salesforce, assertion: &str) -> Reply {
    log_in(
        org,
        &format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"),
    )
}

#[test]
fn a_client_logs_in_by_its_secret() {
    let org = org();
    let form = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let granted = log_in(&org, &form).json();
    assert_eq!((&granted["instance_url"], &granted["token_type"]), (&json!(org.url()), &json!("Bearer")));
    assert!(granted.get("expires_in").is_none());
    assert_eq!(ask(&org, granted["access_token"].as_str().unwrap(), "query", QUERY).status, 200);
    for (form, error) in [
        (format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret=x"), "invalid_client"),
        ("grant_type=client_credentials&client_id=x&client_secret=x".into(), "invalid_client_id"),
        ("grant_type=password".into(), "unsupported_grant_type"),
    ] {
        let reply = log_in(&org, &form);
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!(error)));
    }
}

#[test]
fn a_client_logs_in_by_a_token_that_it_signed() {
    let org = org();
    let header = json!({ "alg": "RS256" });
    let claims =
        json!({ "iss": CLIENT_ID, "sub": USER, "aud": "https://login.salesforce.com", "exp": START + 180 });
    assert_eq!(jwt(&org, &sign(&header, &claims)).status, 200);
    let mut text = claims.clone();
    text["exp"] = (START + 180).to_string().into();
    assert_eq!(jwt(&org, &sign(&header, &text)).status, 200);
    for (claim, value, description) in [
        ("aud", json!("https://example.com"), "audience is invalid"),
        ("sub", json!("nobody@example.com"), "user hasn't approved this consumer"),
        ("iss", json!("x"), "client identifier invalid"),
        ("exp", json!(START), "expired authorization code"),
        ("exp", json!(START + 3600), "invalid assertion: exp is missing or too far ahead"),
    ] {
        let mut claims = claims.clone();
        claims[claim] = value;
        let reply = jwt(&org, &sign(&header, &claims));
        assert_eq!((reply.status, &reply.json()["error_description"]), (400, &json!(description)));
    }
    let (signed, signature) =
        sign(&header, &claims).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let other = sign(&header, &json!({ "iss": CLIENT_ID, "sub": USER }));
    let stolen = other.rsplit_once('.').unwrap().1;
    assert_eq!(jwt(&org, &format!("{signed}.{stolen}")).status, 400);
    assert_eq!(jwt(&org, &format!("{signed}.{signature}")).status, 200);
    let none = sign(&json!({ "alg": "none" }), &claims);
    assert_eq!(jwt(&org, &none).status, 400);
}

#[test]
fn a_session_ends_when_told_to_after_a_number_of_requests_and_after_a_time() {
    let builder =
        Salesforce::builder().object(account()).session_requests(2).session_lasts(Duration::from_secs(60));
    let org = builder.start().unwrap();
    let ended = (401, "INVALID_SESSION_ID".to_owned());
    let token = org.session();
    assert_eq!([0; 2].map(|_| ask(&org, &token, "query", QUERY).status), [200, 200]);
    assert_eq!(refused(&ask(&org, &token, "query", QUERY)), ended);
    let token = org.session();
    org.advance(Duration::from_secs(60));
    assert_eq!(refused(&ask(&org, &token, "query", QUERY)), ended);
    let token = org.session();
    org.expire_sessions();
    assert_eq!(refused(&ask(&org, &token, "query", QUERY)), ended);
    assert_eq!(refused(&ask(&org, "x", "query", QUERY)), ended);
}

#[test]
fn the_requests_of_a_day_are_counted_and_refused_at_the_end() {
    let org = Salesforce::builder().object(account()).daily_requests(2).start().unwrap();
    let token = org.session();
    let usage = |reply: &Reply| reply.header("sforce-limit-info").unwrap().to_owned();
    assert_eq!(usage(&ask(&org, &token, "query", QUERY)), "api-usage=1/2");
    assert_eq!(usage(&ask(&org, &token, "query", QUERY)), "api-usage=2/2");
    let reply = ask(&org, &token, "query", QUERY);
    assert_eq!(refused(&reply), (403, "REQUEST_LIMIT_EXCEEDED".to_owned()));
    org.restore_requests();
    assert_eq!(usage(&ask(&org, &token, "query", QUERY)), "api-usage=1/2");
}
