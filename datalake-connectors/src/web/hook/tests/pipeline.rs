use datalake_core::ledger::StoreLedger;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::MemorySink;
use datalake_core::{ErrorKind, Pipeline};
use tokio::sync::oneshot;

use super::*;

/// Sends one event to a pipeline over a sink, and gives the answer.
async fn through(sink: &MemorySink, builder: HookSourceBuilder) -> Answer {
    let source = builder.build().await.unwrap();
    let answer = sending(source.local_addr(), &[("x-id", "1")], r#"{"a":1}"#);
    let mut pipeline = Pipeline::builder("events")
        .source(source)
        .sink(sink.clone())
        .ledger(StoreLedger::new(Arc::new(MemoryStore::new())))
        .build()
        .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(async move {
        let report = pipeline.run_until(async { drop(stopped.await) }).await;
        pipeline.close().await;
        report
    });
    let answer = within(answer).await.unwrap();
    stop.send(()).unwrap();
    sink.release();
    within(run).await.unwrap().unwrap();
    answer
}

fn named() -> HookSourceBuilder {
    builder(Verify::nothing()).id_header("x-id")
}

#[tokio::test]
async fn the_engine_commits_and_the_sender_is_told() {
    let sink = MemorySink::new("memory");
    let answer = through(&sink, named()).await;
    assert_eq!((answer.status, sink.writes()), (200, 1), "{answer:?}");
}

#[tokio::test]
async fn a_sink_that_stalls_holds_the_answer_back() {
    let sink = MemorySink::new("memory");
    sink.stall();
    let answer = through(&sink, named().commit_timeout(Duration::from_millis(300))).await;
    assert_eq!(answer.status, 503, "{answer:?}");
}

#[tokio::test]
async fn a_sender_waits_through_a_sink_that_fails_and_comes_back() {
    let sink = MemorySink::new("memory");
    sink.fail(2, ErrorKind::Unavailable);
    let answer = through(&sink, named()).await;
    assert_eq!((answer.status, sink.writes()), (200, 3), "{answer:?}");
}
