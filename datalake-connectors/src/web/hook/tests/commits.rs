use datalake_core::{ErrorKind, Position};
use serde_json::json;
use tokio::sync::oneshot;

use super::*;
use crate::receive::PAUSE;
use crate::web::hook::SCHEMA;

fn named() -> HookSourceBuilder {
    builder(Verify::nothing()).id_header("x-id")
}

/// One whole exchange with the listener, so that whatever it had to answer before has had its turn.
async fn exchange(to: SocketAddr) {
    assert_eq!(send(to, post("/nothing", &[], "")).await.status, 404);
}

#[tokio::test]
async fn nothing_is_acknowledged_without_a_commit() {
    let mut source = named().commit_timeout(Duration::from_millis(200)).build().await.unwrap();
    let answer = sending(source.local_addr(), &[("x-id", "1")], "{}");
    let read = batch(&mut source).await;
    assert_eq!(read.documents.len(), 1);
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 5"), "{answer:?}");

    let again = sending(source.local_addr(), &[("x-id", "1")], "{}");
    source.commit(&read.position).await.unwrap();
    assert_eq!(again.await.unwrap().status, 200, "the event was committed after all");
}

#[tokio::test]
async fn a_commit_answers_up_to_its_position_and_no_further() {
    let mut source = named().build().await.unwrap();
    let at = source.local_addr();
    let mut sent = Vec::new();
    let mut positions = Vec::new();
    for id in ["1", "2", "3"] {
        sent.push(sending(at, &[("x-id", id)], id));
        positions.push(batch(&mut source).await.position);
    }
    exchange(at).await;
    assert!(sent.iter().all(|answer| !answer.is_finished()));

    source.commit(&positions[1]).await.unwrap();
    for (id, answer) in [("1", sent.remove(0)), ("2", sent.remove(0))] {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status, answer.body), (200, json!({ "id": id }).to_string()));
    }
    exchange(at).await;
    assert!(!sent[0].is_finished());
    source.commit(&positions[1]).await.unwrap();
    source.commit(&positions[0]).await.unwrap();
    exchange(at).await;
    assert!(!sent[0].is_finished());
    source.commit(&positions[2]).await.unwrap();
    assert_eq!(sent.remove(0).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_duplicate_under_way_waits_for_the_same_commit() {
    let mut source = named().build().await.unwrap();
    let at = source.local_addr();
    let first = sending(at, &[("x-id", "1")], "{}");
    let read = batch(&mut source).await;
    let second = sending(at, &[("x-id", "1")], "{}");
    let other = sending(at, &[("x-id", "2")], "{}");
    assert_eq!(batch(&mut source).await.documents[0].id().map(|id| &**id), Some("2"));
    exchange(at).await;
    assert!(!first.is_finished() && !second.is_finished());
    source.commit(&read.position).await.unwrap();
    assert_eq!((first.await.unwrap().status, second.await.unwrap().status), (200, 200));
    assert!(!other.is_finished());
}

#[tokio::test]
async fn a_replay_is_answered_and_makes_no_second_record() {
    let lake = Lake::on(named()).await;
    for _ in 0..3 {
        let answer = lake.post(&[("x-id", "1")], "{}").await;
        assert_eq!((answer.status, &*answer.body), (200, r#"{"id":"1"}"#));
    }
    assert_eq!(lake.documents().len(), 1);
}

#[tokio::test]
async fn an_unsigned_id_on_another_body_keeps_nothing_out() {
    let lake = Lake::on(named()).await;
    for body in ["forged", "true"] {
        assert_eq!(lake.post(&[("x-id", "1")], body).await.status, 200);
    }
    assert_eq!(lake.documents().len(), 2);
}

#[tokio::test]
async fn a_signed_id_names_the_event_whatever_else_changes_in_the_body() {
    use crate::web::hook::Encoding;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let verify = Verify::hmac_sha256("x-sign", "", Encoding::Hex, ["s"]);
    let lake = Lake::on(builder(verify).id_pointer("/event/id")).await;
    for body in [r#"{"event":{"id":5},"attempt":1}"#, r#"{"event":{"id":5},"attempt":2}"#] {
        let mac = Hmac::<sha2::Sha256>::new_from_slice(b"s").unwrap().chain_update(body).finalize();
        let signature: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = lake.post(&[("x-sign", &signature)], body).await;
        assert_eq!((answer.status, &*answer.body), (200, r#"{"id":"5"}"#));
    }
    assert_eq!(lake.documents().len(), 1);
}

#[tokio::test]
async fn equal_events_without_a_name_are_all_kept_under_one_id() {
    let lake = Lake::on(builder(Verify::nothing())).await;
    for _ in 0..2 {
        let answer = lake.post(&[], "abc").await;
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((answer.status, answer.body), (200, json!({ "id": digest }).to_string()));
    }
    assert_eq!(lake.documents().len(), 2);
}

#[tokio::test]
async fn an_event_that_does_not_parse_is_taken_byte_for_byte() {
    let lake = Lake::on(named()).await;
    for (id, body) in [("1", &b"{\"a\":"[..]), ("2", b""), ("3", b"\xff\0\r\n")] {
        assert_eq!(lake.post(&[("x-id", id)], body).await.status, 200);
        assert_eq!(lake.documents().last().unwrap().bytes(), body);
    }
}

#[tokio::test]
async fn a_seek_leaves_waiting_senders_waiting() {
    let mut source = named().build().await.unwrap();
    let answer = sending(source.local_addr(), &[("x-id", "1")], "{}");
    let read = batch(&mut source).await;
    source.seek(None).await.unwrap();
    exchange(source.local_addr()).await;
    assert!(!answer.is_finished());
    source.commit(&read.position).await.unwrap();
    assert_eq!(answer.await.unwrap().status, 200);
    source.seek(Some(&read.position)).await.unwrap();
}

#[tokio::test]
async fn a_position_is_of_this_source_or_refused() {
    let mut source = named().build().await.unwrap();
    let answer = sending(source.local_addr(), &[("x-id", "1")], "{}");
    let read = batch(&mut source).await;
    let earlier = Position::new(SCHEMA, &json!({ "boot": "earlier", "batch": 99 })).unwrap();
    source.seek(Some(&earlier)).await.unwrap();
    source.commit(&earlier).await.unwrap();
    exchange(source.local_addr()).await;
    assert!(!answer.is_finished(), "a position of an earlier life answers nobody");

    let boot = read.position.state()["boot"].clone();
    let ahead = Position::new(SCHEMA, &json!({ "boot": boot, "batch": 2 })).unwrap();
    let foreign = Position::new("web.poll/1", &json!({})).unwrap();
    for position in [ahead, foreign] {
        assert_eq!(source.seek(Some(&position)).await.unwrap_err().kind(), ErrorKind::PositionInvalid);
        assert_eq!(source.commit(&position).await.unwrap_err().kind(), ErrorKind::PositionInvalid);
    }
}

#[tokio::test]
async fn a_dropped_wait_loses_no_event() {
    let mut source = named().build().await.unwrap();
    let at = source.local_addr();
    let (ready, go) = oneshot::channel();
    let sender = tokio::spawn(async move {
        go.await.unwrap();
        send(at, post("/events", &[("x-id", "1")], "{}")).await
    });
    tokio::select! {
        biased;
        _ = source.next_batch() => panic!("nothing was sent yet"),
        () = std::future::ready(()) => {}
    }
    ready.send(()).unwrap();
    let read = batch(&mut source).await;
    source.commit(&read.position).await.unwrap();
    assert_eq!(sender.await.unwrap().status, 200);
}

#[tokio::test]
async fn events_wait_for_the_engine_and_come_together() {
    let mut source = named().queue(3).build().await.unwrap();
    let at = source.local_addr();
    let sent: Vec<_> = ["1", "2", "3"].map(|id| sending(at, &[("x-id", id)], id)).into();
    while source.remaining().bytes != Some(3) {
        tokio::task::yield_now().await;
    }
    let read = batch(&mut source).await;
    assert_eq!(read.documents.len(), 3);
    source.commit(&read.position).await.unwrap();
    for answer in sent {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn it_idles_while_nothing_comes() {
    let mut source = named().build().await.unwrap();
    let next = within(source.next_batch()).await.unwrap();
    assert!(matches!(next, Next::Idle(pause) if pause == PAUSE), "{next:?}");
}

#[tokio::test]
async fn closing_tells_waiting_senders_to_come_again() {
    let mut source = named().queue(2).build().await.unwrap();
    let at = source.local_addr();
    let given = sending(at, &[("x-id", "1")], "{}");
    batch(&mut source).await;
    let waiting = sending(at, &[("x-id", "2")], "{}");
    while source.remaining().bytes != Some(2) {
        tokio::task::yield_now().await;
    }
    within(source.close()).await.unwrap();
    for answer in [given, waiting] {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 503);
        assert!(answer.head.contains("retry-after"), "{answer:?}");
    }
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
    source.close().await.unwrap();
}

#[tokio::test]
async fn dropping_it_tells_waiting_senders_to_come_again() {
    let mut source = named().build().await.unwrap();
    let answer = sending(source.local_addr(), &[("x-id", "1")], "{}");
    batch(&mut source).await;
    drop(source);
    assert_eq!(answer.await.unwrap().status, 503);
}

#[tokio::test]
async fn an_open_connection_does_not_hold_up_closing() {
    let mut source = named().build().await.unwrap();
    let mut idle = TcpStream::connect(source.local_addr()).await.unwrap();
    exchange(source.local_addr()).await;
    within(source.close()).await.unwrap();
    let mut rest = Vec::new();
    within(idle.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
}
