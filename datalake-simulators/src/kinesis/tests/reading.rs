use serde_json::{Value, json};

use super::{get, iterator, texts};
use crate::json::tests::{done, refused};
use crate::kinesis::{Kinesis, Limits};

fn stream(shards: u32) -> Kinesis {
    let kinesis = Kinesis::start().unwrap();
    kinesis.create("s", shards);
    kinesis
}

#[test]
fn a_shard_is_read_from_any_place_in_it() {
    let kinesis = stream(1);
    let numbers: Vec<_> = ["a", "b", "c"].map(|text| kinesis.put("s", "k", text.as_bytes())).into();
    let shard = "shardId-000000000000";
    let latest = iterator(&kinesis, shard, "LATEST", None);
    for (kind, sequence, expected) in [
        ("TRIM_HORIZON", None, "abc"),
        ("AT_SEQUENCE_NUMBER", Some(&*numbers[1]), "bc"),
        ("AFTER_SEQUENCE_NUMBER", Some(&*numbers[1]), "c"),
        ("LATEST", None, ""),
    ] {
        let answer = get(&kinesis, &iterator(&kinesis, shard, kind, sequence));
        assert_eq!(texts(&answer).concat(), expected, "{kind}");
        assert_eq!(answer["MillisBehindLatest"], 0);
    }
    kinesis.put("s", "k", b"d");
    let answer = get(&kinesis, &latest);
    assert_eq!(texts(&answer), ["d"]);
    let time = answer["Records"][0]["ApproximateArrivalTimestamp"].clone();
    let request = json!({ "StreamName": "s", "ShardId": shard, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": time });
    let at = done(&kinesis.url(), "GetShardIterator", &request);
    assert!(texts(&get(&kinesis, at["ShardIterator"].as_str().unwrap())).concat().ends_with('d'));
    kinesis.trim("s", 1);
    let after = iterator(&kinesis, shard, "AFTER_SEQUENCE_NUMBER", Some(&numbers[0]));
    assert_eq!(texts(&get(&kinesis, &after)), ["d"]);
}

#[test]
fn a_read_is_bounded_and_says_how_far_it_is_behind() {
    let kinesis = stream(1);
    for n in 0..12 {
        kinesis.put("s", "k", &vec![b'0' + n; 1 << 20]);
    }
    let start = iterator(&kinesis, "shardId-000000000000", "TRIM_HORIZON", None);
    let answer = get(&kinesis, &start);
    assert_eq!(answer["Records"].as_array().unwrap().len(), 9);
    assert!(answer["MillisBehindLatest"].as_i64().unwrap() > 0);
    let rest = get(&kinesis, answer["NextShardIterator"].as_str().unwrap());
    assert_eq!(rest["Records"].as_array().unwrap().len(), 3);
    let most = json!({ "ShardIterator": start, "Limit": 10_001 });
    assert_eq!(refused(&kinesis.url(), "GetRecords", &most), "InvalidArgumentException");
    kinesis.answer_empty(1);
    let empty = get(&kinesis, &start);
    assert!(texts(&empty).is_empty() && empty["MillisBehindLatest"].as_i64().unwrap() > 0);
    assert_eq!(
        get(&kinesis, empty["NextShardIterator"].as_str().unwrap())["Records"].as_array().unwrap().len(),
        9
    );
    kinesis.expire_iterators();
    let old = json!({ "ShardIterator": start });
    assert_eq!(refused(&kinesis.url(), "GetRecords", &old), "ExpiredIteratorException");
}

#[test]
fn a_shard_that_was_split_ends_and_names_its_children() {
    let kinesis = stream(1);
    kinesis.put("s", "k", b"before");
    kinesis.split("s", "shardId-000000000000", 1 << 127);
    kinesis.put("s", "k", b"after");
    let parent = get(&kinesis, &iterator(&kinesis, "shardId-000000000000", "TRIM_HORIZON", None));
    assert_eq!(texts(&parent), ["before"]);
    assert_eq!(parent["NextShardIterator"], Value::Null);
    let children = parent["ChildShards"].as_array().unwrap();
    assert_eq!(children.len(), 2);
    assert_eq!(children[0]["ParentShards"], json!(["shardId-000000000000"]));
    assert_eq!(children[1]["HashKeyRange"]["StartingHashKey"], (1_u128 << 127).to_string());
    let read =
        |id: &Value| texts(&get(&kinesis, &iterator(&kinesis, id.as_str().unwrap(), "TRIM_HORIZON", None)));
    let found: Vec<_> = children.iter().flat_map(|child| read(&child["ShardId"])).collect();
    assert_eq!(found, ["after"]);

    kinesis.merge("s", "shardId-000000000001", "shardId-000000000002");
    let ended = get(&kinesis, &iterator(&kinesis, "shardId-000000000001", "TRIM_HORIZON", None));
    assert_eq!(ended["ChildShards"][0]["ParentShards"].as_array().unwrap().len(), 2);
    let list = done(&kinesis.url(), "ListShards", &json!({ "StreamName": "s" }));
    let last = &list["Shards"][3];
    assert_eq!(last["ParentShardId"], "shardId-000000000001");
    assert_eq!(last["AdjacentParentShardId"], "shardId-000000000002");
    assert_eq!(last["HashKeyRange"]["EndingHashKey"], u128::MAX.to_string());
    assert!(list["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"].is_string());
    let split =
        json!({ "StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "9" });
    assert_eq!(refused(&kinesis.url(), "SplitShard", &split), "InvalidArgumentException");
}

#[test]
fn shards_are_listed_in_pages() {
    let kinesis = Kinesis::with(Limits::default().shards_per_page(3)).unwrap();
    done(&kinesis.url(), "CreateStream", &json!({ "StreamName": "s", "ShardCount": 7 }));
    assert_eq!(
        refused(&kinesis.url(), "CreateStream", &json!({ "StreamName": "s" })),
        "ResourceInUseException"
    );
    let (mut found, mut request) = (Vec::new(), json!({ "StreamName": "s" }));
    loop {
        let page = done(&kinesis.url(), "ListShards", &request);
        found.extend(page["Shards"].as_array().unwrap().iter().map(|shard| shard["ShardId"].clone()));
        match &page["NextToken"] {
            Value::Null => break,
            token => request = json!({ "NextToken": token }),
        }
    }
    assert_eq!((found.len(), &found[6]), (7, &json!("shardId-000000000006")));
    let summary = done(&kinesis.url(), "DescribeStreamSummary", &json!({ "StreamName": "s" }));
    assert_eq!(summary["StreamDescriptionSummary"]["OpenShardCount"], 7);
}
