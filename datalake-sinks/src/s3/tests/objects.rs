//! What goes up with an object, and what comes down.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datalake_core::store::{Created, Listed, ObjectStore, Payload, PutOptions};
use datalake_core::{ErrorKind, Sha256};
use datalake_simulators::s3::Op;
use futures::TryStreamExt;

use super::place::{BUCKET, Place};
use crate::s3::S3Store;

fn pointed() -> PutOptions {
    PutOptions {
        sha256: None,
        content_type: Some("application/x-ndjson"),
        metadata: BTreeMap::from([("lake-pipeline", "orders".to_owned()), ("lake-batch", "17".to_owned())]),
    }
}

#[tokio::test]
async fn an_object_has_its_checksum_its_key_its_tags_and_a_pointer_to_its_commit() {
    let place = Place::simulated().await;
    place.s3().smallest_part(1);
    let store = place
        .builder()
        .kms_key("arn:aws:kms:eu-central-1:111122223333:key/k")
        .encryption_context("pipeline", "orders")
        .tag("team", "rail & sea")
        .multipart(8, 8)
        .build()
        .await
        .unwrap();
    for (key, body) in [("small", "tiny"), ("large", "larger than a part is")] {
        assert_eq!(store.put_if_absent(key, body.into(), pointed()).await.unwrap(), Created::New);
        let object = place.s3().object(BUCKET, &format!("a/lake/{key}")).unwrap();
        assert_eq!(object.bytes, body);
        let about = object.about.clone();
        assert_eq!(about.metadata["lake-batch"], "17");
        assert_eq!(about.content_type.as_deref(), Some("application/x-ndjson"));
        assert_eq!(about.tags["team"], "rail & sea");
        assert_eq!(about.encryption.as_deref(), Some("aws:kms"));
        assert_eq!(about.kms_key.as_deref(), Some("arn:aws:kms:eu-central-1:111122223333:key/k"));
        assert!(about.bucket_key);
        let context = STANDARD.decode(about.encryption_context.unwrap()).unwrap();
        assert_eq!(context, br#"{"pipeline":"orders"}"#);
        let sha256 = STANDARD.encode(Sha256::of(body.as_bytes()).as_bytes());
        let name = if key == "small" { "SHA256" } else { "CRC32" };
        assert!(object.checksum(name).is_some_and(|sum| !sum.contains('-')), "of the whole object");
        assert!(key == "large" || object.checksum(name) == Some(&sha256));
        assert_eq!(store.get(key).await.unwrap(), body);
    }
    let parts = place.s3().seen().iter().filter(|seen| seen.op == Op::UploadPart).count();
    assert_eq!((parts, place.s3().uploads()), (3, 0));
}

#[tokio::test]
async fn bytes_that_are_not_what_the_ledger_names_are_refused() {
    let place = Place::simulated().await;
    let store = place.store().await;
    let options = PutOptions { sha256: Some(Sha256::of(b"meant")), ..PutOptions::default() };
    let error = store.put("k", "sent".into(), options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(place.s3().objects(BUCKET).is_empty());
}

#[tokio::test]
async fn a_payload_of_many_pieces_is_one_object() {
    let place = Place::simulated().await;
    place.s3().smallest_part(1);
    let store = place.builder().multipart(1_000, 1_000).build().await.unwrap();
    let mut payload = Payload::new();
    (0..777).for_each(|n| payload.push(format!("piece {n};")));
    let whole = payload.clone().into_bytes();
    store.put("k", payload, PutOptions::default()).await.unwrap();
    assert_eq!(store.get("k").await.unwrap(), whole);
}

#[tokio::test]
async fn the_store_ends_at_its_prefix() {
    let place = Place::simulated().await;
    let outer = S3Store::builder(BUCKET);
    let outer = outer.config(&place.config()).build().await.unwrap();
    for key in ["a/lake/in", "a/lake2/out", "a/la", "b"] {
        outer.put(key, key.into(), PutOptions::default()).await.unwrap();
    }
    let store = place.store().await;
    let keys = async |store: &S3Store| -> Vec<String> {
        store.list("", None).map_ok(|info| info.key).try_collect().await.unwrap()
    };
    assert_eq!(keys(&store).await, ["in"]);
    assert_eq!(keys(&outer).await.len(), 4);
    assert_eq!((store.uri(), store.to_string().as_str()), ("s3://lake/a/lake", "s3://lake/a/lake"));
    assert_eq!(outer.uri(), "s3://lake");
    store.delete("in").await.unwrap();
    assert_eq!(keys(&outer).await, ["a/la", "a/lake2/out", "b"]);
}

#[tokio::test]
async fn keys_that_are_none_of_ours_are_not_listed() {
    let place = Place::simulated().await;
    let raw = place.client();
    for key in ["a/lake/", "a/lake/x//y", "a/lake/folder/", "a/lake/good"] {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(b"");
        raw.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    }
    let store = place.store().await;
    let found: Vec<_> = store.list("", None).map_ok(|info| info.key).try_collect().await.unwrap();
    assert_eq!(found, ["good"]);
}

#[tokio::test]
async fn a_bucket_is_made_once() {
    let place = Place::simulated().await;
    let store = S3Store::builder("another").config(&place.config()).build().await.unwrap();
    assert_eq!(store.get("k").await.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    store.create_bucket().await.unwrap();
    store.put("k", "x".into(), PutOptions::default()).await.unwrap();
    store.create_bucket().await.unwrap();
    assert_eq!(store.get("k").await.unwrap(), "x");
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let place = Place::simulated().await;
    let bucket = |name: &str| S3Store::builder(name).config(&place.config());
    for (why, bad) in [
        ("a bucket", bucket("")),
        ("a bucket", bucket("a/b")),
        ("a prefix", place.builder().prefix("a//b")),
        ("an endpoint", place.builder().endpoint("http://user:canary@host")),
        ("a context", place.builder().encryption_context("a", "b")),
        ("tags", place.builder().tags((0..11).map(|n| (n.to_string(), "x")))),
        ("parts", place.builder().multipart(10, 20)),
        ("a time", place.builder().timeout(std::time::Duration::ZERO)),
    ] {
        let error = bad.build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{why}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    assert!(S3Store::at("https://lake/x").is_err());
    let store = S3Store::at("s3://lake/a/b/").unwrap().config(&place.config()).build().await.unwrap();
    assert_eq!(store.uri(), "s3://lake/a/b");
}

#[tokio::test]
async fn what_others_put_under_keys_that_are_none_of_ours_is_listed_as_such() {
    let place = Place::simulated().await;
    let store = place.store().await;
    store.put("in/b.csv", "b".into(), PutOptions::default()).await.unwrap();
    for (key, body) in [("in//a.csv", "aa"), ("in/folder/", ""), ("in/c\\d", "c"), ("other//e", "e")] {
        let body = bytes::Bytes::from(body).into();
        let request = place.client().put_object().bucket(BUCKET).key(format!("a/lake/{key}")).body(body);
        request.send().await.unwrap();
    }
    let all: Vec<Listed> = store.list_all("in/").try_collect().await.unwrap();
    let refused = |key: &str, bytes| Listed::Refused { key: key.into(), bytes };
    let info = store.head("in/b.csv").await.unwrap();
    let expected =
        [refused("in//a.csv", 2), Listed::Object(info), refused("in/c\\d", 1), refused("in/folder/", 0)];
    assert_eq!(all.len(), expected.len(), "{all:?}");
    for (found, expected) in all.into_iter().zip(expected) {
        match (found.clone().into_object(), expected.clone().into_object()) {
            (Some(found), Some(expected)) => assert!(found.is_same(&expected), "{found:?}"),
            _ => assert_eq!(found, expected),
        }
    }
    let listed: Vec<_> = store.list("", None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
}
