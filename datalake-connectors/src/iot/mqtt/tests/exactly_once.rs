use super::*;

/// A process that is killed at a point, and one that goes on after the position.
async fn killed(kind: u8, kills: u32) {
    let Some(broker) = mosquitto() else { return };
    let tap = tap(&broker).await;
    let mut found = Vec::new();
    let mut position: Option<Position> = None;
    let mut first = tapped(&tap, Qos::ExactlyOnce).await;
    known(&mut first).await;
    first.close().await.unwrap();
    for n in 0..kills {
        publish(&broker, 2, 5 * n..5 * n + 5).await;
        let mut source = tapped(&tap, Qos::ExactlyOnce).await;
        source.seek(position.as_ref()).await.unwrap();
        if let Some(position) = &position {
            source.commit(position).await.unwrap();
        }
        tap.cut_before(kind);
        // The connection breaks before the acknowledgement is sent, and with it goes the process.
        while let Ok(next) = within(source.next_batch()).await {
            let Next::Batch(batch) = next else { continue };
            found.extend(batch.documents);
            source.commit(&batch.position).await.unwrap();
            position = Some(batch.position);
        }
    }
    let mut last = tapped(&tap, Qos::ExactlyOnce).await;
    last.seek(position.as_ref()).await.unwrap();
    let left = (5 * kills as usize).saturating_sub(found.len());
    found.extend(drain(&mut last, left).await);
    let counts = counted(&found);
    assert!(counts.len() == 5 * kills as usize && counts.values().all(|times| *times == 1), "{counts:?}");
    assert_eq!(last.watch().status().sessions_lost, 0);
}

#[tokio::test]
async fn a_message_is_there_once_if_the_process_dies_between_commit_and_acknowledgement() {
    killed(5, 8).await;
}

#[tokio::test]
async fn a_message_is_there_once_if_the_process_dies_before_its_packet_id_is_free() {
    killed(7, 8).await;
}
