use std::sync::Arc;

use datalake_core::Pipeline;
use datalake_core::lake::Lake;
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_sinks::lake::LakeSink;

use super::*;

fn spooled(broker: &Running, folder: &std::path::Path, qos: Qos) -> MqttSource {
    builder(&broker.url()).topic("plant/#", qos).spool(folder, 1 << 20).build().unwrap()
}

/// Publishes messages of 64 KiB, each a JSON value with its number.
async fn large(broker: &Running, numbers: std::ops::Range<u32>) {
    let mut device = Publisher::new(broker.address(), "device");
    for n in numbers {
        let payload = format!(r#"{{"n":{n},"x":"{}"}}"#, "x".repeat(64 << 10));
        device.publish(Message::new("plant/a", payload)).await.unwrap();
    }
    device.close().await.unwrap();
}

/// A spool that is full, and a broker with what it has no room for.
async fn filled(broker: &Running, folder: &std::path::Path) {
    let mut source = spooled(broker, folder, Qos::AtLeastOnce);
    known(&mut source).await;
    large(broker, 0..48).await;
    let full = async {
        while !source.spool.as_ref().is_some_and(|spool| spool.is_full()) {
            drop(tokio::time::timeout(Duration::from_millis(50), source.next_batch()).await);
        }
    };
    within(full).await;
    source.close().await.unwrap();
}

fn pipeline(lake: &Lake, source: MqttSource) -> Pipeline {
    let sink = LakeSink::builder(lake).build();
    let pipeline = Pipeline::builder("plant").source(source).lake(&sink);
    pipeline.commit_within(Duration::from_millis(300)).build().unwrap()
}

#[tokio::test]
async fn a_full_spool_is_emptied_while_there_is_no_broker_and_filled_when_there_is() {
    let Some(mut broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    filled(&broker, folder.path()).await;
    broker.stop().unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let mut running = pipeline(&lake, spooled(&broker, folder.path(), Qos::AtLeastOnce));
    let (mut progress, mut written) = (running.progress(), running.progress());
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let run = tokio::spawn(async move {
        let report = running.run_until(async move { drop(stopped.await) }).await;
        running.close().await;
        report
    });
    within(progress.wait_for(|progress| progress.bytes_committed >= 1 << 20)).await.unwrap();
    broker.start().unwrap();
    let all = written.wait_for(|progress| progress.counts.written >= 48);
    let all = tokio::time::timeout(Duration::from_secs(30), all).await.is_ok();
    assert!(all, "{:?}", *written.borrow());
    stop.send(()).unwrap();
    within(run).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_spool_that_was_read_says_that_there_is_no_broker() {
    let Some(mut broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    filled(&broker, folder.path()).await;
    broker.kill().unwrap();
    let mut source = spooled(&broker, folder.path(), Qos::AtLeastOnce);
    source.seek(None).await.unwrap();
    let mut failures = 0;
    // Sooner than a full spool says that it has nothing.
    while failures < 3 {
        match tokio::time::timeout(Duration::from_secs(10), source.next_batch()).await.unwrap() {
            Ok(Next::Batch(_)) => {}
            Ok(next) => panic!("{next:?}"),
            Err(error) => {
                assert_eq!(error.kind(), datalake_core::ErrorKind::Unavailable);
                failures += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_drain_takes_more_than_its_spool_has_room_for() {
    let Some(broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    filled(&broker, folder.path()).await;
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let mut draining = pipeline(&lake, spooled(&broker, folder.path(), Qos::AtLeastOnce));
    let report = within(draining.drain(Budget::unlimited())).await.unwrap();
    assert_eq!(report.counts.written, 48);
    draining.close().await;
}

#[tokio::test]
async fn the_broker_has_its_answer_before_the_lake_has_the_message() {
    let Some(broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut first = builder(&broker.url())
        .topic("plant/#", Qos::AtLeastOnce)
        .window(4)
        .spool(folder.path(), 1 << 20)
        .build()
        .unwrap();
    known(&mut first).await;
    // Far more than the window, and no commit.
    publish(&broker, 1, 0..300).await;
    let (found, _) = read(&mut first, 300).await;
    assert_eq!(texts(&found), numbers(0..300));
    drop(first);
    drop(broker);

    // The broker is gone, and what it had is in the spool.
    let nobody = "mqtt://127.0.0.1:1";
    let mut second =
        builder(nobody).topic("plant/#", Qos::AtLeastOnce).spool(folder.path(), 1 << 20).build().unwrap();
    second.seek(None).await.unwrap();
    let (again, _) = read(&mut second, 300).await;
    assert_eq!(texts(&again), numbers(0..300));
    let names =
        |documents: &[Document]| documents.iter().map(|document| document.id().cloned()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&again), "what is read again has the same names");
}

#[tokio::test]
async fn a_message_of_qos_2_is_in_the_spool_once_however_its_writer_dies() {
    let Some(broker) = mosquitto() else { return };
    let (folder, tap) = (tempfile::tempdir().unwrap(), tap(&broker).await);
    let open = || {
        builder(&format!("mqtt://{}", tap.address()))
            .topic("plant/#", Qos::ExactlyOnce)
            .spool(folder.path(), 1 << 20)
            .build()
            .unwrap()
    };
    known(&mut open()).await;
    let (mut found, mut position) = (Vec::new(), None);
    for n in 0..10 {
        publish(&broker, 2, 5 * n..5 * n + 5).await;
        let mut source = open();
        tap.cut_before(if n % 2 == 0 { 5 } else { 7 });
        source.seek(position.as_ref()).await.unwrap();
        while let Ok(next) = within(source.next_batch()).await {
            let Next::Batch(batch) = next else { break };
            found.extend(batch.documents);
            source.commit(&batch.position).await.unwrap();
            position = Some(batch.position);
        }
    }
    let mut last = open();
    last.seek(position.as_ref()).await.unwrap();
    let left = 50_usize.saturating_sub(found.len());
    found.extend(drain(&mut last, left).await);
    let counts = counted(&found);
    assert!(counts.len() == 50 && counts.values().all(|times| *times == 1), "{counts:?}");
}

#[tokio::test]
async fn a_full_spool_takes_no_more_until_the_lake_has_what_it_holds() {
    let Some(broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut source = spooled(&broker, folder.path(), Qos::AtLeastOnce);
    known(&mut source).await;
    large(&broker, 0..48).await;
    let (mut found, mut position) = (Vec::new(), None);
    while let Ok(next) = tokio::time::timeout(Duration::from_secs(2), source.next_batch()).await {
        if let Next::Batch(batch) = next.unwrap() {
            found.extend(batch.documents);
            position = Some(batch.position);
        }
    }
    let size = |found: &[Document]| found.iter().map(Document::len).sum::<usize>();
    assert!(size(&found) >= 1 << 20 && found.len() < 48, "{} are in the spool", found.len());
    source.commit(&position.unwrap()).await.unwrap();
    while found.len() < 48 {
        let batch = batch(&mut source).await;
        found.extend(batch.documents);
        source.commit(&batch.position).await.unwrap();
    }
    assert_eq!(counted(&found).len(), 48);
}
