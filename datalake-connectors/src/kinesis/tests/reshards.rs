//! Streams that split and merge while they are read.

use std::collections::BTreeMap;

use datalake_core::testkit::Rng;
use datalake_simulators::faults::Fault;

use super::*;

/// The open shards of a stream with the hash keys they begin and end at.
type Open = Vec<(String, u128, u128)>;

/// A stream with a history, and what was put on it.
struct World {
    kinesis: Kinesis,
    open: Open,
    shards: usize,
    put: Vec<String>,
}

impl World {
    fn new() -> Self {
        let kinesis = Kinesis::start().unwrap();
        kinesis.create(STREAM, 1);
        Self { kinesis, open: vec![(shard(0), 0, u128::MAX)], shards: 1, put: Vec::new() }
    }

    fn put(&mut self, rng: &mut Rng) {
        let text = self.put.len().to_string();
        self.kinesis.put(STREAM, &format!("key-{}", rng.below(20)), text.as_bytes());
        self.put.push(text);
    }

    fn split(&mut self, rng: &mut Rng) {
        let at = rng.below(self.open.len());
        let (id, from, to) = self.open.remove(at);
        let middle = from + (to - from) / 2 + 1;
        self.kinesis.split(STREAM, &id, middle);
        let (low, high) = (shard(self.shards), shard(self.shards + 1));
        self.shards += 2;
        self.open.splice(at..at, [(low, from, middle - 1), (high, middle, to)]);
    }

    fn merge(&mut self, rng: &mut Rng) {
        if self.open.len() < 2 {
            return;
        }
        let at = rng.below(self.open.len() - 1);
        let ((low, from, _), (high, _, to)) = (self.open[at].clone(), self.open[at + 1].clone());
        self.kinesis.merge(STREAM, &low, &high);
        self.open.splice(at..at + 2, [(shard(self.shards), from, to)]);
        self.shards += 1;
    }
}

fn shard(n: usize) -> String {
    format!("shardId-{n:012}")
}

#[tokio::test]
async fn whatever_happens_to_the_shards_every_record_is_read_once_and_each_key_in_order() {
    for seed in 0..8 {
        let mut rng = Rng::new(seed);
        let mut world = World::new();
        let config = config(&world.kinesis.url()).await;
        let open = || builder(&config).records_per_read(3).batch_bytes(8).shards_at_once(2).build().unwrap();
        let mut source = open();
        source.seek(None).await.unwrap();
        let (mut landed, mut head): (Vec<(String, String)>, Option<Position>) = (Vec::new(), None);
        let mut tentative = Vec::new();
        for _ in 0..100 {
            match rng.below(12) {
                0..=4 => world.put(&mut rng),
                5 => world.split(&mut rng),
                6 => world.merge(&mut rng),
                7 => world.kinesis.expire_iterators(),
                8 => {
                    tentative.clear();
                    source = open();
                    source.seek(head.as_ref()).await.unwrap();
                }
                9 => world.kinesis.faults().next("GetRecords", Fault::throttled()),
                _ => {
                    if let Ok(Next::Batch(batch)) = source.next_batch().await {
                        tentative.extend(ids(&batch));
                        if rng.below(3) > 0 {
                            landed.append(&mut tentative);
                            head = Some(batch.position);
                        }
                    }
                }
            }
        }
        world.kinesis.faults().clear();
        let mut last = open();
        last.seek(head.as_ref()).await.unwrap();
        while let Next::Batch(batch) = last.next_batch().await.unwrap() {
            landed.extend(ids(&batch));
        }
        let mut texts: Vec<_> = landed.iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(texts.len(), world.put.len(), "seed {seed}: nothing is lost and nothing comes twice");
        in_order(&world, &texts, seed);
        texts.sort();
        world.put.sort();
        assert_eq!(texts, world.put, "seed {seed}");
    }
}

/// The records of one key come in the order in which they were put.
fn in_order(world: &World, texts: &[String], seed: u64) {
    let keys: BTreeMap<String, String> = world
        .kinesis
        .records(STREAM)
        .into_iter()
        .map(|stored| (String::from_utf8(stored.data.to_vec()).unwrap(), stored.key))
        .collect();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for text in texts {
        let n: u64 = text.parse().unwrap();
        if let Some(before) = last.insert(&keys[text], n) {
            assert!(before < n, "seed {seed}: {n} of {} came after {before}", keys[text]);
        }
    }
}

fn ids(batch: &datalake_core::SourceBatch) -> Vec<(String, String)> {
    let pair = |document: &datalake_core::Document| {
        (document.id().unwrap().to_string(), String::from_utf8(document.bytes().to_vec()).unwrap())
    };
    batch.documents.iter().map(pair).collect()
}
