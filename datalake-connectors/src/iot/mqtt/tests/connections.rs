use datalake_core::ErrorKind;

use super::*;

#[tokio::test]
async fn a_broker_that_is_killed_is_read_on_where_it_was() {
    let Some(mut broker) = mosquitto() else { return };
    let mut source = source(&broker, Qos::AtLeastOnce);
    known(&mut source).await;
    publish(&broker, 1, 0..50).await;
    let (mut found, position) = read(&mut source, 50).await;
    broker.kill().unwrap();
    let error = loop {
        match within(source.next_batch()).await {
            Ok(Next::Idle(_)) => {}
            Ok(next) => panic!("{next:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // What is committed while nobody listens is acknowledged when it is sent again, and makes no second record.
    source.commit(&position.unwrap()).await.unwrap();
    broker.start().unwrap();
    publish(&broker, 1, 50..80).await;
    found.extend(drain(&mut source, 30).await);
    assert_eq!(texts(&found), numbers(0..80));
    assert_eq!(source.watch().status().sessions_lost, 0);
}

#[tokio::test]
async fn an_acknowledgement_that_is_lost_makes_no_second_record_while_the_process_lives() {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    for (qos, kind) in [(Qos::AtLeastOnce, 4), (Qos::ExactlyOnce, 5)] {
        let mut source = tapped(&tap, qos).await;
        known(&mut source).await;
        publish(&broker, qos.level(), 0..5).await;
        let (found, position) = read(&mut source, 5).await;
        tap.cut();
        while within(source.next_batch()).await.is_ok() {}
        source.commit(&position.unwrap()).await.unwrap();
        let heard = tap.count(kind);
        assert_eq!(drain(&mut source, 0).await.len(), 0, "{qos:?} after {}", found.len());
        within(tap.heard(kind, heard + 5)).await;
        source.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_session_that_the_broker_has_lost_is_an_alarm() {
    let Some(broker) = mosquitto() else { return };
    let open = || {
        builder(&broker.url())
            .topic("plant/#", Qos::AtLeastOnce)
            .session_expiry(Duration::from_secs(1))
            .build()
            .unwrap()
    };
    let mut first = open();
    known(&mut first).await;
    publish(&broker, 1, 0..1).await;
    let (_, position) = read(&mut first, 1).await;
    let position = position.unwrap();
    first.commit(&position).await.unwrap();
    first.close().await.unwrap();

    // The broker looks at its clock once in a while.
    let lost = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let mut second = open();
            second.seek(Some(&position)).await.unwrap();
            while !matches!(second.next_batch().await.unwrap(), Next::Idle(_)) {}
            if second.watch().status().sessions_lost == 1 {
                return second;
            }
            second.close().await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    let mut second = within(lost).await;
    publish(&broker, 1, 7..9).await;
    assert_eq!(texts(&drain(&mut second, 2).await), numbers(7..9), "it has subscribed again");
}

#[tokio::test]
async fn two_clients_with_one_id_are_told_from_a_broker_that_is_down() {
    let Some(broker) = mosquitto() else { return };
    for version in VERSIONS {
        let open =
            || builder(&broker.url()).topic("plant/#", Qos::AtLeastOnce).version(version).build().unwrap();
        let (mut one, mut other) = (open(), open());
        let watch = one.watch();
        let fight = |source: &mut MqttSource| {
            let mut source = std::mem::replace(source, open());
            tokio::spawn(async move {
                loop {
                    if let Err(error) = source.next_batch().await
                        && error.to_string().contains("client id used twice")
                    {
                        return error;
                    }
                }
            })
        };
        let (one, other) = (fight(&mut one), fight(&mut other));
        let error = within(one).await.unwrap();
        assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Unavailable), "{error}");
        assert!(watch.status().fighting || watch.status().taken_over > 0, "{error}");
        other.abort();
    }
}

#[tokio::test]
async fn members_of_a_group_share_its_messages() {
    let Some(broker) = mosquitto() else { return };
    for version in VERSIONS {
        let member = |name: &str| {
            MqttSource::builder(Dataset::new("plant").unwrap(), broker.url(), format!("{name}-{version:?}"))
                .topic(format!("$share/{version:?}/plant/#"), Qos::AtLeastOnce)
                .version(version)
                .patience(Duration::from_millis(300))
                .build()
                .unwrap()
        };
        let (mut one, mut other) = (member("one"), member("other"));
        known(&mut one).await;
        known(&mut other).await;
        publish(&broker, 1, 0..40).await;
        let (mine, others) = tokio::join!(drain(&mut one, 20), drain(&mut other, 20));
        assert!(!mine.is_empty() && !others.is_empty(), "{} {}", mine.len(), others.len());
        let counts = counted(&[mine, others].concat());
        assert!(counts.len() == 40 && counts.values().all(|times| *times == 1), "{counts:?}");
        one.close().await.unwrap();
        other.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_password_that_is_refused_is_looked_up_again() {
    use datalake_core::Secrets;
    let Some(broker) = mosquitto() else { return };
    let file = broker.folder().join("password");
    std::fs::write(&file, "old").unwrap();
    let password = Secrets::new().credential(&format!("file:{}", file.display())).unwrap();
    assert_eq!(password.current().await.unwrap().expose(), "old");
    let users = broker.folder().join("users");
    let mut tool = std::process::Command::new("mosquitto_passwd");
    if !tool
        .args(["-b", "-c"])
        .arg(&users)
        .args(["lake", "new"])
        .status()
        .is_ok_and(|status| status.success())
    {
        return;
    }
    let line = format!("password_file {}", users.display());
    let Some(strict) = started(|broker| broker.setting("allow_anonymous false").setting(&line)) else {
        return;
    };
    let open = |password: datalake_core::Credential| {
        builder(&strict.url())
            .topic("plant/#", Qos::AtLeastOnce)
            .user("lake")
            .password(password)
            .build()
            .unwrap()
    };
    let error = within(open(password.clone()).next_batch()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied), "{error}");
    assert!(!format!("{error} {error:?}").contains("old"));
    std::fs::write(&file, "new").unwrap();
    let next = within(open(password).next_batch()).await.unwrap();
    assert!(matches!(next, Next::Idle(_)));
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_an_error_with_its_topic() {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    // CONNACK, then SUBACK: refused, and granted at a lower QoS.
    for (suback, kind) in [
        ([0x90, 4, 0, 1, 0, 0x87], ErrorKind::PermissionDenied),
        ([0x90, 4, 0, 1, 0, 0x00], ErrorKind::Unsupported),
    ] {
        tap.answer(Some(&[&[0x20, 3, 0, 0, 0][..], &suback].concat()));
        let error = within(tapped(&tap, Qos::AtLeastOnce).await.next_batch()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("plant/#"));
    }
}

#[tokio::test]
async fn the_broker_may_repeat_the_password_in_any_answer_and_it_is_not_shown() {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    let secret = "c4nary-secret";
    let open = || {
        builder(&format!("mqtt://{}", tap.address()))
            .topic("plant/#", Qos::AtLeastOnce)
            .user("lake")
            .password(secret)
            .build()
            .unwrap()
    };
    let said = |text: &str| [&[0x1f, 0, text.len() as u8][..], text.as_bytes()].concat();
    let framed = |first: u8, head: &[u8], text: &str, tail: &[u8]| {
        let said = said(text);
        let length = head.len() + 1 + said.len() + tail.len();
        [&[first, length as u8][..], head, &[said.len() as u8], &said, tail].concat()
    };
    let accepted = [0x20, 3, 0, 0, 0];
    for text in [format!("no {secret}"), "come back".to_owned()] {
        for answer in [
            framed(0x20, &[0, 0x88], &text, &[]),
            [&accepted[..], &framed(0x90, &[0, 1], &text, &[0x97])].concat(),
            [&accepted[..], &framed(0xe0, &[0x8b], &text, &[])].concat(),
        ] {
            tap.answer(Some(&answer));
            let error = within(open().next_batch()).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(secret), "{answer:02x?}");
            assert_eq!(shown.contains("come back"), text == "come back", "{answer:02x?}: {shown}");
        }
    }
}

#[tokio::test]
async fn with_mqtt_5_each_connection_subscribes_also_in_a_session_that_is_there() {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    let mut device = Publisher::new(broker.address(), "device");
    device.publish(Message::new("plant/a", "kept").retained()).await.unwrap();
    device.close().await.unwrap();
    let mut source = tapped(&tap, Qos::AtLeastOnce).await;
    source.seek(None).await.unwrap();
    assert_eq!(texts(&drain(&mut source, 1).await), ["kept"]);
    tap.cut();
    while within(source.next_batch()).await.is_ok() {}
    assert_eq!(drain(&mut source, 0).await.len(), 0, "what is retained does not come again");
    assert_eq!((tap.count(8), source.watch().status().sessions_lost), (2, 0));
    source.close().await.unwrap();
    assert!(!source.watch().status().subscribed);
}

#[tokio::test]
async fn a_broker_that_was_not_read_for_long_is_not_taken_for_silent() {
    let Some(broker) = mosquitto() else { return };
    let mut source = builder(&broker.url())
        .topic("plant/#", Qos::AtLeastOnce)
        .keep_alive(Duration::from_secs(1))
        .connect_timeout(Duration::from_secs(1))
        .room(1)
        .build()
        .unwrap();
    known(&mut source).await;
    for n in 0..4 {
        publish(&broker, 1, n..n + 1).await;
        // A ping is sent meanwhile, and its answer not read.
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        let found = batch(&mut source).await;
        source.commit(&found.position).await.unwrap();
        assert!(matches!(within(source.next_batch()).await, Ok(Next::Idle(_))));
    }
    assert_eq!(source.watch().status().connections, 1);
}

#[test]
fn a_failure_is_over_when_there_is_a_connection_again() {
    use super::super::session::Session;
    use super::super::shared::Shared;
    let shared = Shared::new(Session::new("c".into(), "b".into(), 1), true);
    let failed = || datalake_core::Error::new(ErrorKind::Unavailable, "gone");
    shared.stopped(Some(failed()));
    shared.subscribed();
    assert!(shared.failure().is_none());
    shared.tell(failed());
    shared.recovered();
    assert!(shared.failure().is_none());
    assert!(shared.status.borrow().subscribed);
    shared.stopped(None);
    assert!(!shared.status.borrow().subscribed, "it was thrown away");
}
