//! Single objects.

use super::{StoreHarness, holds, list, put};
use crate::ErrorKind;
use crate::digest::Sha256;
use crate::store::{Created, Payload, PutOptions};
use crate::testkit::Rng;
use crate::testkit::case::{CaseResult, Outcome, ensure};

/// An object has the bytes, the length and the key it was put with, in one part or several.
///
/// # Errors
/// The store fails the case.
pub async fn gives_back_what_was_put(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    put(&store, "a", "one part").await?;
    let mut payload = Payload::from("sev");
    payload.push("eral ");
    payload.push("parts");
    put(&store, "b/c", payload).await?;
    put(&store, "binary", &b"\0\xff\r\n\x1a"[..]).await?;
    holds(&store, "a", b"one part").await?;
    holds(&store, "b/c", b"several parts").await?;
    holds(&store, "binary", b"\0\xff\r\n\x1a").await?;
    Ok(Outcome::Passed)
}

/// A put over an older object leaves nothing of it, whether the new one is longer or shorter.
///
/// # Errors
/// The store fails the case.
pub async fn put_replaces(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    for body in ["first", "the second, which is longer", "third"] {
        put(&store, "a/key", body).await?;
        holds(&store, "a/key", body.as_bytes()).await?;
    }
    let keys = list(&store, "", None).await?;
    ensure!(keys == ["a/key"], "there are {keys:?}, where one object was replaced");
    Ok(Outcome::Passed)
}

/// A deleted object is gone from every view; deleting what is not there is fine; others stay.
///
/// # Errors
/// The store fails the case.
pub async fn delete_removes(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    for key in ["a/1", "a/2", "b"] {
        put(&store, key, key).await?;
    }
    store.delete("a/1").await?;
    for found in [store.get("a/1").await.map(drop), store.head("a/1").await.map(drop)] {
        let kind = found.err().map(|error| error.kind());
        ensure!(kind == Some(ErrorKind::NotFound), "a deleted object is found: {kind:?}");
    }
    for key in ["a/1", "never/there", "a", "b/below/an/object"] {
        if let Err(error) = store.delete(key).await {
            return Err(
                super::Failure::from(error).during(format_args!("deleting {key:?}, which is not there"))
            );
        }
    }
    let keys = list(&store, "", None).await?;
    ensure!(keys == ["a/2", "b"], "after the delete there are {keys:?}");
    Ok(Outcome::Passed)
}

/// A put if absent creates an object, and changes none that is there; after a delete it creates again.
///
/// # Errors
/// The store fails the case.
pub async fn absent_object_is_created_once(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    let create = |body: &'static str| store.put_if_absent("log/1", body.into(), PutOptions::default());
    ensure!(create("first").await? == Created::New, "a new object is said to exist");
    ensure!(create("second").await? == Created::Exists, "an object was created over another");
    ensure!(create("first").await? == Created::Exists, "an object was created over its like");
    holds(&store, "log/1", b"first").await?;
    put(&store, "log/1", "put").await?;
    ensure!(create("third").await? == Created::Exists, "an object was created over one that was put");
    holds(&store, "log/1", b"put").await?;
    store.delete("log/1").await?;
    ensure!(create("fourth").await? == Created::New, "a deleted object is said to exist");
    holds(&store, "log/1", b"fourth").await?;
    Ok(Outcome::Passed)
}

/// A range gives the bytes it names, as far as the object goes.
///
/// # Errors
/// The store fails the case.
pub async fn range_is_clipped(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    put(&store, "digits", "0123456789").await?;
    let rows = [
        (0..10, "0123456789"),
        (0..1, "0"),
        (3..7, "3456"),
        (9..10, "9"),
        (7..12, "789"),
        (0..u64::MAX, "0123456789"),
        (10..20, ""),
        (11..u64::MAX, ""),
        (4..4, ""),
        (0..0, ""),
    ];
    for (range, expected) in rows {
        let found = store.get_range("digits", range.clone()).await.map_err(|error| {
            super::Failure::from(error).during(format_args!("reading {range:?} of 10 bytes"))
        })?;
        ensure!(found == expected, "{range:?} of 10 digits is {found:?}, not {expected:?}");
    }
    Ok(Outcome::Passed)
}

/// An object without bytes is an object.
///
/// # Errors
/// The store fails the case.
pub async fn empty_object_is_an_object(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    put(&store, "put", Payload::new()).await?;
    let created = store.put_if_absent("created", Payload::new(), PutOptions::default()).await?;
    ensure!(created == Created::New, "a new object is said to exist");
    for key in ["created", "put"] {
        holds(&store, key, b"").await?;
        let range = store.get_range(key, 0..5).await?;
        ensure!(range.is_empty(), "a range of an object without bytes has {} bytes", range.len());
    }
    let keys = list(&store, "", None).await?;
    ensure!(keys == ["created", "put"], "two objects without bytes are listed as {keys:?}");
    Ok(Outcome::Passed)
}

/// An object of 16 MiB, put in many parts of odd sizes, is whole.
///
/// # Errors
/// The store fails the case.
pub async fn large_object_is_whole(harness: &dyn StoreHarness) -> CaseResult {
    const LEN: usize = 16 << 20;
    let store = harness.open().await?;
    let bytes = bytes::Bytes::from(Rng::new(1).bytes(LEN));
    let (mut payload, mut at, mut size) = (Payload::new(), 0, 1);
    while at < LEN {
        let end = LEN.min(at + size);
        payload.push(bytes.slice(at..end));
        (at, size) = (end, size * 3);
    }
    let options = PutOptions { sha256: Some(Sha256::of(&bytes)), ..PutOptions::default() };
    store.put("large", payload.clone(), options.clone()).await?;
    holds(&store, "large", &bytes).await?;
    let tail = store.get_range("large", LEN as u64 - 5..LEN as u64 + 5).await?;
    ensure!(tail == bytes[LEN - 5..], "the end of a large object is not what was put");
    let created = store.put_if_absent("created", payload, options).await?;
    ensure!(created == Created::New, "a new object is said to exist");
    holds(&store, "created", &bytes).await?;
    Ok(Outcome::Passed)
}

/// Digests, media types and metadata go with an object and change no byte of it.
///
/// # Errors
/// The store fails the case.
pub async fn options_change_no_byte(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    let options = PutOptions {
        sha256: Some(Sha256::of(b"{\"a\":1}\n")),
        content_type: Some("application/x-ndjson"),
        metadata: [("lake-batch", "orders/17".to_owned()), ("lake-records", "1".to_owned())].into(),
    };
    store.put("put", "{\"a\":1}\n".into(), options.clone()).await?;
    let created = store.put_if_absent("created", "{\"a\":1}\n".into(), options).await?;
    ensure!(created == Created::New, "a new object is said to exist");
    for key in ["put", "created"] {
        holds(&store, key, b"{\"a\":1}\n").await?;
    }
    Ok(Outcome::Passed)
}
