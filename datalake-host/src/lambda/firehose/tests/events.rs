//! Events as different senders write them.

use serde_json::json;

use super::{entry, orders, plain, said};

async fn answered(event: &str) -> Vec<(String, String, String)> {
    said(&plain(orders()).answer(event.to_owned()).await.unwrap())
}

#[tokio::test]
async fn a_kinesis_event_with_texts_for_numbers_is_answered() {
    let event = json!({
        "invocationId": "invoked123",
        "deliveryStreamArn": "aws:lambda:events",
        "sourceKinesisStreamArn": "arn:aws:kinesis:eu-central-1:123456789012:stream/orders",
        "region": "eu-central-1",
        "records": [{
            "data": "eyJpZCI6MX0=",
            "recordId": "49546986683135544286507457936321625675700192471156785154",
            "approximateArrivalTimestamp": "2012-04-23T18:25:43.511Z",
            "kinesisRecordMetadata": {
                "sequenceNumber": "49546986683135544286507457936321625675700192471156785154",
                "subsequenceNumber": "",
                "partitionKey": "4d1ad2b9-24f8-4b9d-a088-76e9947c317a",
                "shardId": "shardId-000000000000",
                "approximateArrivalTimestamp": "2012-04-23T18:25:43.511Z",
            },
        }],
    });
    let id = "49546986683135544286507457936321625675700192471156785154";
    assert_eq!(answered(&event.to_string()).await, [entry(id, "Ok", "{\"id\":1}\n")]);
}

#[tokio::test]
async fn an_event_with_nothing_but_data_is_answered_in_order() {
    let event = r#"{"records":[
        {"data":"eyJpZCI6MX0=","kinesisRecordMetadata":{"sequenceNumber":4.95e55,"subsequenceNumber":""}},
        {"data":"eyJpZCI6Mn0="}
    ]}"#;
    assert_eq!(answered(event).await, [entry("", "Ok", "{\"id\":1}\n"), entry("", "Ok", "{\"id\":2}\n")]);
}

#[tokio::test]
async fn an_odd_record_costs_no_other() {
    let event = r#"{"records":[
        {"recordId":"1","data":5},
        7,
        {"recordId":"2"},
        {"recordId":"3","data":null},
        {"recordId":"4","data":"eyJpZCI6MX0="},
        {"recordId":{"no":"id"},"data":"eyJpZCI6MX0="}
    ]}"#;
    let failed = |id| entry(id, "ProcessingFailed", "");
    assert_eq!(
        answered(event).await,
        [
            failed("1"),
            failed(""),
            failed("2"),
            failed("3"),
            entry("4", "Ok", "{\"id\":1}\n"),
            entry("", "Ok", "{\"id\":1}\n")
        ]
    );
}

#[tokio::test]
async fn escapes_in_ids_and_data_are_read() {
    let event = r#"{"records":[{"recordId":"\u0061\"b\/c","data":"eyJp\u005aCI6Ij8\/In0="}]}"#;
    assert_eq!(answered(event).await, [entry("a\"b/c", "Ok", "{\"id\":\"??\"}\n")]);
}

#[tokio::test]
async fn what_is_no_event_is_refused_without_a_quotation() {
    for event in ["", "{}", "[]", r#"{"records":"hunter2"}"#, r#"{"records":[{"data":"hunter2"#] {
        let error = plain(orders()).answer(event.to_owned()).await.unwrap_err();
        assert!(error.to_string().contains("no event of Firehose"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn an_event_without_records_has_an_answer_without_records() {
    assert!(answered(r#"{"records":[]}"#).await.is_empty());
}
