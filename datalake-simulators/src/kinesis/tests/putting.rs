use serde_json::{Value, json};

use super::entry;
use crate::faults::Fault;
use crate::json::tests::{call, done, refused};
use crate::kinesis::{Kinesis, Limits};

fn put(records: &[Value]) -> Value {
    json!({ "StreamName": "s", "Records": records })
}

#[test]
fn what_is_over_a_limit_is_refused_whole() {
    let kinesis = Kinesis::with(Limits::default().bytes_per_put(5 << 20)).unwrap();
    kinesis.create("s", 1);
    let url = kinesis.url();
    let many: Vec<_> = (0..501).map(|_| entry("k", b"x")).collect();
    let large = vec![b'x'; 1 << 20];
    let full = vec![entry("k", &large[1..]); 6];
    for (records, code) in [
        (&many[..], "ValidationException"),
        (&[], "ValidationException"),
        (&[entry("k", &large)], "ValidationException"),
        (&[entry("", b"x")], "ValidationException"),
        (&[entry(&"ä".repeat(257), b"x")], "ValidationException"),
        (&full[..], "InvalidArgumentException"),
        (&[json!({ "PartitionKey": "k", "Data": "!" })], "SerializationException"),
    ] {
        assert_eq!(refused(&url, "PutRecords", &put(records)), code);
    }
    assert!(kinesis.records("s").is_empty());
    done(&url, "PutRecords", &put(&many[..500]));
    done(&url, "PutRecords", &put(&full[..5]));
    assert_eq!(kinesis.records("s").len(), 505);
    assert_eq!(
        refused(&url, "PutRecords", &json!({ "StreamName": "t", "Records": [entry("k", b"x")] })),
        "ResourceNotFoundException"
    );
    let size = json!({ "StreamARN": "arn:aws:kinesis:eu-central-1:0:stream/s", "MaxRecordSizeInKiB": 2048 });
    done(&url, "UpdateMaxRecordSize", &size);
    done(&url, "PutRecords", &put(&[entry("k", &large)]));
}

#[test]
fn some_records_of_a_call_fail_and_the_others_are_there() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create("s", 2);
    kinesis.faults().records(|tried| (tried.index % 2 == 1).then_some("InternalFailure"));
    let records: Vec<_> = (0..4).map(|n| entry(&format!("k{n}"), b"x")).collect();
    let answer = done(&kinesis.url(), "PutRecords", &put(&records));
    assert_eq!(answer["FailedRecordCount"], 2);
    assert_eq!(answer["Records"][1]["ErrorCode"], "InternalFailure");
    assert_eq!(answer["Records"][1]["SequenceNumber"], Value::Null);
    assert_eq!(answer["Records"][2]["SequenceNumber"].as_str().unwrap().len(), 56);
    let keys: Vec<_> = kinesis.records("s").into_iter().map(|record| record.key).collect();
    assert!(keys.len() == 2 && ["k0", "k2"].iter().all(|key| keys.contains(&(*key).into())));
}

#[test]
fn a_shard_takes_no_more_than_its_share_of_a_second() {
    let kinesis = Kinesis::with(Limits::default().slow_shards()).unwrap();
    kinesis.create("s", 1);
    let records: Vec<_> = (0..500).map(|_| entry("k", b"x")).collect();
    let failed: u64 = (0..3)
        .map(|_| done(&kinesis.url(), "PutRecords", &put(&records))["FailedRecordCount"].as_u64().unwrap())
        .sum();
    assert_eq!(failed as usize + kinesis.records("s").len(), 1500);
    assert!(failed > 0);
}

#[test]
fn a_lost_reply_has_done_its_work_and_a_reset_has_not() {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create("s", 1);
    let (url, one) = (kinesis.url(), put(&[entry("k", b"x")]));
    kinesis.faults().next("PutRecords", Fault::Reset);
    kinesis.faults().next("PutRecords", Fault::LoseReply);
    kinesis.faults().next("PutRecords", Fault::throttled());
    assert_eq!((call(&url, "PutRecords", &one), kinesis.records("s").len()), (None, 0));
    assert_eq!((call(&url, "PutRecords", &one), kinesis.records("s").len()), (None, 1));
    assert_eq!(refused(&url, "PutRecords", &one), "ProvisionedThroughputExceededException");
    done(&url, "PutRecords", &one);
    assert_eq!((kinesis.records("s").len(), kinesis.calls("PutRecords")), (2, 4));
}
