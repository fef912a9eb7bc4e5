use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Firehose;
use crate::json::tests::{done, refused};

fn put(records: impl IntoIterator<Item = Vec<u8>>) -> Value {
    let records = records.into_iter().map(|data| json!({ "Data": STANDARD.encode(data) }));
    json!({ "DeliveryStreamName": "s", "Records": records.collect::<Vec<_>>() })
}

#[test]
fn what_is_over_a_limit_is_refused_whole() {
    let firehose = Firehose::start().unwrap();
    firehose.create("s");
    let url = firehose.url();
    let (full, small) = (vec![0; 1000 << 10], vec![0]);
    for request in
        [put(vec![small.clone(); 501]), put([]), put([vec![0; (1000 << 10) + 1]]), put(vec![full.clone(); 5])]
    {
        assert_eq!(refused(&url, "PutRecordBatch", &request), "InvalidArgumentException");
    }
    assert!(firehose.records("s").is_empty());
    done(&url, "PutRecordBatch", &put(vec![small; 500]));
    done(&url, "PutRecordBatch", &put(vec![full; 4]));
    assert_eq!(firehose.take("s").len(), 504);
    assert!(firehose.take("s").is_empty());
}

#[test]
fn some_records_of_a_call_fail_and_the_others_are_kept() {
    let firehose = Firehose::start().unwrap();
    let url = firehose.url();
    let request = put([b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(refused(&url, "PutRecordBatch", &request), "ResourceNotFoundException");
    done(
        &url,
        "CreateDeliveryStream",
        &json!({ "DeliveryStreamName": "s", "DeliveryStreamType": "DirectPut" }),
    );
    assert_eq!(firehose.configuration("s")["DeliveryStreamType"], "DirectPut");
    firehose.faults().records(|tried| (tried.index == 0).then_some("ServiceUnavailableException"));
    let answer = done(&url, "PutRecordBatch", &request);
    assert_eq!(answer["FailedPutCount"], 1);
    assert_eq!(answer["RequestResponses"][0]["ErrorCode"], "ServiceUnavailableException");
    let given = firehose.records("s");
    assert_eq!((given.len(), &given[0].data[..]), (1, &b"b"[..]));
    assert_eq!(answer["RequestResponses"][1]["RecordId"], *given[0].id);
}
