use super::*;

/// What both readers make of a text. The usual one may leave it to the other, and where it does not, both agree, except
/// that it takes data with bytes that no JSON text has: its decoder refuses them.
fn read(text: &[u8]) -> (bool, Option<Event>) {
    let usual = usual::read(text);
    let event = Event::read(Bytes::copy_from_slice(text)).ok();
    match (&usual, tolerant::read(text)) {
        (Some(usual), Ok(tolerant)) => assert_eq!(*usual, tolerant, "{}", String::from_utf8_lossy(text)),
        (Some(_), Err(_)) => {
            let event = event.as_ref().expect("the event");
            let odd = |byte: &u8| !matches!(byte, b' '..=b'~');
            let refused = told(event).iter().any(|(_, data)| data.is_some_and(|data| data.iter().any(odd)));
            assert!(refused, "{}", String::from_utf8_lossy(text));
        }
        (None, _) => {}
    }
    (usual.is_some(), event)
}

/// The id and the data of each record.
fn told(event: &Event) -> Vec<(&[u8], Option<&[u8]>)> {
    event.records.iter().map(|given| (event.id(given), event.data(given))).collect()
}

const USUAL: &str = r#"{"invocationId":"i","deliveryStreamArn":"arn","region":"eu-central-1","records":[
    {"recordId":"4962","approximateArrivalTimestamp":1763809200000,"data":"eyJpZCI6MX0="},
    {"recordId":"4963","approximateArrivalTimestamp":1763809200001,"data":"",
     "kinesisRecordMetadata":{"shardId":"s-0","partitionKey":"a\"b","sequenceNumber":"1","subsequenceNumber":0}}
]}"#;

#[test]
fn an_event_of_the_service_is_read_in_one_look() {
    let (usual, event) = read(USUAL.as_bytes());
    let event = event.unwrap();
    assert!(usual);
    assert_eq!((event.invocation.as_str(), event.stream.as_str()), ("i", "arn"));
    assert_eq!(
        told(&event),
        [(&b"\"4962\""[..], Some(&b"eyJpZCI6MX0="[..])), (&b"\"4963\""[..], Some(&b""[..]))]
    );
    assert_eq!(event.records[1].arrival.map(|time| time.timestamp_millis()), Some(1_763_809_200_001));
}

#[test]
fn what_is_not_as_usual_is_left_to_the_tolerant_reader() {
    for odd in [
        r#"{"records":[{"recordId":"a\"b","data":"QQ=="}]}"#,
        r#"{"records":[{"recordId":"ü","data":"QQ=="}]}"#,
        r#"{"records":[{"recordId":7,"data":"QQ=="}]}"#,
        r#"{"records":[{"recordId":"","data":"QQ=="}]}"#,
        r#"{"records":[{"recordId":"1","data":"QQ\u003d="}]}"#,
        r#"{"records":[{"recordId":"1","data":null},{"recordId":"2","data":"QQ=="}]}"#,
        r#"{"records":[{"recordId":"1"},{"data":"QQ=="},7]}"#,
        r#"{"invocationId":null,"records":[]}"#,
    ] {
        let (usual, event) = read(odd.as_bytes());
        assert!(!usual && event.is_some(), "{odd}");
    }
    let (_, event) = read(br#"{"records":[{"recordId":"a\u0062","data":"QQ\u003d="}]}"#);
    assert_eq!(told(&event.unwrap()), [(&b"\"ab\""[..], Some(&b"QQ=="[..]))]);
}

#[test]
fn what_is_no_event_is_none_for_either() {
    for odd in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"records":{}}"#,
        r#"{"records":[]}x"#,
        r#"{"records":[],}"#,
        r#"{"records":[,]}"#,
        r#"{"records":[{"recordId":"1","data":""},]}"#,
        r#"{"records":[{"recordId":"1","data":"" "x":1}]}"#,
        r#"{"records":[{"recordId":"1","data":""}}"#,
        r#"{"records":[],"records":[]}"#,
        r#"{"records":[{"recordId":"1","approximateArrivalTimestamp":01,"data":""}]}"#,
    ] {
        let (usual, event) = read(odd.as_bytes());
        assert!(!usual && event.is_none(), "{odd}");
    }
}

#[test]
fn a_time_is_read_however_it_is_written() {
    for (written, millis) in [
        ("1763809200000", Some(1_763_809_200_000)),
        ("1763809200000.5", Some(1_763_809_200_000)),
        ("1.7638092e12", Some(1_763_809_200_000)),
        ("-1", Some(-1)),
        ("0", Some(0)),
        ("\"1763809200000\"", Some(1_763_809_200_000)),
        ("\"2025-11-22T11:00:00Z\"", Some(1_763_809_200_000)),
        ("99999999999999999999", None),
        ("\"soon\"", None),
    ] {
        let text = format!(
            r#"{{"records":[{{"recordId":"1","approximateArrivalTimestamp":{written},"data":""}}]}}"#
        );
        let (_, event) = read(text.as_bytes());
        let arrival = event.unwrap().records[0].arrival;
        assert_eq!(arrival.map(|time| time.timestamp_millis()), millis, "{written}");
    }
}

#[test]
fn both_readers_agree_on_every_damaged_event() {
    let odd = b"\"\\{}[]:,0-9e. tfn\n\x00\xff";
    for at in 0..USUAL.len() {
        let mut cut = USUAL.as_bytes().to_vec();
        read(&cut[..at]);
        let whole = cut.remove(at);
        read(&cut);
        for &byte in odd {
            cut.insert(at, byte);
            read(&cut);
            cut[at] = whole;
            cut.insert(at, byte);
            read(&cut);
            cut.drain(at..at + 2);
        }
    }
}
