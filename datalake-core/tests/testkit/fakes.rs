use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datalake_core::testkit::{
    Call, FailingSink, FlakySource, ManualClock, MemorySink, SeededEntropy, VecSource, batch, records,
    transformed,
};
use datalake_core::transform::Transform;
use datalake_core::{
    Ambient, Content, Cpu, ErrorKind, Next, RecordError, Records, Result, Sink, Source, async_trait,
};

async fn body(source: &mut impl Source) -> Result<String> {
    match source.next_batch().await? {
        Next::Batch(batch) => Ok(String::from_utf8_lossy(batch.documents[0].bytes()).into_owned()),
        other => Ok(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_flaky_source_fails_as_planned_and_loses_nothing() {
    let inner = VecSource::lines(["a", "b"]);
    let silo = inner.silo();
    let mut source = FlakySource::new(inner)
        .fails(Call::Seek, 0, ErrorKind::Unavailable)
        .fails(Call::NextBatch, 1, ErrorKind::RateLimited)
        .fails(Call::Commit, 0, ErrorKind::Unavailable)
        .fails_after(Call::Commit, 1, ErrorKind::Unavailable);
    source.seek(None).await.unwrap_err();
    source.seek(None).await.unwrap();
    assert_eq!(body(&mut source).await.unwrap(), "a");
    assert_eq!(body(&mut source).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(body(&mut source).await.unwrap(), "b");
    let position = VecSource::position(2).unwrap();
    source.commit(&position).await.unwrap_err();
    assert_eq!(silo.committed(), 0);
    source.commit(&position).await.unwrap_err();
    assert_eq!(silo.committed(), 2);
    assert_eq!(body(&mut source).await.unwrap(), "End");
}

#[tokio::test]
async fn a_stalled_sink_holds_its_writes_until_it_is_released() {
    let sink = MemorySink::new("memory");
    sink.stall();
    let batches = [1, 2].map(|number| batch(["a", "b"]).number(number).build().unwrap());
    let writes = futures::future::join(sink.write(&batches[0]), sink.write(&batches[1]));
    let watch = async {
        sink.arrived(2).await;
        assert!(sink.everything().is_empty());
        sink.release();
    };
    let ((one, other), ()) = futures::future::join(writes, watch).await;
    assert_eq!((sink.writes(), sink.most_under_way(), sink.everything().len()), (2, 2, 4));
    assert_eq!(sink.read(&one.unwrap().outputs)[1].0.to_string(), "things/1/1");
    assert_eq!(sink.read(&other.unwrap().outputs)[0].0.to_string(), "things/2/0");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_is_no_longer_under_way_and_leaves_nothing() {
    let sink = MemorySink::new("memory");
    sink.stall();
    let batch = batch(["a"]).build().unwrap();
    tokio::time::timeout(Duration::from_secs(1), sink.write(&batch)).await.unwrap_err();
    sink.release();
    sink.write(&batch).await.unwrap();
    assert_eq!((sink.most_under_way(), sink.everything().len()), (1, 1));
}

#[tokio::test]
async fn a_failing_sink_always_fails() {
    let (sink, batch) = (FailingSink::new(ErrorKind::PermissionDenied), batch(["a"]).build().unwrap());
    for _ in 0..3 {
        assert_eq!(sink.write(&batch).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    assert_eq!(sink.writes(), 3);
}

#[test]
fn the_records_of_a_batch_lie_in_its_documents() {
    for bodies in [vec!["{\"a\":1}", "2", "\"x\""], vec!["one\nrecord", "", "another"], vec![]] {
        let batch = batch(bodies.clone()).build().unwrap();
        assert_eq!(batch.records.len(), bodies.len());
        for (record, body) in batch.records.iter().zip(bodies) {
            let origin = record.origin();
            let at = origin.offset as usize..(origin.offset + origin.length) as usize;
            assert_eq!(&batch.documents[usize::from(origin.document)].bytes()[at], body.as_bytes());
        }
    }
    assert_eq!(batch(["1", "2"]).build().unwrap().records[0].content(), Content::Json);
    assert_eq!(batch(["1", "x"]).build().unwrap().records[0].content(), Content::Opaque);
}

#[test]
fn two_attempts_at_a_batch_differ_in_their_id_alone() {
    let of = |attempt| batch(["a"]).attempt(attempt).build().unwrap();
    assert_eq!(of(1).attempt, of(1).attempt);
    assert_ne!(of(1).attempt, of(2).attempt);
    assert_eq!(of(1).id, of(2).id);
}

#[test]
fn a_seeded_world_repeats_itself() {
    let attempt =
        |seed| Ambient::new(ManualClock::default(), SeededEntropy::new(seed), Cpu::inline()).attempt();
    assert_eq!(attempt(1), attempt(1));
    assert_ne!(attempt(1), attempt(2));
}

/// Keeps odd numbers, refuses what is none, and makes two of 7; counts its calls into the records if it is told to.
struct Odd {
    calls: Option<AtomicUsize>,
}

#[async_trait]
impl Transform for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    fn version(&self) -> &str {
        "1"
    }

    async fn apply(&self, mut records: Records) -> Result<Records> {
        let call = self.calls.as_ref().map_or(0, |calls| calls.fetch_add(1, Ordering::Relaxed));
        records.try_flat_map(|record| {
            let text = String::from_utf8_lossy(record.body()).into_owned();
            let n: usize = text.parse().map_err(|_| RecordError::new("cast", "not a number"))?;
            let times = if n == 7 { 2 } else { n % 2 };
            Ok(vec![(n + call).to_string().into(); times])
        });
        Ok(records)
    }
}

#[tokio::test]
async fn a_transform_is_seen_with_its_books() {
    let seen = transformed(&Odd { calls: None }, ["1", "2", "x", "7"]).await.unwrap();
    assert_eq!(seen.bodies(), ["1", "7", "7"]);
    assert_eq!(seen.records[2].0, "3.2");
    assert_eq!((seen.rejected[0].0, seen.filtered), (2, 1));
    assert_eq!(records(["1", "2"]).len(), 2);
}

#[tokio::test]
async fn a_transform_that_does_not_repeat_itself_is_noticed() {
    let moody = Odd { calls: Some(AtomicUsize::new(0)) };
    assert_eq!(transformed(&moody, ["1"]).await.unwrap_err().kind(), ErrorKind::Unexpected);
}
