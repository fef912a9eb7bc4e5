use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_message_is_a_document_with_what_the_broker_says_beside_it() {
    let Some(broker) = mosquitto() else { return };
    let mut source = source(&broker, Qos::AtLeastOnce);
    known(&mut source).await;
    let mut device = Publisher::new(broker.address(), "device");
    let message = Message::new("plant/a b/ü", br#"{"a": 1 }"#.as_slice())
        .content_type("application/json")
        .property("site", "north")
        .property("site", "south");
    device.publish(message).await.unwrap();
    device.publish(Message::new("plant/bytes", [0_u8, 0xff].as_slice()).qos(0)).await.unwrap();
    device.close().await.unwrap();

    let (documents, _) = read(&mut source, 2).await;
    let [first, second] = &documents[..] else { panic!("{} documents", documents.len()) };
    assert_eq!(first.locator().as_ref(), format!("{}/plant/a%20b/ü", broker.url()));
    assert_eq!(first.bytes().as_ref(), br#"{"a": 1 }"#);
    assert_ne!(first.id(), second.id());
    let mut said = Value::Object(first.properties().unwrap().as_ref().clone());
    let received = said.as_object_mut().unwrap().remove("received_at").unwrap();
    assert!(received.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().is_ok());
    let user = json!([["site", "north"], ["site", "south"]]);
    let expected = json!({
        "topic": "plant/a b/ü", "qos": 1, "content_type": "application/json", "user_properties": user,
    });
    assert_eq!(said, expected);
    assert_eq!(second.bytes().as_ref(), [0, 0xff]);
    assert_eq!(second.properties().unwrap()["qos"], 0);
}

#[tokio::test]
async fn a_retained_message_says_so_or_is_dropped() {
    let Some(broker) = mosquitto() else { return };
    let mut device = Publisher::new(broker.address(), "device");
    device.publish(Message::new("plant/a", "kept").retained()).await.unwrap();
    device.flush().await.unwrap();
    for version in VERSIONS {
        for retained in [Retained::Take, Retained::Drop] {
            let name = format!("{version:?}-{retained:?}");
            let mut source = MqttSource::builder(Dataset::new("plant").unwrap(), broker.url(), name)
                .topic("plant/#", Qos::AtLeastOnce)
                .version(version)
                .retained(retained)
                .patience(Duration::from_millis(300))
                .build()
                .unwrap();
            let found = match retained {
                Retained::Take => batch(&mut source).await.documents,
                Retained::Drop => {
                    known(&mut source).await;
                    Vec::new()
                }
            };
            device.publish(Message::new("plant/a", "new")).await.unwrap();
            device.flush().await.unwrap();
            match &found[..] {
                [kept] => assert_eq!(kept.properties().unwrap()["retain"], true),
                _ => assert_eq!(retained, Retained::Drop),
            }
            let next = drain(&mut source, 1).await;
            assert!(texts(&next).contains(&"new".to_owned()), "{version:?} {retained:?}");
            assert!(!texts(&next).contains(&"kept".to_owned()), "{version:?} {retained:?}");
        }
    }
}

#[tokio::test]
async fn a_stable_id_is_taken_from_the_payload_or_made_of_it() {
    let Some(broker) = mosquitto() else { return };
    let ids = |id: StableId| {
        let mut source =
            builder(&broker.url()).topic("plant/#", Qos::AtLeastOnce).stable_id(id).build().unwrap();
        let broker = &broker;
        async move {
            known(&mut source).await;
            let mut device = Publisher::new(broker.address(), "device");
            for payload in [r#"{"id":"e-1"}"#, r#"{"id":7}"#, r#"{"id":7}"#, "no JSON", "no JSON"] {
                device.publish(Message::new("plant/a", payload)).await.unwrap();
            }
            device.close().await.unwrap();
            let found = drain(&mut source, 5).await;
            found.iter().map(|document| document.id().unwrap().to_string()).collect::<Vec<_>>()
        }
    };
    let by_pointer = ids(StableId::Pointer("/id".into())).await;
    assert_eq!(by_pointer[..3], ["e-1", "7", "7"]);
    assert_ne!(by_pointer[3], by_pointer[4], "without an id each message has a name of its own");
    let by_content = ids(StableId::Content(Duration::from_secs(7 * 24 * 3600))).await;
    assert_eq!((&by_content[1], &by_content[3]), (&by_content[2], &by_content[4]));
    assert_ne!(by_content[0], by_content[1]);
}
