use std::time::Duration;

use bytes::Bytes;
use datalake_core::store::{Created, MemoryStore, ObjectStore, PutOptions};
use datalake_core::testkit::{Fault, FaultyStore, Op};
use datalake_core::{ErrorKind, Result, store_suite};
use futures::{StreamExt, TryStreamExt};
use tokio::time::{Instant, timeout};

type Store = FaultyStore<MemoryStore>;

fn store(seed: u64) -> Store {
    FaultyStore::new(MemoryStore::new(), seed)
}

fn slow() -> Store {
    let store = store(1);
    for op in Op::ALL {
        store.rate(op, Fault::Slow(Duration::from_millis(1)), 0.2);
    }
    store
}

store_suite!(calm, store(1));
store_suite!(merely_slow, slow());

async fn put(store: &Store, key: &str, body: &'static str) -> Result<()> {
    store.put(key, body.into(), PutOptions::default()).await
}

async fn create(store: &Store, key: &str, body: &'static str) -> Result<Created> {
    store.put_if_absent(key, body.into(), PutOptions::default()).await
}

async fn there(store: &Store, key: &str) -> Option<Bytes> {
    store.inner().get(key).await.ok()
}

fn kind<T>(answer: Result<T>) -> Option<(ErrorKind, bool)> {
    answer.err().map(|error| (error.kind(), error.is_retryable()))
}

const UNAVAILABLE: Option<(ErrorKind, bool)> = Some((ErrorKind::Unavailable, true));

#[tokio::test]
async fn a_fault_before_a_write_leaves_nothing() {
    let store = store(1);
    store.script([(Op::Put, Fault::Before), (Op::Put, Fault::Throttled), (Op::Put, Fault::Denied)]);
    assert_eq!(kind(put(&store, "a", "1").await), UNAVAILABLE);
    let throttled = put(&store, "a", "1").await.unwrap_err();
    assert_eq!((throttled.kind(), throttled.retry_after().is_some()), (ErrorKind::RateLimited, true));
    assert_eq!(kind(put(&store, "a", "1").await), Some((ErrorKind::PermissionDenied, false)));
    assert_eq!(there(&store, "a").await, None);
    put(&store, "a", "1").await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_leaves_the_object_and_a_second_try_finds_it() {
    let store = store(1);
    store.script([(Op::PutIfAbsent, Fault::Lost)]);
    assert_eq!(kind(create(&store, "a", "mine").await), UNAVAILABLE);
    assert_eq!(create(&store, "a", "mine").await.unwrap(), Created::Exists);
    assert_eq!(there(&store, "a").await.unwrap(), "mine");
}

#[tokio::test]
async fn an_own_answer_says_exists_only_of_an_object_that_does() {
    let store = store(1);
    store.script([(Op::PutIfAbsent, Fault::OwnAnswer)]);
    assert_eq!(create(&store, "a", "mine").await.unwrap(), Created::Exists);
    assert_eq!(there(&store, "a").await.unwrap(), "mine");
}

#[tokio::test]
async fn a_conflict_leaves_nothing_and_can_be_tried_again() {
    let store = store(1);
    store.script([(Op::PutIfAbsent, Fault::Conflict)]);
    assert_eq!(kind(create(&store, "a", "1").await), Some((ErrorKind::Conflict, true)));
    assert_eq!(create(&store, "a", "1").await.unwrap(), Created::New);
}

#[tokio::test]
async fn a_late_write_arrives_after_others_and_over_them() {
    let store = store(1);
    store.script([(Op::Put, Fault::Late { after: 2 })]);
    assert_eq!(kind(put(&store, "a", "late").await), UNAVAILABLE);
    put(&store, "a", "second").await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), "second");
    assert_eq!(store.in_flight(), 1);
    assert_eq!(store.get("a").await.unwrap(), "late");
    assert!(store.log().iter().any(|event| event.late && event.n == 0));
}

#[tokio::test]
async fn a_late_create_does_not_replace_what_came_first() {
    let store = store(1);
    store.script([(Op::PutIfAbsent, Fault::Late { after: 100 })]);
    assert_eq!(kind(create(&store, "a", "late").await), UNAVAILABLE);
    assert_eq!(create(&store, "a", "first").await.unwrap(), Created::New);
    store.flush_late().await;
    assert_eq!(there(&store, "a").await.unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_gives_up_happens_later() {
    let store = store(1);
    store.script([(Op::Put, Fault::Slow(Duration::from_secs(60)))]);
    let gave_up = timeout(Duration::from_secs(1), put(&store, "a", "slow")).await;
    assert!(gave_up.is_err());
    assert_eq!(there(&store, "a").await, None);
    for _ in 0..4 {
        store.head("other").await.unwrap_err();
    }
    assert_eq!(there(&store, "a").await.unwrap(), "slow");
}

#[tokio::test(start_paused = true)]
async fn a_slow_operation_takes_its_time_and_works() {
    let store = store(1);
    store.script([(Op::Put, Fault::Slow(Duration::from_secs(60)))]);
    let start = Instant::now();
    put(&store, "a", "slow").await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!((there(&store, "a").await.unwrap(), store.in_flight()), ("slow".into(), 0));
}

#[tokio::test]
async fn damage_to_a_read_is_noticed_or_not_as_the_fault_says() {
    let store = store(1);
    put(&store, "a", "0123456789").await.unwrap();
    store.script([(Op::Get, Fault::Truncated), (Op::Get, Fault::Short), (Op::Get, Fault::Flipped)]);
    assert_eq!(kind(store.get("a").await), UNAVAILABLE);
    assert!(store.get("a").await.unwrap().len() < 10);
    let flipped = store.get("a").await.unwrap();
    let bits: u32 = flipped.iter().zip(b"0123456789").map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!((flipped.len(), bits), (10, 1));
    assert_eq!(store.get("a").await.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_list_that_breaks_off_ends_with_an_error() {
    let store = store(3);
    for key in ["a", "b", "c"] {
        put(&store, key, "x").await.unwrap();
    }
    let mut given = std::collections::BTreeSet::new();
    for _ in 0..20 {
        store.script([(Op::List, Fault::Truncated)]);
        let found: Vec<_> = store.list("", None).collect().await;
        assert!(found.last().unwrap().is_err(), "{found:?}");
        assert!(found[..found.len() - 1].iter().all(Result::is_ok));
        given.insert(found.len() - 1);
    }
    assert_eq!(given, [0, 1, 2, 3].into(), "now some of the objects, now all of them");
    store.script([(Op::List, Fault::Before)]);
    assert_eq!(kind(store.list("", None).try_collect::<Vec<_>>().await), UNAVAILABLE);
    assert_eq!(store.list("", None).count().await, 3);
}

#[tokio::test]
async fn a_script_waits_for_its_operation() {
    let store = store(1);
    store.script([(Op::Put, Fault::None), (Op::Put, Fault::Before)]);
    store.get("a").await.unwrap_err();
    put(&store, "a", "1").await.unwrap();
    store.get("a").await.unwrap();
    assert_eq!(kind(put(&store, "a", "2").await), UNAVAILABLE);
}

#[tokio::test]
async fn a_store_that_is_down_is_up_again_when_calm() {
    let store = store(1);
    store.down(true);
    assert_eq!(kind(store.list("", None).try_collect::<Vec<_>>().await), UNAVAILABLE);
    assert_eq!(kind(put(&store, "a", "1").await), UNAVAILABLE);
    store.calm();
    put(&store, "a", "1").await.unwrap();
}

/// A few hundred operations under every fault.
async fn storm(seed: u64) -> Store {
    let store = store(seed);
    let faults = [
        Fault::Before,
        Fault::Throttled,
        Fault::Denied,
        Fault::Lost,
        Fault::Late { after: 5 },
        Fault::Conflict,
        Fault::OwnAnswer,
        Fault::Slow(Duration::from_secs(1)),
        Fault::Truncated,
        Fault::Short,
        Fault::Flipped,
    ];
    for (op, fault) in Op::ALL.into_iter().flat_map(|op| faults.map(|fault| (op, fault))) {
        store.rate(op, fault, 0.05);
    }
    for n in 0..100 {
        let key = format!("key/{}", n % 7);
        put(&store, &key, "put").await.ok();
        create(&store, &key, "created").await.ok();
        store.get(&key).await.ok();
        store.get_range(&key, 0..2).await.ok();
        store.head(&key).await.ok();
        store.list("key/", None).count().await;
        store.delete(&key).await.ok();
    }
    store
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_run() {
    let (once, again, other) = (storm(1).await, storm(1).await, storm(2).await);
    assert_eq!(once.trace(), again.trace());
    assert_ne!(once.trace(), other.trace());
}

#[tokio::test(start_paused = true)]
async fn every_fault_happens_to_every_operation_it_concerns() {
    let mut seen = std::collections::HashSet::new();
    for seed in 0..5 {
        seen.extend(storm(seed).await.log().iter().map(|event| format!("{:?} {:?}", event.op, event.fault)));
    }
    // Seven kinds without a fault, before, throttled, denied and slow; three lost and late; one conflict and own
    // answer; three truncated; two short and flipped.
    assert_eq!(seen.len(), 7 * 5 + 3 * 2 + 2 + 3 + 2 * 2, "{seen:?}");
}

#[tokio::test]
async fn a_rate_can_be_for_some_keys() {
    let store = store(1);
    store.rate_at(Op::Put, "_ledger/", Fault::Before, 1.0);
    put(&store, "curated/a", "1").await.unwrap();
    assert_eq!(kind(put(&store, "_ledger/a/1", "1").await), UNAVAILABLE);
}
