use datalake_core::ledger::StoreLedger;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::MemorySink;
use datalake_core::{ErrorKind, Pipeline};
use serde_json::json;
use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn nothing_is_acknowledged_before_the_commit() {
    let mut source = builder().anybody().build().await.unwrap();
    let at = source.local_addr();
    let answer = sending(at, &[XML], package([1]));
    let read = batch(&mut source).await;
    assert_eq!(post(at, "/nothing", &[], b"").await.status, 404, "another exchange in the meantime");
    assert!(!answer.is_finished());
    source.commit(&read.position).await.unwrap();
    let answer = answer.await.unwrap();
    assert_eq!((answer.status, answer.body), (200, json!({ "id": id(1) }).to_string()));
}

#[tokio::test]
async fn without_a_commit_the_sender_is_told_to_keep_it() {
    let mut source = builder().anybody().commit_timeout(Duration::from_millis(200)).build().await.unwrap();
    let answer = sending(source.local_addr(), &[XML], package([1]));
    let read = batch(&mut source).await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after"), "{answer:?}");
    let again = sending(source.local_addr(), &[XML], package([1]));
    source.commit(&read.position).await.unwrap();
    assert_eq!(again.await.unwrap().status, 200, "it was committed after all");
}

#[tokio::test]
async fn a_transport_that_is_repeated_makes_no_second_record() {
    let lake = Lake::on(builder().user("SAP", "secret")).await;
    let right = basic("SAP", "secret");
    for body in [package([1, 2]), package([1, 2]), package([1, 2]).replace("<!-- next -->", "")] {
        let answer = lake.post(&[XML, ("authorization", &right)], body).await;
        assert_eq!((answer.status, answer.body), (200, json!({ "id": format!("{}+1", id(1)) }).to_string()));
    }
    assert_eq!(lake.documents().len(), 1);
    assert_eq!(lake.post(&[XML, ("authorization", &right)], package([3])).await.status, 200);
    assert_eq!(lake.documents().len(), 2, "sent again by hand it has another number, and is another IDoc");
}

#[tokio::test]
async fn where_everybody_may_send_the_same_number_on_another_body_keeps_nothing_out() {
    let lake = Lake::on(builder().anybody()).await;
    for body in [package([1]), package([1]).replace("12.50-", "99.00"), package([1])] {
        assert_eq!(lake.post(&[XML], body).await.status, 200);
    }
    assert_eq!(lake.documents().len(), 2);
}

#[tokio::test]
async fn an_idoc_without_a_number_is_taken_and_never_a_duplicate() {
    let lake = Lake::on(builder().anybody()).await;
    let body = package([1]).replace("<MANDT>800</MANDT>", "");
    for _ in 0..2 {
        assert_eq!(lake.post(&[XML], &body).await.status, 200);
    }
    assert_eq!(lake.documents().len(), 2);
    assert_eq!(lake.documents()[0].id().map(|id| id.len()), Some(64), "the digest of the body");
}

#[tokio::test]
async fn the_engine_commits_each_idoc_as_a_record_and_the_system_is_told() {
    let sink = MemorySink::new("memory");
    sink.fail(2, ErrorKind::Unavailable);
    let source = builder().anybody().build().await.unwrap();
    let answer = sending(source.local_addr(), &[XML], package(1..=3));
    let mut pipeline = Pipeline::builder("idocs")
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
    assert_eq!(within(answer).await.unwrap().status, 200);
    stop.send(()).unwrap();
    let report = within(run).await.unwrap().unwrap();
    assert_eq!(report.counts.written, 3);
}
