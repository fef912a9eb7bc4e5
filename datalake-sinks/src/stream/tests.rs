//! Calls that fail in part, counted out.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use datalake_core::testkit::Rng;
use datalake_core::{Ambient, ErrorKind, Result, Retry};

use super::{Calls, Entry, Placed, Put, send};

type Fails = dyn Fn(usize, usize) -> bool + Send + Sync;

/// A service that fails the entries that it is told to, by call and index.
struct Service {
    fails: Box<Fails>,
    sizes: Mutex<Vec<usize>>,
    taken: Mutex<Vec<Bytes>>,
}

impl Service {
    fn new(fails: impl Fn(usize, usize) -> bool + Send + Sync + 'static) -> Self {
        Self { fails: Box::new(fails), sizes: Mutex::default(), taken: Mutex::default() }
    }

    fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }
}

#[async_trait]
impl Put for Service {
    async fn put(&self, entries: &[&Entry]) -> Result<Vec<Result<Placed, String>>> {
        let call = {
            let mut sizes = self.sizes.lock().unwrap();
            sizes.push(entries.len());
            sizes.len() - 1
        };
        // The other calls of the round may go first.
        tokio::task::yield_now().await;
        let mut taken = self.taken.lock().unwrap();
        let outcomes = entries.iter().enumerate().map(|(index, entry)| {
            if (self.fails)(call, index) {
                return Err("ProvisionedThroughputExceededException".to_owned());
            }
            taken.push(entry.data.clone());
            Ok(Placed { shard: "0".into(), sequence: taken.len().to_string() })
        });
        Ok(outcomes.collect())
    }
}

fn entries(count: usize, lanes: usize) -> Vec<Entry> {
    let entry = |n: usize| Entry {
        key: format!("k{}", n % lanes),
        explicit_hash_key: None,
        data: n.to_string().into(),
        records: 1,
        lane: (n % lanes) as u128,
    };
    (0..count).map(entry).collect()
}

fn calls(ordered: bool) -> Calls {
    Calls {
        entries: 500,
        bytes: 5 << 20,
        at_once: 4,
        ordered,
        retry: Retry::new(8, Duration::ZERO, Duration::ZERO),
        ambient: Ambient::system(),
    }
}

/// Sends as the engine does: again, if nothing was taken.
async fn engine(service: &Service, entries: &[Entry], calls: &Calls) -> usize {
    for tries in 1.. {
        match send(service, entries, calls).await {
            Ok(placed) => {
                assert_eq!(placed.len(), entries.len());
                return tries;
            }
            Err(error) => {
                assert!(error.is_retryable() && error.kind() == ErrorKind::RateLimited, "{error}");
                assert!(service.taken.lock().unwrap().is_empty(), "something was taken: {error}");
            }
        }
    }
    unreachable!("tries do not end")
}

fn check(service: &Service, entries: &[Entry]) {
    let mut times = vec![0; entries.len()];
    for data in service.taken.lock().unwrap().iter() {
        times[std::str::from_utf8(data).unwrap().parse::<usize>().unwrap()] += 1;
    }
    assert!(times.iter().all(|times| *times == 1), "{times:?}");
}

#[tokio::test]
async fn whatever_subset_of_up_to_ten_fails_each_is_taken_once_and_only_the_failed_are_sent_again() {
    for count in 1..=10 {
        let entries = entries(count, count);
        for failing in 0..1_usize << count {
            let service = Service::new(move |call, index| call == 0 && failing >> index & 1 == 1);
            engine(&service, &entries, &calls(false)).await;
            check(&service, &entries);
            let again = failing.count_ones() as usize;
            let expected = if again == 0 { vec![count] } else { vec![count, again] };
            assert_eq!(service.sizes(), expected, "{failing:b} of {count}");
        }
    }
}

#[tokio::test]
async fn whatever_subsets_of_five_hundred_fail_each_is_taken_once() {
    let entries = entries(500, 500);
    for seed in 0..10_000 {
        let mut rng = Rng::new(seed);
        let share = rng.below(100);
        let fails: Vec<bool> = (0..500 * 3).map(|_| rng.below(100) < share).collect();
        let service = Service::new(move |call, index| call < 3 && fails[call * 500 + index]);
        engine(&service, &entries, &calls(false)).await;
        check(&service, &entries);
    }
}

#[tokio::test]
async fn in_order_a_later_one_of_a_lane_never_overtakes() {
    for seed in 0..500 {
        let mut rng = Rng::new(seed);
        let lanes = 1 + rng.below(12);
        let entries = entries(60, lanes);
        let fails: Vec<bool> = (0..4096).map(|_| rng.below(3) == 0).collect();
        let service = Service::new(move |call, index| fails[(call * 31 + index) % fails.len()]);
        let calls =
            Calls { entries: 3, retry: Retry::new(100, Duration::ZERO, Duration::ZERO), ..calls(true) };
        // The budget of retries may be used up; then the same is true of what was taken.
        send(&service, &entries, &calls).await.ok();
        let mut last = BTreeMap::new();
        for data in service.taken.lock().unwrap().iter() {
            let n: usize = std::str::from_utf8(data).unwrap().parse().unwrap();
            let before = last.insert(n % lanes, n);
            assert_eq!(before.map_or(n % lanes, |before| before + lanes), n, "seed {seed}");
        }
        assert!(!last.is_empty(), "seed {seed}");
    }
}

#[tokio::test]
async fn what_keeps_failing_is_given_up_and_never_a_success() {
    let entries = entries(10, 10);
    let service = Service::new(|_, index| index == 0);
    let error = send(&service, &entries, &calls(false)).await.unwrap_err();
    // Nine in the first call, none in the seven that follow.
    assert_eq!(service.taken.lock().unwrap().len(), 9);
    assert_eq!(service.sizes(), [10, 1, 1, 1, 1, 1, 1, 1]);
    assert!(error.is_temporary() && !error.is_retryable(), "{error}");
    assert!(error.to_string().contains("unsent: 1"), "{error}");
}

#[tokio::test]
async fn a_call_is_full_in_entries_or_in_bytes() {
    let service = Service::new(|_, _| false);
    let calls = Calls { entries: 4, bytes: 25, ..calls(false) };
    let entry = |bytes: usize| Entry { data: vec![b'x'; bytes].into(), ..entries(1, 1).remove(0) };
    // Each has a key of two bytes.
    let entries: Vec<_> = [3, 3, 3, 3, 3, 10, 10, 30, 1].map(entry).into();
    send(&service, &entries, &calls).await.unwrap();
    assert_eq!(service.sizes(), [4, 2, 1, 1, 1]);
}
