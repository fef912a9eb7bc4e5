//! Records of streams and messages of queues.

use super::*;

#[tokio::test]
async fn records_of_a_stream_are_landed_and_answered_with_no_failures() {
    let mut worker = Worker::fed().await;
    let answer = worker.answer(&kinesis([("100", body(1)), ("101", body(2))])).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(worker.numbers(Zone::Curated).await, [1, 2]);
}

#[tokio::test]
async fn lineage_names_shard_sequence_number_and_invocation() {
    let mut worker = Worker::fed().await;
    worker.answer(&kinesis([("100", body(1))])).await.unwrap();
    let trace = worker.lake.trace(&"clicks/1/0".parse().unwrap()).await.unwrap();
    let text = format!("{trace:?}");
    assert!(text.contains("stream/clicks/shardId-000000000006"), "{text}");
    let envelope = trace.envelope;
    assert_eq!(envelope.worker.invocation.as_deref(), Some("request-1"));
    assert_eq!(envelope.origin.requests[0].id.as_deref(), Some("request-1"));
    let from = envelope.origin.requests[0].locator.as_deref();
    assert_eq!(from, Some("arn:aws:kinesis:eu-central-1:000000000000:stream/clicks"));
}

#[tokio::test]
async fn a_record_that_does_not_parse_goes_to_quarantine_and_is_no_failure() {
    let mut worker = Worker::fed().await;
    let event = kinesis([("100", body(1)), ("101", "{broken".into()), ("102", body(3))]);
    let answer = worker.answer(&event).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(worker.numbers(Zone::Curated).await, [1, 3]);
    assert_eq!(worker.rows(Zone::Quarantine).await.len(), 1);
}

#[tokio::test]
async fn a_stream_is_told_the_lowest_sequence_number_that_is_not_committed() {
    let mut worker = Worker::fed().await;
    let event = kinesis([("98", long(1)), ("99", long(2)), ("100", long(3)), ("101", long(4))]);
    worker.down.on(r#"{"n":3"#);
    let answer = worker.answer(&event).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "100" }] }));
    assert_eq!(worker.numbers(Zone::Curated).await, [1, 2]);
    worker.down.on(None);
    let again = kinesis([("100", long(3)), ("101", long(4))]);
    assert_eq!(worker.answer(&again).await.unwrap(), json!({ "batchItemFailures": [] }));
    assert_eq!(worker.numbers(Zone::Curated).await, [1, 2, 3, 4]);
}

/// A record of a stream that a producer has made of several.
fn aggregated(sequence: &str, bodies: &[String]) -> Value {
    let mut aggregate = datalake_aws::kpl::Aggregate::new();
    bodies.iter().for_each(|body| aggregate.push("1", None, body.clone().into()));
    let mut event = kinesis([(sequence, String::new())]);
    event["Records"][0]["kinesis"]["data"] = json!(STANDARD.encode(aggregate.finish()));
    event["Records"][0].take()
}

#[tokio::test]
async fn aggregated_records_are_taken_apart_and_those_that_come_again_landed_once() {
    let mut worker = Worker::fed().await;
    let mut event = kinesis([("99", body(0)), ("101", body(4))]);
    let records = event["Records"].as_array_mut().unwrap();
    records.insert(1, aggregated("100", &[long(1), long(2), "broken".into(), long(3)]));
    worker.down.on(r#"{"n":2"#);
    let answer = worker.answer(&event).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "100" }] }));
    worker.down.on(None);
    event["Records"].as_array_mut().unwrap().remove(0);
    assert_eq!(worker.answer(&event).await.unwrap(), json!({ "batchItemFailures": [] }));
    assert_eq!(worker.numbers(Zone::Curated).await, [0, 1, 2, 3, 4]);
    assert_eq!(worker.rows(Zone::Quarantine).await.len(), 1);
}

#[tokio::test]
async fn if_nothing_was_committed_the_invocation_fails() {
    let mut worker = Worker::fed().await;
    worker.down.on("{");
    let error = worker.answer(&kinesis([("100", body(1)), ("101", body(2))])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("left: 2"), "{error}");
    assert!(worker.numbers(Zone::Curated).await.is_empty());
}

#[tokio::test]
async fn what_was_reported_as_a_failure_is_not_landed_unless_it_comes_again() {
    let mut worker = Worker::fed().await;
    worker.down.on(r#"{"n":1"#);
    worker.answer(&kinesis([("100", body(1))])).await.unwrap_err();
    worker.down.on(None);
    worker.answer(&kinesis([("200", body(2))])).await.unwrap();
    assert_eq!(worker.numbers(Zone::Curated).await, [2]);
}

#[tokio::test]
async fn what_comes_again_is_landed_once() {
    let mut worker = Worker::fed().await;
    let event = kinesis([("100", body(1)), ("101", body(2))]);
    for _ in 0..2 {
        let answer = worker.answer(&event).await.unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    let more = kinesis([("101", body(2)), ("101", body(2)), ("102", body(3)), ("102", body(3))]);
    worker.answer(&more).await.unwrap();
    assert_eq!(worker.numbers(Zone::Curated).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_mapping_without_partial_answers_gets_an_error_for_all() {
    let mut worker = Worker::fed_by(InvocationSourceBuilder::whole_batches).await;
    worker.down.on(r#"{"n":2"#);
    worker.answer(&kinesis([("100", long(1)), ("101", long(2))])).await.unwrap_err();
    assert_eq!(worker.numbers(Zone::Curated).await, [1]);
}

#[tokio::test]
async fn a_queue_is_told_every_message_that_is_not_committed() {
    for (queue, failures) in [("clicks", &["c", "d"][..]), ("clicks.fifo", &["c", "d"])] {
        let mut worker = Worker::fed().await;
        worker.down.on(r#"{"n":3"#);
        let messages = [("a", long(1)), ("b", long(2)), ("c", long(3)), ("d", long(4))];
        let answer = worker.answer(&sqs(queue, messages)).await.unwrap();
        let failures: Vec<_> = failures.iter().map(|id| json!({ "itemIdentifier": id })).collect();
        assert_eq!(answer, json!({ "batchItemFailures": failures }), "{queue}");
        assert_eq!(worker.numbers(Zone::Curated).await, [1, 2]);
    }
}

#[tokio::test]
async fn what_is_not_committed_by_the_deadline_is_reported() {
    let mut worker = Worker::fed().await;
    let event = kinesis([("100", body(1))]);
    worker.down.on(r#"{"n":1"#);
    let error = worker.answer_within(&event, Some(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    worker.down.on(None);
    worker.answer_within(&event, Some(Duration::from_secs(60))).await.unwrap();
    assert_eq!(worker.numbers(Zone::Curated).await, [1]);
}

#[tokio::test]
async fn a_pipeline_takes_only_from_where_it_is_told() {
    let other = "arn:aws:kinesis:eu-central-1:000000000000:stream/other";
    let mut worker = Worker::fed_by(move |source| source.only_from(other)).await;
    let error = worker.answer(&kinesis([("100", body(1))])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("stream/clicks"), "{error}");
}
