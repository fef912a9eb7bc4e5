use bytes::Bytes;
use datalake_core::ErrorKind;
use datalake_core::codec::Compression;
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::*;
use crate::web::hook::Encoding;

/// The example that Standard Webhooks publishes.
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_BODY: &str = r#"{"test": 2432232314}"#;
const STANDARD_HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    ("webhook-timestamp", "1614265330"),
    ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
];
/// The example that GitHub publishes.
const GITHUB: &str = "It's a Secret to Everybody";
const GITHUB_SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn hex(key: &str, message: &[u8]) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(message);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn standard_webhooks_verify() {
    let lake = Lake::on(builder(Verify::standard_webhooks([STANDARD]))).await;
    let answer = lake.post(&STANDARD_HEADERS, STANDARD_BODY).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body, r#"{"id":"msg_p5jXN8AQM9LWM0D4loKWxJek"}"#);
    let [document] = &lake.documents()[..] else { panic!("one document") };
    assert_eq!(document.bytes(), STANDARD_BODY);
    assert_eq!(document.id().map(|id| &**id), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
}

#[tokio::test]
async fn one_good_signature_among_several_is_enough() {
    let lake = Lake::on(builder(Verify::standard_webhooks([STANDARD]))).await;
    let mut headers = STANDARD_HEADERS;
    let several = format!("v1a,{0} v1,AAAA v1,{0} {1} v2,x", "A".repeat(43) + "=", headers[2].1);
    headers[2].1 = &several;
    assert_eq!(lake.post(&headers, STANDARD_BODY).await.status, 200);
}

#[tokio::test]
async fn a_signature_of_another_version_is_none() {
    let lake = Lake::on(builder(Verify::standard_webhooks([STANDARD]))).await;
    let mut headers = STANDARD_HEADERS;
    let other = headers[2].1.replace("v1,", "v1a,");
    headers[2].1 = &other;
    assert_eq!(lake.post(&headers, STANDARD_BODY).await.status, 401);
}

#[tokio::test]
async fn stripe_verifies_with_the_secret_as_text() {
    let lake = Lake::on(builder(Verify::stripe(["whsec_test_secret"]))).await;
    let signature = "t=1614265330,v1=00,v0=x,\
        v1=5ec30680a78697882e66c0ef9a9d80d1e57140fc0140d9d68536871ee0f2f524";
    let answer = lake.post(&[("Stripe-Signature", signature)], r#"{"id":"evt_1","city":"Zürich"}"#).await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"id":"evt_1"}"#));
}

#[tokio::test]
async fn github_verifies_and_names_the_type() {
    let lake = Lake::on(builder(Verify::github([GITHUB]))).await;
    let headers =
        [("X-Hub-Signature-256", GITHUB_SIGNATURE), ("X-GitHub-Delivery", "d-1"), ("X-GitHub-Event", "push")];
    let answer = lake.post(&headers, "Hello, World!").await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"id":"d-1"}"#));
    assert_eq!(&**lake.documents()[0].locator(), "/events#push");
}

#[tokio::test]
async fn shopify_verifies() {
    let lake = Lake::on(builder(Verify::shopify(["hush"]))).await;
    let headers = [
        ("X-Shopify-Hmac-SHA256", "gzIkigU0fvsSUFeY53ywCtGb6o0/Z/9Qud5fDXYIOjs="),
        ("X-Shopify-Webhook-Id", "w-1"),
        ("X-Shopify-Topic", "orders/create"),
    ];
    let answer = lake.post(&headers, r#"{"id":820982911946154508,"city":"Zürich"}"#).await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"id":"w-1"}"#));
    assert_eq!(&**lake.documents()[0].locator(), "/events#orders/create");
}

#[tokio::test]
async fn a_header_of_its_own_verifies() {
    let verify = Verify::hmac_sha256("X-Sign", "hmac ", Encoding::Hex, ["k1"]);
    let lake = Lake::on(builder(verify).id_header("X-Id").type_header("X-Kind")).await;
    let signature = "hmac 31A96027c8c80b401b0b1ca365c96e5fd2e5f63d875e1dfeeeddc118fcc51936";
    let headers = [("x-sign", signature), ("x-id", "7"), ("x-kind", "a kind")];
    let answer = lake.post(&headers, "order=1").await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"id":"7"}"#));
    assert_eq!(&**lake.documents()[0].locator(), "/events", "a type with a blank stays out");
    assert_eq!(lake.post(&[("x-sign", &signature[5..])], "order=1").await.status, 401, "no prefix");
}

#[tokio::test]
async fn a_secret_can_be_rotated() {
    let lake = Lake::on(builder(Verify::github(["new", "old"]))).await;
    for (secret, status) in [("new", 200), ("old", 200), ("older", 401)] {
        let signature = format!("sha256={}", hex(secret, b"{}"));
        assert_eq!(lake.post(&[("x-hub-signature-256", &signature)], "{}").await.status, status, "{secret}");
    }
}

#[tokio::test]
async fn a_changed_body_is_refused_and_never_read() {
    let stripe = format!("t={NOW},v1={}", hex("s", format!("{NOW}.{STANDARD_BODY}").as_bytes()));
    let github = format!("sha256={}", hex("s", STANDARD_BODY.as_bytes()));
    let shopify = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (verify, headers) in [
        (Verify::standard_webhooks([STANDARD]), STANDARD_HEADERS.to_vec()),
        (Verify::stripe(["s"]), vec![("stripe-signature", &*stripe)]),
        (Verify::github(["s"]), vec![("x-hub-signature-256", &*github)]),
        (Verify::shopify(["s"]), vec![("x-shopify-hmac-sha256", shopify)]),
    ] {
        let lake = Lake::on(builder(verify)).await;
        let answer = lake.post(&headers, STANDARD_BODY.replace('2', "3")).await;
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(answer.body, r#"{"error":"the signature does not hold"}"#);
        assert!(lake.documents().is_empty());
    }
}

#[tokio::test]
async fn a_signed_header_cannot_be_changed() {
    let lake = Lake::on(builder(Verify::standard_webhooks([STANDARD]))).await;
    for (n, value) in [(0, "msg_other"), (1, "1614265331")] {
        let mut headers = STANDARD_HEADERS;
        headers[n].1 = value;
        assert_eq!(lake.post(&headers, STANDARD_BODY).await.status, 401, "{value}");
    }
}

#[tokio::test]
async fn a_missing_or_senseless_header_is_refused() {
    let lake = Lake::on(builder(Verify::standard_webhooks([STANDARD]))).await;
    for (n, (name, _)) in STANDARD_HEADERS.iter().enumerate() {
        let mut headers = STANDARD_HEADERS.to_vec();
        headers.remove(n);
        assert_eq!(lake.post(&headers, STANDARD_BODY).await.status, 401);
        headers.insert(n, (name, "\u{fc}"));
        assert_eq!(lake.post(&headers, STANDARD_BODY).await.status, 401);
    }
    let lake = Lake::on(builder(Verify::stripe(["s"]))).await;
    for value in ["", "t", "t=", "t=x,v1=00", "v1=00", "t=99999999999999999999,v1=00", "t=1614265330"] {
        assert_eq!(lake.post(&[("stripe-signature", value)], "{}").await.status, 401, "{value}");
    }
}

#[tokio::test]
async fn the_window_of_time_has_sharp_edges() {
    let lake = Lake::on(builder(Verify::stripe(["s"]))).await;
    for (time, status) in [
        (NOW - 301, 401),
        (NOW - 300, 200),
        (NOW, 200),
        (NOW + 60, 200),
        (NOW + 61, 401),
        (i64::MIN, 401),
        (i64::MAX, 401),
    ] {
        let signature = format!("t={time},v1={}", hex("s", format!("{time}.{{}}").as_bytes()));
        let answer = lake.post(&[("stripe-signature", &signature)], "{}").await;
        assert_eq!(answer.status, status, "{time} {answer:?}");
    }
}

#[tokio::test]
async fn only_a_true_signature_is_told_that_it_is_late() {
    let lake = Lake::on(builder(Verify::stripe(["s"]))).await;
    let true_one = format!("t=1,v1={}", hex("s", b"1.{}"));
    let false_one = format!("t=1,v1={}", hex("x", b"1.{}"));
    let late = lake.post(&[("stripe-signature", &true_one)], "{}").await;
    assert!(late.body.contains("time"), "{late:?}");
    let forged = lake.post(&[("stripe-signature", &false_one)], "{}").await;
    assert!(!forged.body.contains("time"), "{forged:?}");
}

#[tokio::test]
async fn a_compressed_body_verifies_as_sent_and_is_kept_decompressed() {
    let lake = Lake::on(builder(Verify::github(["s"]))).await;
    let plain = r#"{"a":1}"#;
    for (coding, codec) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let body = codec.frame(3, &[Bytes::from(plain)]).unwrap();
        let (sent, content) = (hex("s", &body), hex("s", plain.as_bytes()));
        for (signature, status) in [(sent, 200), (content, 401)] {
            let signature = format!("sha256={signature}");
            let headers = [("x-hub-signature-256", &*signature), ("content-encoding", coding)];
            assert_eq!(lake.post(&headers, &body).await.status, status, "{coding}");
        }
        assert_eq!(lake.documents().last().unwrap().bytes(), plain);
    }
    let damaged = b"\x1f\x8b\x08 not gzip";
    let signature = format!("sha256={}", hex("s", damaged));
    let headers = [("x-hub-signature-256", &*signature), ("content-encoding", "gzip")];
    assert_eq!(lake.post(&headers, damaged).await.status, 400);
}

#[tokio::test]
async fn no_secret_shows() {
    let canary = "whsec_Y2FuYXJ5LWNhbmFyeQ==";
    let builder = builder(Verify::standard_webhooks([canary]));
    let shown = format!("{builder:?}");
    let source = builder.build().await.unwrap();
    let shown = format!("{shown}{source:?}{:?}", source.inbox.receiver.intake.verifier);
    assert!(!shown.contains("Y2Fu") && !shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_wrong_secret_is_a_wrong_setting_and_is_not_quoted() {
    for verify in [
        Verify::standard_webhooks(["whsec_not base64!"]),
        Verify::standard_webhooks(["whsec_"]),
        Verify::github([""]),
        Verify::github(Vec::<datalake_core::Secret>::new()),
    ] {
        let error = builder(verify).build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(!format!("{error} {error:?}").contains("not base64!"), "{error:?}");
    }
}
