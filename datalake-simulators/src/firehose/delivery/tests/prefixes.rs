//! Prefixes and partitions.

use serde_json::{Value, json};

use super::super::{Builder, Delivery, Memory};
use super::{failure, failures, noon, ok, saying, texts};

fn with(bucket: &Memory, prefix: &str, errors: &str) -> Builder {
    Delivery::builder("s", bucket.clone()).prefix(prefix).error_prefix(errors).starting(noon())
}

async fn folder(prefix: &str) -> String {
    let bucket = Memory::default();
    let errors = if prefix.contains('!') { "bad/!{firehose:error-output-type}/" } else { "" };
    let mut delivery = with(&bucket, prefix, errors).build().unwrap();
    delivery.put(["x"]).await.unwrap();
    delivery.flush().await.unwrap();
    let key = bucket.objects().into_keys().next().unwrap();
    key[..key.find("s-1-").unwrap()].to_owned()
}

#[tokio::test]
async fn a_prefix_is_evaluated_at_the_time_of_arrival() {
    assert_eq!(folder("").await, "2026/11/26/12/");
    assert_eq!(folder("plain").await, "plain2026/11/26/12/");
    assert_eq!(folder("dt=!{timestamp:yyyy-MM-dd}/").await, "dt=2026-11-26/");
    assert_eq!(folder("!{timestamp:'year='yy'/h='H'/m='mm}-!{timestamp:ss}/").await, "year=26/h=12/m=34-56/");
    let random = folder("r/!{firehose:random-string}/").await;
    assert_eq!(random.len(), "r//".len() + 11, "{random}");
}

#[test]
fn what_the_service_refuses_is_refused() {
    let bucket = Memory::default();
    let errors = "bad/!{firehose:error-output-type}/";
    let refused = [
        with(&bucket, "!{timestamp:yyyy}/", ""),
        with(&bucket, "!{timestamp:yyyy", errors),
        with(&bucket, "!{timestamp:QQ}/", errors),
        with(&bucket, "!{firehose:error-output-type}/", errors),
        with(&bucket, "!{anything}/", errors),
        with(&bucket, "!{partitionKeyFromLambda:k}/", errors),
        with(&bucket, "p/", errors).dynamic_partitioning(500),
        with(&bucket, "!{partitionKeyFromLambda:k}/", "bad/!{timestamp:yyyy}/").dynamic_partitioning(500),
        with(&bucket, "p/", "bad/!{partitionKeyFromLambda:k}/!{firehose:error-output-type}/"),
    ];
    for (n, builder) in refused.into_iter().enumerate() {
        assert!(builder.build().is_err(), "{n}");
    }
    assert!(with(&bucket, "!{partitionKeyFromLambda:k}/", errors).dynamic_partitioning(500).build().is_ok());
}

/// Partitions by the first letter; a record that begins with `-` gets no key.
fn first_letter(text: &str) -> Value {
    let mut said = ok(text);
    if let Some(first) = text.chars().next().filter(|first| *first != '-') {
        said["metadata"] = json!({ "partitionKeys": { "first": first.to_string() } });
    }
    said
}

#[tokio::test]
async fn each_partition_has_objects_of_its_own_and_a_limit_holds() {
    let bucket = Memory::default();
    let (_, function) = saying(first_letter);
    let mut delivery =
        with(&bucket, "p/!{partitionKeyFromLambda:first}/", "bad/!{firehose:error-output-type}/")
            .transform(function)
            .dynamic_partitioning(2)
            .build()
            .unwrap();
    delivery.put(["a1", "b1", "a2", "-", "c1", "b2"]).await.unwrap();
    delivery.flush().await.unwrap();
    let texts = texts(&bucket);
    assert_eq!(
        (&texts["p/a"], &texts["p/b"], texts.get("p/c")),
        (&"a1a2".to_owned(), &"b1b2".to_owned(), None)
    );
    let mut failed = failures(&bucket);
    failed.sort();
    assert_eq!(
        failed,
        [
            failure("DynamicPartitioning.ActivePartitionsLimitExceeded", 1, "c1"),
            failure("DynamicPartitioning.MetadataExtractionFailed", 1, "-"),
        ]
    );
    // What was delivered makes room.
    delivery.put(["c2"]).await.unwrap();
    delivery.flush().await.unwrap();
    assert_eq!(super::texts(&bucket)["p/c"], "c2");
}
