//! Small objects joined into large ones, in every format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::{Compacted, Compaction, Lake, Zone, clean, stamp};
use datalake_core::ledger::{CommitKind, Ledger};
use datalake_core::pipeline::{Budget, PipelineBuilder};
use datalake_core::store::{MemoryStore, ObjectStore, PutOptions};
use datalake_core::testkit::{Fault, FaultyStore, Op, VecSource};
use datalake_core::transform::json::set;
use datalake_core::{Document, Format, Pipeline, PipelineId, RecordId, Result, Retry, Worker};
use futures::TryStreamExt;

use super::{Refuse, things, verify};
use crate::lake::{LakeSink, LakeSinkBuilder, Partition};

type Store = Arc<FaultyStore<MemoryStore>>;
type Shape = fn(LakeSinkBuilder) -> LakeSinkBuilder;

const NDJSON: Shape = |sink| sink;
const GZIP: Shape = |sink| sink.compression(Compression::Gzip, 6);
const PLAIN: Shape = |sink| sink.compression(Compression::None, 0);
#[cfg(feature = "parquet")]
const PARQUET: Shape = |sink| sink.parquet(crate::lake::ParquetSettings::new());

fn shapes() -> Vec<Shape> {
    vec![
        NDJSON,
        GZIP,
        PLAIN,
        #[cfg(feature = "parquet")]
        PARQUET,
    ]
}

fn lake(store: &Store) -> Lake {
    let lake = Lake::new(Arc::clone(store) as _);
    #[cfg(feature = "parquet")]
    let lake = lake.with_format(crate::lake::ParquetFormat::new());
    lake
}

fn store() -> Store {
    Arc::new(FaultyStore::new(MemoryStore::new(), 1))
}

fn id() -> PipelineId {
    PipelineId::new("things").unwrap()
}

fn pipeline(lake: &Lake, shape: Shape, documents: Vec<Document>) -> PipelineBuilder {
    let sink = LakeSink::builder(lake).partition(Partition::field("r", "/r").unwrap());
    Pipeline::builder("things").source(VecSource::new(documents)).lake(&shape(sink).build()).target_bytes(1)
}

/// Fills a lake with batches of one to three records in two partitions, one of which is refused.
async fn filled(store: &Store, shape: Shape, batches: usize) -> Lake {
    let lake = lake(store);
    let document = |n: usize| {
        let line = |m: usize| {
            let r = ["eu", "us"][(n + m) % 2];
            match (n, m) {
                (5, 1) => "{\"r\":\"eu\",\"bad\":true}\n".to_owned(),
                (9, 0) => format!("{{\"r\":\"{r}\",\"n\":\"nine\",\"more\":[{{\"x\":1.5}}]}}\n"),
                _ => format!("{{\"r\":\"{r}\",\"n\":{n}.{m}0,\"text\":\"{}\"}}\n", "ä".repeat(n)),
            }
        };
        let lines: String = (0..n % 3 + 1).map(line).collect();
        Document::new(lines, "memory:///input", Format::Ndjson).at(n as u64 * 1000)
    };
    let builder = pipeline(&lake, shape, (0..batches).map(document).collect()).transform(Refuse("bad"));
    builder.build().unwrap().drain(Budget::unlimited()).await.unwrap();
    lake
}

async fn compacted(lake: &Lake) -> Result<Compacted> {
    Compaction::new(Worker::new("compactor", "1")).retry(Retry::never()).run(lake, &id()).await
}

/// Every record that counts, by its id. Fails if one is there twice.
async fn records(lake: &Lake) -> BTreeMap<RecordId, Bytes> {
    let parts: Vec<Bytes> = lake.read(&things(), Zone::Curated).await.unwrap().try_collect().await.unwrap();
    let mut records = BTreeMap::new();
    for line in
        parts.iter().flat_map(|part| part.split(|&byte| byte == b'\n')).filter(|line| !line.is_empty())
    {
        let (body, id) = stamp::read(line).unwrap();
        assert!(records.insert(id.clone(), value(&body)).is_none(), "{id} is there twice");
    }
    records
}

/// The value, as text that does not tell 1.50 from 1.5.
fn value(body: &[u8]) -> Bytes {
    serde_json::from_slice::<serde_json::Value>(body).unwrap().to_string().into()
}

async fn objects(lake: &Lake) -> usize {
    lake.objects(&things(), Zone::Curated).await.unwrap().len()
}

#[tokio::test]
async fn small_objects_become_one_and_every_record_leads_back_as_before() {
    for shape in shapes() {
        let lake = filled(&store(), shape, 12).await;
        let before = records(&lake).await;
        assert!(objects(&lake).await > 12);
        let done = compacted(&lake).await.unwrap();
        assert_eq!((done.commits, done.into, done.records), (1, 2, before.len() as u64));
        assert_eq!(objects(&lake).await, 2);
        assert_eq!(records(&lake).await, before);
        verify(&lake).await;

        let head = lake.ledger().head(&id()).await.unwrap().unwrap().commit;
        assert_eq!((head.kind, head.batch, head.counts.balance()), (CommitKind::Compact, 0, true));
        let mut tracer = lake.tracer(&id()).await.unwrap();
        for (record, body) in &before {
            let trace = tracer.trace(record).await.unwrap();
            assert_eq!(value(&trace.raw.unwrap()), body);
            assert_eq!(trace.curated.len(), 1, "{record}");
            assert_eq!(value(&stamp::read(&trace.curated[0].line).unwrap().0), body);
            assert_eq!(trace.envelope.origin.system, "testkit.vec");
            let hops: Vec<_> = trace.envelope.hops.iter().map(|hop| hop.name.as_str()).collect();
            assert_eq!(hops, ["parse", "refuse"]);
        }
        assert_eq!(compacted(&lake).await.unwrap().commits, 0, "there is nothing left to join");

        let keys = |lake: Lake| async move {
            let listed = lake.store().list("curated/", None).try_collect::<Vec<_>>().await;
            listed.unwrap().len()
        };
        let now = chrono::Utc::now();
        let spared = clean(&lake, now, Duration::from_secs(3600), false).await.unwrap().spared;
        assert_eq!(spared, done.joined, "those it was joined out of stay for the grace");
        clean(&lake, now, Duration::ZERO, false).await.unwrap();
        assert_eq!(keys(lake.clone()).await, 2);
        assert_eq!(records(&lake).await, before);
        verify(&lake).await;
    }
}

#[tokio::test]
async fn a_pipeline_goes_on_and_what_comes_is_joined_next() {
    for shape in shapes() {
        let store = store();
        let lake = lake(&store);
        let document = |text: &'static str| Document::new(text, "memory:///input", Format::Ndjson);
        let source = VecSource::new([document("{\"r\":1}\n"), document("{\"r\":1}\n")]);
        let (silo, again) = (source.silo(), source.reopen());
        let run = async |source: VecSource| {
            let sink = LakeSink::builder(&lake).partition(Partition::field("r", "/r").unwrap());
            let landing = shape(sink).build();
            let builder = Pipeline::builder("things").source(source).lake(&landing).target_bytes(1);
            builder.build().unwrap().drain(Budget::unlimited()).await.unwrap()
        };
        run(source).await;
        assert_eq!(compacted(&lake).await.unwrap().into, 1);
        silo.push(document("{\"r\":1,\"n\":0.30}\n{\"r\":1,\"n\":true}\n"));
        assert_eq!(run(again.reopen()).await.counts.read, 2);
        let before = records(&lake).await;
        let done = compacted(&lake).await.unwrap();
        assert_eq!((done.joined, done.into, done.records), (2, 1, 4));
        assert_eq!(records(&lake).await, before);
        let trace = lake.trace(&"things/3/1".parse().unwrap()).await.unwrap();
        assert_eq!(trace.raw.unwrap(), "{\"r\":1,\"n\":true}");
        verify(&lake).await;
    }
}

#[tokio::test]
async fn a_rebuild_takes_its_batches_out_of_joined_objects_and_a_replay_adds_to_them() {
    for shape in shapes() {
        let store = store();
        let lake = filled(&store, shape, 12).await;
        let before = records(&lake).await;
        compacted(&lake).await.unwrap();
        let mut mended = pipeline(&lake, shape, Vec::new()).transform(Refuse("")).build().unwrap();
        mended.replay(&lake).await.unwrap();
        let replayed = records(&lake).await;
        assert_eq!(replayed.len(), before.len() + 1);
        compacted(&lake).await.unwrap();
        assert_eq!(records(&lake).await, replayed);
        let trace = lake.trace(&"things/6/1".parse().unwrap()).await.unwrap();
        assert_eq!((trace.curated.len(), trace.quarantined.is_none()), (1, true));
        verify(&lake).await;

        let stamped = || set("stamp", "/stamp", "new").unwrap();
        let mut changed =
            pipeline(&lake, shape, Vec::new()).transform(Refuse("")).transform(stamped()).build().unwrap();
        // Stopped by a fault after some batches: those are the new ones, the others the old ones.
        store.script([
            (Op::PutIfAbsent, Fault::None),
            (Op::PutIfAbsent, Fault::None),
            (Op::PutIfAbsent, Fault::Denied),
        ]);
        changed.rebuild(&lake).await.unwrap_err();
        store.calm();
        let half = records(&lake).await;
        assert_eq!(half.len(), replayed.len());
        let new = |records: &BTreeMap<RecordId, Bytes>| {
            records.values().filter(|body| memchr::memmem::find(body, b"\"stamp\"").is_some()).count()
        };
        assert!(new(&half) > 0 && new(&half) < half.len());
        verify(&lake).await;
        compacted(&lake).await.unwrap();
        assert_eq!(records(&lake).await, half, "what was remade is left behind");
        verify(&lake).await;

        changed.rebuild(&lake).await.unwrap();
        let all = records(&lake).await;
        assert_eq!((all.len(), new(&all)), (replayed.len(), replayed.len()));
        let trace = lake.trace(all.keys().next().unwrap()).await.unwrap();
        assert_eq!(trace.envelope.hops.len(), 3, "the lineage is that of the rebuilding");
        verify(&lake).await;
        clean(&lake, chrono::Utc::now(), Duration::ZERO, false).await.unwrap();
        assert_eq!(records(&lake).await, all);
        verify(&lake).await;
    }
}

/// A store with the same objects.
async fn copied(from: &Store) -> Store {
    let to = store();
    let listed: Vec<_> = from.inner().list("", None).try_collect().await.unwrap();
    for object in listed {
        let bytes = from.inner().get(&object.key).await.unwrap();
        to.inner().put(&object.key, bytes.into(), PutOptions::default()).await.unwrap();
    }
    to
}

#[tokio::test]
async fn a_crash_at_any_step_changes_nothing_that_is_seen() {
    for shape in shapes() {
        let first = store();
        let filled = filled(&first, shape, 4).await;
        let expected = records(&filled).await;
        let untouched = objects(&filled).await;
        let whole = copied(&first).await;
        compacted(&lake(&whole)).await.unwrap();
        let steps: Vec<Op> = whole.log().iter().map(|event| event.op).collect();
        assert!(steps.len() > 20);

        let (mut seen_before, mut seen_after) = (0, 0);
        for step in 0..steps.len() {
            let faults =
                [Fault::Denied, Fault::Before, Fault::Lost, Fault::Late { after: 3 }, Fault::Truncated];
            for fault in faults.into_iter().filter(|fault| fault.concerns(steps[step])) {
                let store = copied(&first).await;
                let lake = lake(&store);
                let passed = steps[..step].iter().map(|op| (*op, Fault::None));
                store.script(passed.chain([(steps[step], fault)]));
                let ended = compacted(&lake).await;
                store.calm();
                let what = format!("{fault:?} at {step}, {:?}: {ended:?}", steps[step]);
                match objects(&lake).await {
                    2 => seen_after += 1,
                    n => {
                        assert_eq!(n, untouched, "{what}");
                        seen_before += 1;
                    }
                }
                assert_eq!(records(&lake).await, expected, "{what}");
                store.flush_late().await;
                assert_eq!(records(&lake).await, expected, "{what}");
                verify(&lake).await;

                compacted(&lake).await.unwrap();
                assert_eq!((records(&lake).await, objects(&lake).await), (expected.clone(), 2), "{what}");
                clean(&lake, chrono::Utc::now(), Duration::ZERO, false).await.unwrap();
                assert_eq!(records(&lake).await, expected, "{what}");
                verify(&lake).await;
            }
        }
        assert!(seen_before > 20 && seen_after > 0, "{seen_before} before, {seen_after} after");
    }
}

/// Lets another worker run to its end while the first joined object is being written.
async fn beside(store: &Store, lake: &Lake, other: PipelineBuilder, rebuild: bool) -> Compacted {
    store.script([(Op::Put, Fault::Slow(Duration::from_secs(3600)))]);
    let (done, ()) = tokio::join!(compacted(lake), async {
        while !store.log().iter().any(|event| event.key.contains("-joined-")) {
            tokio::task::yield_now().await;
        }
        let mut other = other.build().unwrap();
        if rebuild {
            other.rebuild(lake).await.unwrap();
        } else {
            other.drain(Budget::unlimited()).await.unwrap();
        }
    });
    store.calm();
    done.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_takes_the_slot_costs_no_join() {
    for shape in shapes() {
        let store = store();
        let lake = filled(&store, shape, 12).await;
        let mut expected = records(&lake).await;
        let late = || Document::new("{\"r\":\"eu\",\"late\":true}\n", "memory:///more", Format::Ndjson);
        let other = pipeline(&lake, shape, (0..13).map(|_| late()).collect());
        let done = beside(&store, &lake, other, false).await;
        assert_eq!((done.lost_slots, done.commits), (1, 2), "the late one is joined in a second round");
        expected.insert("things/13/0".parse().unwrap(), value(br#"{"r":"eu","late":true}"#));
        assert_eq!(records(&lake).await, expected);
        verify(&lake).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_meanwhile_drops_the_join() {
    for shape in shapes() {
        let store = store();
        let lake = filled(&store, shape, 12).await;
        let expected = records(&lake).await;
        let other = pipeline(&lake, shape, Vec::new()).transform(Refuse("bad"));
        let done = beside(&store, &lake, other, true).await;
        assert_eq!((done.lost_slots, done.commits, done.into), (1, 1, 2));
        assert_eq!((records(&lake).await, objects(&lake).await), (expected.clone(), 2));
        verify(&lake).await;
        clean(&lake, chrono::Utc::now(), Duration::ZERO, false).await.unwrap();
        assert_eq!(records(&lake).await, expected);
        verify(&lake).await;
    }
}
