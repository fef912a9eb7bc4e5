//! Several writers and readers, and writers that give up.

use bytes::Bytes;
use futures::future::join_all;

use super::{StoreHarness, holds, list, put};
use crate::store::{Created, PutOptions};
use crate::testkit::case::{CaseResult, Failure, Outcome, dropped_after, ensure};
use crate::{ErrorKind, Result};

/// What a read gives at last: an answer that could not be taken whole, and says so, may be asked for again a few times.
async fn at_last<R: Future<Output = Result<Bytes>>>(read: impl Fn() -> R) -> Result<Bytes> {
    for _ in 0..9 {
        match read().await {
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            answer => return answer,
        }
    }
    read().await
}

/// What one store has written, every other sees at once: by reading, looking and listing.
///
/// # Errors
/// The store fails the case.
pub async fn another_process_sees_every_write(harness: &dyn StoreHarness) -> CaseResult {
    let (one, other) = (harness.open().await?, harness.open().await?);
    put(&one, "a", "first").await?;
    holds(&other, "a", b"first").await?;
    put(&other, "a", "second").await?;
    holds(&one, "a", b"second").await?;
    let options = PutOptions::default;
    ensure!(other.put_if_absent("b", "b".into(), options()).await? == Created::New, "a new object exists");
    ensure!(
        one.put_if_absent("b", "x".into(), options()).await? == Created::Exists,
        "an object was created over one of another process"
    );
    drop((one, other));
    let later = harness.open().await?;
    holds(&later, "a", b"second").await?;
    holds(&later, "b", b"b").await?;
    later.delete("a").await?;
    let keys = list(&harness.open().await?, "", None).await?;
    ensure!(keys == ["b"], "a new process lists {keys:?}, not [\"b\"]");
    Ok(Outcome::Passed)
}

/// Of eight writers who create one object at once, exactly one is told that it is new, and its bytes are there.
///
/// # Errors
/// The store fails the case.
pub async fn one_of_many_creates_an_object(harness: &dyn StoreHarness) -> CaseResult {
    let stores = [harness.open().await?, harness.open().await?];
    for round in 0..20 {
        let key = format!("slot/{round:020}");
        let writers = (0..8).map(|writer| {
            let (store, key) = (stores[writer % 2].clone(), key.clone());
            let body = Bytes::from(format!("{writer}").repeat(1_000));
            tokio::spawn(async move { store.put_if_absent(&key, body.into(), PutOptions::default()).await })
        });
        let mut winners = Vec::new();
        for (writer, answer) in join_all(writers).await.into_iter().enumerate() {
            match answer.map_err(|cause| Failure::new(format!("a writer panicked: {cause}")))? {
                Ok(Created::New) => winners.push(writer),
                Ok(Created::Exists) => {}
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error.into()),
            }
        }
        ensure!(winners.len() <= 1, "writers {winners:?} were all told that {key:?} is new");
        let found = at_last(|| stores[0].get(&key)).await?;
        match winners.first() {
            Some(winner) => {
                let expected = format!("{winner}").repeat(1_000);
                ensure!(
                    found == expected,
                    "writer {winner} has created {key:?}, but its bytes are of another"
                );
            }
            None => return Err(Failure::new(format!("nobody was told that {key:?} is new"))),
        }
    }
    Ok(Outcome::Passed)
}

/// A reader sees an object as one write has left it, never a part or a mixture, while it is created and replaced.
///
/// # Errors
/// The store fails the case.
pub async fn readers_see_whole_objects(harness: &dyn StoreHarness) -> CaseResult {
    const SIZES: [usize; 3] = [300_000, 1_000_000, 17];
    let body = |n: usize| Bytes::from(vec![b'a' + n as u8; SIZES[n]]);
    let (writing, reading) = (harness.open().await?, harness.open().await?);
    let writer = tokio::spawn(async move {
        for round in 0..30 {
            writing.put("shared", body(round % 3).into(), PutOptions::default()).await?;
        }
        for round in 0..10 {
            let key = format!("new/{round}");
            writing.put_if_absent(&key, body(1).into(), PutOptions::default()).await?;
        }
        Result::<(), crate::Error>::Ok(())
    });
    let whole = |found: &Bytes| (0..3).any(|n| *found == body(n));
    while !writer.is_finished() {
        for key in ["shared", "new/0", "new/5", "new/9"] {
            match at_last(|| reading.get(key)).await {
                Ok(found) => {
                    ensure!(whole(&found), "a reader saw {} bytes of a write of {key:?}", found.len())
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        match at_last(|| reading.get_range("shared", 10..20)).await {
            Ok(found) => {
                let one = found.iter().all(|byte| *byte == found[0]);
                ensure!(
                    one && matches!(found.len(), 7 | 10),
                    "a reader saw a range of two writes: {found:?}"
                );
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        tokio::task::yield_now().await;
    }
    writer.await.map_err(|cause| Failure::new(format!("the writer panicked: {cause}")))??;
    Ok(Outcome::Passed)
}

/// A write that is dropped where it waits has happened as a whole, or not, or happens later; other objects are not
/// touched and the store goes on.
///
/// # Errors
/// The store fails the case.
pub async fn dropped_write_is_whole_or_absent(harness: &dyn StoreHarness) -> CaseResult {
    let store = harness.open().await?;
    let body = Bytes::from(vec![b'x'; 200_000]);
    put(&store, "other", "untouched").await?;
    for waits in 0..8 {
        for create in [false, true] {
            let key = format!("dropped/{waits}-{create}");
            let (payload, options) = (body.clone().into(), PutOptions::default());
            if create {
                dropped_after(waits, store.put_if_absent(&key, payload, options)).await;
            } else {
                dropped_after(waits, store.put(&key, payload, options)).await;
            }
            for _ in 0..20 {
                match at_last(|| store.get(&key)).await {
                    Ok(found) => ensure!(found == body, "a dropped write has left {} bytes", found.len()),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
                tokio::task::yield_now().await;
            }
        }
    }
    holds(&store, "other", b"untouched").await?;
    put(&store, "after", "it goes on").await?;
    holds(&store, "after", b"it goes on").await?;
    let keys = list(&store, "", None).await?;
    let strange: Vec<_> = keys
        .iter()
        .filter(|key| !key.starts_with("dropped/") && *key != "after" && *key != "other")
        .collect();
    ensure!(strange.is_empty(), "dropped writes have left {strange:?}");
    Ok(Outcome::Passed)
}
