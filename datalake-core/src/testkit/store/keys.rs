//! Keys: which there are, which there are not, and which there cannot be.

use futures::TryStreamExt;

use super::{StoreHarness, holds, list, put};
use crate::store::PutOptions;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure, hides};
use crate::{Error, ErrorKind, Result};

/// A key of many segments works.
///
/// # Errors
/// The store fails the case.
pub async fn deep_keys_work(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    let deep = format!("{}end", "a-segment-of-a-path/".repeat(40));
    for key in ["a/b/c/d/e/f/g", &deep] {
        put(&store, key, "deep").await?;
        holds(&store, key, b"deep").await?;
        let found = list(&store, key, None).await?;
        ensure!(found == [key], "a deep key is listed as {found:?}");
        store.delete(key).await?;
        ensure!(store.get(key).await.is_err(), "a deep key was not deleted");
    }
    Ok(Outcome::Passed)
}

/// Spaces, letters of any script, and characters with a meaning in URLs, patterns and shells are just characters;
/// upper and lower case differ.
///
/// # Errors
/// The store fails the case.
pub async fn strange_keys_work(harness: &dyn StoreHarness) -> CaseResult {
    let mut keys = [
        " ",
        "a b/c d",
        "ä/ö.json",
        "語/データ",
        "🚂",
        "a+b",
        "a%20b",
        "a%2Fb",
        "a&b=c",
        "dt=2026-11-22/h=10",
        "a?b#c",
        "*",
        "a:b",
        "'quoted'",
        "\"quoted\"",
        "..a",
        "a..",
        ".hidden",
        "~",
        "$HOME",
        "{a}",
        "[a]",
        "a|b<c>",
        "Case",
        "case",
        "e\u{301}",
        "\u{e9}",
    ];
    keys.sort_unstable();
    let store = harness.open().await?;
    for key in keys {
        put(&store, key, key).await?;
    }
    for key in keys {
        holds(&store, key, key.as_bytes()).await?;
    }
    let found = list(&store, "", None).await?;
    ensure!(found == keys, "strange keys are listed as {found:?}, not {keys:?}");
    for key in keys {
        store.delete(key).await?;
    }
    let found = list(&store, "", None).await?;
    ensure!(found.is_empty(), "after every delete there are {found:?}");
    Ok(Outcome::Passed)
}

/// A key that breaks the rules is refused by every method as [`ConfigInvalid`](ErrorKind::ConfigInvalid), and nothing
/// is written.
///
/// # Errors
/// The store fails the case.
pub async fn bad_keys_are_refused(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    let long = "a".repeat(1_025);
    let keys = [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "./a", "a\\b", "a\0b", "a\nb",
        "a\u{7f}", &long,
    ];
    for key in keys {
        let answers = [
            ("put", store.put(key, "x".into(), PutOptions::default()).await),
            ("put_if_absent", store.put_if_absent(key, "x".into(), PutOptions::default()).await.map(drop)),
            ("get", store.get(key).await.map(drop)),
            ("get_range", store.get_range(key, 0..1).await.map(drop)),
            ("head", store.head(key).await.map(drop)),
            ("delete", store.delete(key).await),
        ];
        for (method, answer) in answers {
            let kind = answer.err().map(|error| error.kind());
            let refused = kind == Some(ErrorKind::ConfigInvalid);
            ensure!(refused, "{method} of {key:?} gave {kind:?} where it must be refused as a bad key");
        }
    }
    let found = list(&store, "", None).await?;
    ensure!(found.is_empty(), "under bad keys, {found:?} was written");
    Ok(Outcome::Passed)
}

/// Reading what is not there is [`NotFound`](ErrorKind::NotFound), also where a key goes on past another's end or
/// stops before it; a list of it is empty.
///
/// # Errors
/// The store fails the case.
pub async fn missing_object_is_not_found(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    put(&store, "folder/file", "x").await?;
    for key in
        ["missing", "folder", "folder/missing", "folder/file/below", "missing/below/that", "folder/fil"]
    {
        let answers = [
            ("get", store.get(key).await.map(drop)),
            ("get_range", store.get_range(key, 0..1).await.map(drop)),
            ("head", store.head(key).await.map(drop)),
        ];
        for (method, answer) in answers {
            let Err(error) = answer else {
                return Err(Failure::new(format!("{method} of {key:?}, which is not there, is Ok")));
            };
            let kind = error.kind();
            ensure!(
                kind == ErrorKind::NotFound,
                "{method} of {key:?}, which is not there, is {kind}: {error}"
            );
            ensure!(!error.is_retryable(), "{method} of {key:?}, which is not there, is retryable");
        }
    }
    for prefix in ["missing", "folder/missing/", "folder/file/"] {
        let found = list(&store, prefix, None).await?;
        ensure!(found.is_empty(), "{prefix:?} lists {found:?}");
    }
    Ok(Outcome::Passed)
}

/// No secret is seen in the `Debug` of the store, its URI and its errors.
///
/// # Errors
/// The store fails the case.
pub async fn secrets_are_hidden(harness: &dyn StoreHarness) -> CaseResult {
    let secrets = harness.secrets();
    if secrets.is_empty() {
        return Ok(Outcome::Skipped("the store was given no secret"));
    }
    let store = harness.open().await?;
    let mut shown = harness.shown();
    shown.extend([format!("{store:?}"), store.uri().to_owned()]);
    let show = |answer: Result<()>| answer.map_err(|error: Error| format!("{error} {error:?}")).err();
    shown.extend(show(store.get("missing").await.map(drop)));
    shown.extend(show(store.get("a//b").await.map(drop)));
    shown.extend(show(store.put("..", "x".into(), PutOptions::default()).await));
    shown.extend(show(store.list("missing", None).try_collect::<Vec<_>>().await.map(drop)));
    hides(&secrets, &shown)?;
    Ok(Outcome::Passed)
}
