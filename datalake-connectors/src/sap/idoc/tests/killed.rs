//! A system that sends again what was not confirmed, and a worker that is killed at random.

use std::collections::BTreeSet;

use datalake_core::lake::{Lake as Store, Zone};
use datalake_core::store::MemoryStore;
use datalake_core::transform::try_map;
use datalake_core::{Pipeline, RecordError};
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt as _;

use super::*;

const SEEDS: u64 = 1000;

/// Numbers that look random and are always the same for a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Whether a package is confirmed. A connection that cannot be made or breaks confirms nothing.
async fn confirmed(to: SocketAddr, body: String) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.ok()?;
        let head = format!(
            "POST /idocs HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.starts_with("HTTP/1.1 200 "))
    };
    within(exchange).await.unwrap_or_default()
}

/// The ids of everything in the lake.
async fn kept(lake: &Store) -> BTreeSet<String> {
    let dataset = Dataset::new("idocs").unwrap();
    let content: Vec<_> = lake.read(&dataset, Zone::Curated).await.unwrap().try_collect().await.unwrap();
    let content = String::from_utf8(content.concat()).unwrap();
    let ids = content.split("800/ID3CLNT800/").skip(1).map(|rest| rest[..16].parse::<u64>().unwrap());
    ids.map(id).collect()
}

/// Goes through the lives of a worker. Gives how many packages were confirmed, and how many not, by workers that were killed.
async fn live(seed: u64) -> (u64, u64) {
    let mut draw = Draw(seed);
    let lake = Store::new(Arc::new(MemoryStore::new()));
    let mut next = 1;
    let mut waiting: Vec<Vec<u64>> = Vec::new();
    for _ in 0..2 + draw.below(3) {
        let size = 1 + draw.below(3);
        waiting.push((next..next + size).collect());
        next += size;
    }
    let mut told = BTreeSet::new();
    let mut by_killed = (0, 0);
    let lives = draw.below(4);
    for life in 0..=lives {
        let source = builder().anybody().commit_within(Duration::ZERO).build().await.unwrap();
        let at = source.local_addr();
        let ids = try_map("ids", "1", |idoc| {
            Control::of(idoc)?.id().ok_or_else(|| RecordError::new("idoc", "there is no id"))
        });
        let pipeline = Pipeline::builder("idocs").source(source).transform(ids);
        let mut pipeline = pipeline.lake(&LakeSink::builder(&lake).build()).build().unwrap();
        let worker = tokio::spawn(async move { pipeline.run_until(std::future::pending()).await.map(drop) });
        let sent: Vec<_> = waiting
            .drain(..)
            .map(|numbers| {
                let answer = tokio::spawn(confirmed(at, package(numbers.iter().copied())));
                (numbers, answer)
            })
            .collect();
        if life < lives {
            if draw.below(2) == 0 || sent.is_empty() {
                for _ in 0..draw.below(100) {
                    tokio::task::yield_now().await;
                }
            } else {
                // One is confirmed, others perhaps not.
                let some = async {
                    while !sent.iter().any(|(_, answer)| answer.is_finished()) {
                        tokio::task::yield_now().await;
                    }
                };
                within(some).await;
            }
            worker.abort();
            assert!(worker.await.unwrap_err().is_cancelled(), "seed {seed}");
            for (numbers, answer) in sent {
                if answer.await.unwrap() {
                    by_killed.0 += 1;
                    told.extend(numbers.into_iter().map(id));
                } else {
                    by_killed.1 += 1;
                    waiting.push(numbers);
                }
            }
        } else {
            for (numbers, answer) in sent {
                assert!(answer.await.unwrap(), "seed {seed}: {numbers:?} were not confirmed");
                told.extend(numbers.into_iter().map(id));
            }
            worker.abort();
            worker.await.unwrap_err();
        }
        let kept = kept(&lake).await;
        assert!(
            told.is_subset(&kept),
            "seed {seed}: {:?} were confirmed and are gone",
            told.difference(&kept)
        );
    }
    assert_eq!(kept(&lake).await, (1..next).map(id).collect(), "seed {seed}");
    assert!(lake.verify(&"idocs".parse().unwrap()).await.unwrap().problems.is_empty(), "seed {seed}");
    by_killed
}

#[tokio::test]
async fn whatever_was_confirmed_is_in_the_lake_however_the_worker_dies() {
    let (mut confirmed, mut not) = (0, 0);
    for seed in 0..SEEDS {
        let (more, less) = live(seed).await;
        confirmed += more;
        not += less;
    }
    assert!(confirmed > 100 && not > 100, "{confirmed} and {not}: the worker dies too late or too early");
}
