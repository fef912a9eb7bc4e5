use super::*;

fn spooled(broker: &Running, folder: &std::path::Path, qos: Qos) -> MqttSource {
    builder(&broker.url()).topic("plant/#", qos).spool(folder, 1 << 20).build().unwrap()
}

#[tokio::test]
async fn the_broker_has_its_answer_before_the_lake_has_the_message() {
    let Some(broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut first = builder(&broker.url())
        .topic("plant/#", Qos::AtLeastOnce)
        .window(4)
        .spool(folder.path(), 1 << 20)
        .build()
        .unwrap();
    known(&mut first).await;
    // Far more than the window, and no commit.
    publish(&broker, 1, 0..300).await;
    let (found, _) = read(&mut first, 300).await;
    assert_eq!(texts(&found), numbers(0..300));
    drop(first);
    drop(broker);

    // The broker is gone, and what it had is in the spool.
    let nobody = "mqtt://127.0.0.1:1";
    let mut second =
        builder(nobody).topic("plant/#", Qos::AtLeastOnce).spool(folder.path(), 1 << 20).build().unwrap();
    second.seek(None).await.unwrap();
    let (again, _) = read(&mut second, 300).await;
    assert_eq!(texts(&again), numbers(0..300));
    let names =
        |documents: &[Document]| documents.iter().map(|document| document.id().cloned()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&again), "what is read again has the same names");
}

#[tokio::test]
async fn a_message_of_qos_2_is_in_the_spool_once_however_its_writer_dies() {
    let Some(broker) = mosquitto() else { return };
    let (folder, tap) = (tempfile::tempdir().unwrap(), tap(&broker).await);
    let open = || {
        builder(&format!("mqtt://{}", tap.address()))
            .topic("plant/#", Qos::ExactlyOnce)
            .spool(folder.path(), 1 << 20)
            .build()
            .unwrap()
    };
    known(&mut open()).await;
    let (mut found, mut position) = (Vec::new(), None);
    for n in 0..10 {
        publish(&broker, 2, 5 * n..5 * n + 5).await;
        let mut source = open();
        tap.cut_before(if n % 2 == 0 { 5 } else { 7 });
        source.seek(position.as_ref()).await.unwrap();
        while let Ok(next) = within(source.next_batch()).await {
            let Next::Batch(batch) = next else { break };
            found.extend(batch.documents);
            source.commit(&batch.position).await.unwrap();
            position = Some(batch.position);
        }
    }
    let mut last = open();
    last.seek(position.as_ref()).await.unwrap();
    let left = 50_usize.saturating_sub(found.len());
    found.extend(drain(&mut last, left).await);
    let counts = counted(&found);
    assert!(counts.len() == 50 && counts.values().all(|times| *times == 1), "{counts:?}");
}

#[tokio::test]
async fn a_full_spool_takes_no_more_until_the_lake_has_what_it_holds() {
    let Some(broker) = mosquitto() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut source = spooled(&broker, folder.path(), Qos::AtLeastOnce);
    known(&mut source).await;
    let mut device = Publisher::new(broker.address(), "device");
    for n in 0..48 {
        let payload = format!("{n:02}").repeat(32 << 10);
        device.publish(Message::new("plant/a", payload)).await.unwrap();
    }
    device.close().await.unwrap();
    let (mut found, mut position) = (Vec::new(), None);
    while let Next::Batch(batch) = within(source.next_batch()).await.unwrap() {
        found.extend(batch.documents);
        position = Some(batch.position);
    }
    let size = |found: &[Document]| found.iter().map(Document::len).sum::<usize>();
    assert!(size(&found) >= 1 << 20 && found.len() < 48, "{} are in the spool", found.len());
    source.commit(&position.unwrap()).await.unwrap();
    while found.len() < 48 {
        let batch = batch(&mut source).await;
        found.extend(batch.documents);
        source.commit(&batch.position).await.unwrap();
    }
    assert_eq!(counted(&found).len(), 48);
}
