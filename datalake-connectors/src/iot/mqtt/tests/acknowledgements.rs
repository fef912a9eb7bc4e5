use super::*;

#[tokio::test]
async fn nothing_is_acknowledged_before_its_commit_and_then_in_order() {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    let mut source = tapped(&tap, Qos::AtLeastOnce).await;
    known(&mut source).await;
    publish(&broker, 1, 0..10).await;
    let (found, position) = read(&mut source, 10).await;
    assert_eq!(texts(&found), numbers(0..10));
    // An answer to a ping or a second read would come after acknowledgements, if there were any.
    assert!(matches!(within(source.next_batch()).await.unwrap(), Next::Idle(_)));
    assert_eq!(tap.count(4), 0);
    source.commit(&position.unwrap()).await.unwrap();
    let acknowledged = within(tap.heard(4, 10)).await;
    assert_eq!(acknowledged, (acknowledged[0]..acknowledged[0] + 10).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_not_committed_comes_again_to_another_process() {
    let Some(broker) = mosquitto() else { return };
    let mut first = source(&broker, Qos::AtLeastOnce);
    known(&mut first).await;
    publish(&broker, 1, 0..3).await;
    let (_, position) = read(&mut first, 3).await;
    first.commit(&position.unwrap()).await.unwrap();
    publish(&broker, 1, 3..8).await;
    read(&mut first, 5).await;
    first.close().await.unwrap();

    let mut second = source(&broker, Qos::AtLeastOnce);
    second.seek(None).await.unwrap();
    assert_eq!(texts(&drain(&mut second, 5).await), numbers(3..8));
    assert_eq!(second.watch().status().sessions_lost, 0);
}

#[tokio::test]
async fn the_window_holds_the_broker_back_until_a_commit() {
    let Some(broker) = mosquitto() else { return };
    let mut source = builder(&broker.url()).topic("plant/#", Qos::AtLeastOnce).window(10).build().unwrap();
    known(&mut source).await;
    publish(&broker, 1, 0..100).await;
    let (found, position) = read(&mut source, 5).await;
    assert_eq!(found.len(), 5, "half of the window is given");
    assert!(matches!(within(source.next_batch()).await.unwrap(), Next::Idle(_)));
    assert_eq!(source.shared.session().waiting().0, 5, "the other half waits, and no more is sent");
    source.commit(&position.unwrap()).await.unwrap();
    assert_eq!(texts(&drain(&mut source, 95).await), numbers(5..100));
}

#[tokio::test]
async fn pings_go_on_while_the_engine_is_busy() {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    let mut source = builder(&format!("mqtt://{}", tap.address()))
        .topic("plant/#", Qos::AtLeastOnce)
        .keep_alive(Duration::from_secs(1))
        .build()
        .unwrap();
    known(&mut source).await;
    // PINGREQ, and nobody asks the source for anything. The broker gives a client up after one and a half times.
    within(tap.heard(12, 5)).await;
    publish(&broker, 1, 0..1).await;
    read(&mut source, 1).await;
    assert_eq!(source.watch().status().connections, 1);
}

#[tokio::test]
async fn messages_of_qos_0_that_were_not_committed_are_given_again_from_memory() {
    let Some(broker) = mosquitto() else { return };
    let mut source = source(&broker, Qos::AtLeastOnce);
    known(&mut source).await;
    publish(&broker, 0, 0..5).await;
    assert_eq!(texts(&read(&mut source, 5).await.0), numbers(0..5));
    source.seek(None).await.unwrap();
    let (found, position) = read(&mut source, 5).await;
    assert_eq!(texts(&found), numbers(0..5));
    let position = position.unwrap();
    source.commit(&position).await.unwrap();
    source.seek(Some(&position)).await.unwrap();
    assert!(matches!(within(source.next_batch()).await.unwrap(), Next::Idle(_)));
}
