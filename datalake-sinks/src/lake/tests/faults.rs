//! A lake looked into while its store fails now and then.

use std::sync::Arc;
use std::time::Duration;

use datalake_core::lake::{Compaction, Lake, Zone, clean};
use datalake_core::pipeline::Budget;
use datalake_core::store::{MemoryStore, ObjectStore, PutOptions};
use datalake_core::testkit::{Fault, FaultyStore, Op};
use datalake_core::{Ambient, PipelineId, RecordId, Result, Retry, Worker};
use futures::TryStreamExt;

use super::{Refuse, ndjson, pipeline};
use crate::lake::tests::cases::{curated, read};

const READS: [Op; 4] = [Op::Get, Op::GetRange, Op::List, Op::Delete];

async fn filled() -> (Arc<FaultyStore<MemoryStore>>, Lake) {
    let store = Arc::new(FaultyStore::new(MemoryStore::new(), 11));
    let lake = Lake::new(Arc::clone(&store) as _);
    let documents = (0..12).map(|n: u64| ndjson("{\"n\":1.0}\n{\"bad\":true}\n").at(n * 100));
    let builder = pipeline(&lake, documents).target_bytes(1).transform(Refuse("bad"));
    builder.build().unwrap().drain(Budget::unlimited()).await.unwrap();
    (store, lake)
}

/// Everything that a command does with a lake.
async fn looked_into(lake: &Lake) -> Result<Vec<String>> {
    let id = PipelineId::new("things")?;
    let mut seen = curated(lake).await;
    seen.push(String::from_utf8_lossy(&read(lake, Zone::Raw).await).into_owned());
    let verified = lake.verify(&id).await?;
    seen.push(format!("{} {:?}", verified.objects, verified.problems));
    let record: RecordId = "things/7/0".parse()?;
    let mut tracer = lake.tracer(&id).await?;
    let trace = tracer.trace(&record).await?;
    seen.push(format!("{trace:?}"));
    seen.push(format!("{:?}", lake.view_at(&id, 5).await?.objects().count()));
    seen.push(format!("{:?}", lake.entries(&id, 3).try_collect::<Vec<_>>().await?.len()));
    Ok(seen)
}

#[tokio::test(start_paused = true)]
async fn what_reads_a_lake_waits_out_what_fails_for_a_while() {
    let (store, lake) = filled().await;
    let calm = looked_into(&lake).await.unwrap();
    for fault in [Fault::Before, Fault::Throttled, Fault::Truncated] {
        READS.iter().for_each(|op| store.rate(*op, fault, 0.2));
        assert_eq!(looked_into(&lake).await.unwrap(), calm, "{fault:?}");
        store.calm();
    }
    let failed = store.log().iter().filter(|event| event.fault != Fault::None).count();
    assert!(failed > 20, "{failed} faults are none");
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_waits_too_and_removes_each_orphan() {
    let (store, lake) = filled().await;
    for n in 0..20 {
        let orphan = format!("curated/things/orphan-{n:02}.ndjson");
        store.inner().put(&orphan, "{}\n".into(), PutOptions::default()).await.unwrap();
    }
    let before = curated(&lake).await;
    READS.iter().for_each(|op| store.rate(*op, Fault::Truncated, 0.3));
    store.rate(Op::Delete, Fault::Lost, 0.3);
    let later = chrono::Utc::now() + chrono::TimeDelta::days(2);
    let cleaned = clean(&lake, later, Duration::from_secs(86_400), false).await.unwrap();
    assert_eq!(cleaned.removed.len(), 20);
    store.calm();
    assert_eq!(curated(&lake).await, before);
}

#[tokio::test(start_paused = true)]
async fn replay_and_rebuild_read_their_lake_with_patience() {
    let (store, lake) = filled().await;
    let build = || pipeline(&lake, []).target_bytes(1).transform(Refuse("worse")).build().unwrap();
    READS.iter().for_each(|op| store.rate(*op, Fault::Before, 0.2));
    assert_eq!(build().replay(&lake).await.unwrap().counts.read, 12);
    assert_eq!(build().rebuild(&lake).await.unwrap().counts.read, 24);
    store.calm();
    assert_eq!(curated(&lake).await.len(), 24);
}

#[tokio::test(start_paused = true)]
async fn what_stays_away_ends_the_command_and_what_is_refused_ends_it_at_once() {
    let (store, lake) = filled().await;
    let id = PipelineId::new("things").unwrap();
    store.down(true);
    let error = lake.view(&id).await.unwrap_err();
    assert!(error.is_temporary() && !error.is_retryable(), "{error}");
    store.down(false);
    let asked = || store.log().len();
    let before = asked();
    store.rate(Op::List, Fault::Denied, 1.0);
    assert!(!lake.view(&id).await.unwrap_err().is_temporary());
    assert_eq!(asked() - before, 1);
    store.calm();
    store.rate(Op::List, Fault::Before, 1.0);
    let before = asked();
    lake.clone().with_retry(Retry::never(), Ambient::system()).view(&id).await.unwrap_err();
    assert_eq!(asked() - before, 1);
}

/// By then a clean-up may have taken it.
#[tokio::test(start_paused = true)]
async fn what_was_written_hours_ago_is_not_committed_any_more() {
    let (store, lake) = filled().await;
    let id = PipelineId::new("things").unwrap();
    let before = curated(&lake).await;
    let hours = [(Op::Put, Fault::Slow(Duration::from_secs(7 * 3600)))];
    let mut worker = pipeline(&lake, []).target_bytes(1).transform(Refuse("worse")).build().unwrap();

    store.script(hours);
    let error = worker.rebuild(&lake).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("too long"), "{error}");
    store.script(hours);
    let error = worker.replay(&lake).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("too long"), "{error}");
    store.script(hours);
    let compaction = Compaction::new(Worker::new("compactor", "1"));
    let error = compaction.run(&lake, &id).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("too long"), "{error}");
    assert_eq!(curated(&lake).await, before);

    assert!(compaction.run(&lake, &id).await.unwrap().joined > 0);
    assert_eq!(worker.rebuild(&lake).await.unwrap().counts.read, 24);
    assert_eq!(lake.verify(&id).await.unwrap().problems, []);
}

/// The sink reads what the lake knows of the columns before it writes.
#[cfg(feature = "parquet")]
#[tokio::test(start_paused = true)]
async fn a_sink_that_reads_its_lake_first_is_tried_again_by_the_engine() {
    use datalake_core::Pipeline;
    use datalake_core::testkit::VecSource;

    use crate::lake::{LakeSink, ParquetFormat, ParquetSettings};

    let store = Arc::new(FaultyStore::new(MemoryStore::new(), 5));
    let lake = Lake::new(Arc::clone(&store) as _).with_format(ParquetFormat::new());
    let sink = LakeSink::builder(&lake).parquet(ParquetSettings::new()).build();
    for n in 1..=4_u64 {
        let documents = (0..n).map(|n| ndjson("{\"n\":1}\n").at(n * 100));
        let pipeline = Pipeline::builder("things").source(VecSource::new(documents)).lake(&sink);
        pipeline.build().unwrap().drain(Budget::unlimited()).await.unwrap();
        // The first list is that of the engine, which looks for the head.
        let down = [(Op::List, Fault::None), (Op::List, Fault::Before), (Op::List, Fault::None)];
        store.script(down.into_iter().chain([(Op::Get, Fault::None), (Op::Get, Fault::Before)]));
    }
    store.calm();
    let failed = store.log().iter().filter(|event| event.fault != Fault::None).count();
    assert_eq!((curated(&lake).await.len(), failed), (4, 6));
}
