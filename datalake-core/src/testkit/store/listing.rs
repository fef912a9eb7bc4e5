//! Lists.

use futures::TryStreamExt;
use futures::future::try_join_all;

use super::{Failure, Store, StoreHarness, list, put};
use crate::testkit::case::{CaseResult, Outcome, ensure};

/// Keys whose order by bytes is not that of their segments, sorted.
const KEYS: [&str; 14] =
    ["A/1", "a-b/1", "a-b/2", "a.json", "a/-", "a/1", "a/10", "a/2", "a/b/c", "a/b0", "a0", "b", "ä", "語/1"];

async fn filled(harness: &dyn StoreHarness) -> Result<Store, Failure> {
    let store = harness.open().await?;
    for n in 0..KEYS.len() {
        // In another order than that of the list.
        let key = KEYS[n * 5 % KEYS.len()];
        put(&store, key, key).await?;
    }
    Ok(store)
}

async fn lists(store: &Store, prefix: &str, after: Option<&str>) -> Result<(), Failure> {
    let wanted = |key: &&str| key.starts_with(prefix) && after.is_none_or(|after| *key > after);
    let expected: Vec<&str> = KEYS.into_iter().filter(wanted).collect();
    let found = list(store, prefix, after).await?;
    ensure!(found == expected, "{prefix:?} after {after:?} lists {found:?}, not {expected:?}");
    Ok(())
}

/// A list has every object once, with its length, in the order of the bytes of the keys.
///
/// # Errors
/// The store fails the case.
pub async fn list_is_in_the_order_of_bytes(harness: &dyn StoreHarness) -> CaseResult {
    let store = filled(harness).await?;
    lists(&store, "", None).await?;
    let found: Vec<_> = store.list("", None).try_collect().await?;
    for info in found {
        let len = info.key.len() as u64;
        ensure!(info.bytes == len, "{:?} is listed with {} bytes, not {len}", info.key, info.bytes);
    }
    Ok(Outcome::Passed)
}

/// A prefix is of bytes, not of segments, and may be a whole key.
///
/// # Errors
/// The store fails the case.
pub async fn list_begins_with_the_prefix(harness: &dyn StoreHarness) -> CaseResult {
    let store = filled(harness).await?;
    for prefix in
        ["a", "a/", "a-", "a/1", "a/b", "a/b/", "a.json", "A", "b", "ä", "語", "z", "a/b/c/d", "a//"]
    {
        lists(&store, prefix, None).await?;
    }
    Ok(Outcome::Passed)
}

/// A list goes on after any key, whether there is an object of that key or not, and whatever the prefix.
///
/// # Errors
/// The store fails the case.
pub async fn list_goes_on_after_a_key(harness: &dyn StoreHarness) -> CaseResult {
    let store = filled(harness).await?;
    let between =
        ["", "0", "a", "a-", "a-b", "a-b/", "a-b/1z", "a/", "a/b", "a/b/", "a/b/d", "az", "z", "语"];
    for after in KEYS.into_iter().chain(between) {
        for prefix in ["", "a", "a/", "a/b", "a-b/", "b"] {
            lists(&store, prefix, Some(after)).await?;
        }
    }
    Ok(Outcome::Passed)
}

/// A list of more objects than a page holds has all of them.
///
/// # Errors
/// The store fails the case.
pub async fn list_of_many_is_whole(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    let mut keys: Vec<String> = (0..1_100).map(|n| format!("many/{}/{n:05}", n % 7)).collect();
    for some in keys.chunks(50) {
        try_join_all(some.iter().map(|key| put(&store, key, "x"))).await?;
    }
    keys.sort_unstable();
    let found = list(&store, "many/", None).await?;
    ensure!(found == keys, "{} objects are listed, not {}", found.len(), keys.len());
    let (middle, rest) = (&found[600], &found[601..]);
    let after = list(&store, "many/", Some(middle)).await?;
    ensure!(after == rest, "{} objects are listed after {middle:?}, not {}", after.len(), rest.len());
    Ok(Outcome::Passed)
}
