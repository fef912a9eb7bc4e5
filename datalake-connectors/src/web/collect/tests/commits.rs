use super::*;

#[tokio::test]
async fn trackers_are_answered_in_their_way_after_the_commit() {
    let mut source = builder().build().await.unwrap();
    let at = source.local_addr();
    let sent = [sending(at, TP2, tp2(&["a"])), sending(at, "/v1/batch", segment(&["b"]))];
    let picture = tokio::spawn(async move { ask(at, "GET", "/i?e=pv&eid=c", &[], b"").await });
    let (mut documents, mut last) = (0, None);
    while documents < 3 {
        let read = batch(&mut source).await;
        documents += read.documents.len();
        last = Some(read.position);
    }
    assert_eq!(ask(at, "GET", "/nothing", &[], b"").await.status, 404);
    assert!(sent.iter().all(|answer| !answer.is_finished()) && !picture.is_finished());
    source.commit(&last.unwrap()).await.unwrap();
    let mut answers = Vec::new();
    for answer in sent.into_iter().chain([picture]) {
        answers.push(answer.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(answers[0].body, b"ok");
    assert_eq!(answers[1].body, br#"{"success":true}"#);
    assert_eq!(answers[2].header("content-type"), Some("image/gif"));
    assert!(answers[2].body.starts_with(b"GIF89a") && answers[2].body.ends_with(b";"));
}

#[tokio::test]
async fn a_tracker_whose_events_are_not_committed_is_told_to_come_again() {
    let mut source = builder().commit_timeout(Duration::from_millis(200)).build().await.unwrap();
    let at = source.local_addr();
    let answer = sending(at, TP2, tp2(&["a"]));
    let read = batch(&mut source).await;
    let answer = answer.await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    let again = sending(at, TP2, tp2(&["a"]));
    source.commit(&read.position).await.unwrap();
    assert_eq!(again.await.unwrap().status, 200, "the same request waits for the same commit");
}

#[tokio::test]
async fn a_full_collector_says_when_to_come_again() {
    let mut source = builder().queue(1).build().await.unwrap();
    let at = source.local_addr();
    let first = sending(at, TP2, tp2(&["a"]));
    let read = batch(&mut source).await;
    let refused = sending(at, TP2, tp2(&["b"])).await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    source.commit(&read.position).await.unwrap();
    assert_eq!(first.await.unwrap().status, 200);
}

#[tokio::test]
async fn bodies_are_kept_byte_for_byte_under_the_ids_of_their_events() {
    let lake = Lake::on(builder()).await;
    let odd =
        "\n{\"data\" : [ {\"eid\":\"1\",\"e\":\"pv\"} ,\r\n{\"e\":\"pp\",\"eid\":\"2\"}],\"schema\":\"s\"}\t";
    let one = r#"{"messageId":"m","event":"Clicked","n":1.50}"#;
    let nameless = r#"{"batch":[{"messageId":"x"},null,{"type":"track"}]}"#;
    for (path, body) in [(TP2, odd), ("/v1/t", one), ("/v1/b", nameless)] {
        assert_eq!(lake.post(path, &[], body).await.status, 200, "{body}");
    }
    lake.get("/i?eid=q&e=pv&page=a+b%20c", &[]).await;
    let digest = datalake_core::Sha256::of(nameless.as_bytes()).to_string();
    let kept: Vec<_> = lake
        .documents()
        .iter()
        .map(|document| {
            let text = String::from_utf8(document.bytes().to_vec()).unwrap();
            (document.locator().to_string(), text, document.id().unwrap().to_string())
        })
        .collect();
    let expected = [
        (TP2, odd, "1+1"),
        ("/v1/t", one, "m"),
        ("/v1/b", nameless, &*digest),
        ("/i", "eid=q&e=pv&page=a+b%20c", "q"),
    ];
    assert_eq!(kept, expected.map(|(path, body, id)| (path.to_owned(), body.to_owned(), id.to_owned())));
}

#[tokio::test]
async fn a_request_that_comes_again_makes_no_second_record_and_another_does() {
    let lake = Lake::on(builder()).await;
    for body in [tp2(&["a", "b"]), tp2(&["a", "b"]), tp2(&["a", "b", "c"])] {
        assert_eq!(lake.post(TP2, &[], body).await.status, 200);
    }
    assert_eq!(lake.documents().len(), 2);
    for _ in 0..2 {
        lake.get("/i?e=pv", &[]).await;
        lake.get("/i?e=pv&eid=1", &[]).await;
    }
    assert_eq!(lake.documents().len(), 2 + 3, "an event without an id may be true each time");
}
