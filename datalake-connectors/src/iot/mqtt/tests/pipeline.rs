use std::sync::Arc;

use datalake_core::Pipeline;
use datalake_core::lake::Lake;
use datalake_core::pipeline::{Budget, Report};
use datalake_core::store::MemoryStore;
use datalake_simulators::mqtt::Fleet;
use datalake_sinks::lake::LakeSink;

use super::*;

async fn into_lake(lake: &Lake, source: MqttSource) -> Report {
    let sink = LakeSink::builder(lake).build();
    let mut pipeline = Pipeline::builder("plant").source(source).lake(&sink).build().unwrap();
    let report = pipeline.drain(Budget::unlimited()).await.unwrap();
    pipeline.close().await;
    report
}

/// A broker that writes nothing down: it would write all sessions at each message.
fn quick() -> Option<Running> {
    started(|broker| broker.setting("autosave_interval 0").setting("autosave_on_changes false"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_of_a_fleet_are_in_the_lake_once() {
    let Some(broker) = quick() else { return };
    let mut first = source(&broker, Qos::AtLeastOnce);
    known(&mut first).await;
    first.close().await.unwrap();
    let fleet = Fleet::new(broker.address(), "plant").devices(10).in_flight(1_000);
    let ids = fleet.publish(0..100_000).await.unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let report = into_lake(&lake, source(&broker, Qos::AtLeastOnce)).await;
    // The broker was not killed and neither was the worker, so at least once is once.
    assert_eq!((report.counts.read, report.counts.written), (ids.len() as u64, ids.len() as u64));
    assert!(report.commits >= 100, "{} commits: the window was full again and again", report.commits);
}

#[tokio::test]
async fn a_message_that_is_no_json_goes_to_quarantine_and_costs_no_other_anything() {
    let Some(broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut first = source(&broker, Qos::AtLeastOnce);
    known(&mut first).await;
    first.close().await.unwrap();
    let mut device = Publisher::new(broker.address(), "device");
    for payload in [r#"{"n":1}"#, "", "{\"n\":", "\u{1}\u{2}", r#"{"n":2} {"n":3}"#, r#"{"n":4}"#] {
        device.publish(Message::new("plant/a", payload)).await.unwrap();
    }
    device.publish(Message::new("plant/a", vec![b'"', 0xff, b'"'])).await.unwrap();
    device.publish(Message::new("plant/a", "[".repeat(100_000))).await.unwrap();
    device.close().await.unwrap();
    let lake = Lake::local(folder.path()).unwrap();
    let report = into_lake(&lake, source(&broker, Qos::AtLeastOnce)).await;
    assert_eq!((report.counts.read, report.counts.written, report.counts.quarantined), (8, 2, 6));
    assert_eq!(report.reasons.values().sum::<u64>(), 6, "{:?}", report.reasons);
    // They are acknowledged: the broker has nothing more.
    let report = into_lake(&lake, source(&broker, Qos::AtLeastOnce)).await;
    assert_eq!(report.counts.read, 0);
}

#[tokio::test]
async fn messages_of_qos_2_leave_a_lake_in_which_each_is_once() {
    let Some(broker) = mosquitto() else { return };
    let mut first = source(&broker, Qos::ExactlyOnce);
    known(&mut first).await;
    first.close().await.unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let mut written = 0;
    for round in 0..5 {
        publish(&broker, 2, 100 * round..100 * round + 100).await;
        written += into_lake(&lake, source(&broker, Qos::ExactlyOnce)).await.counts.written;
    }
    assert_eq!(written, 500);
}
