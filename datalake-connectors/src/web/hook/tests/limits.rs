use bytes::Bytes;
use datalake_core::ErrorKind;
use datalake_core::codec::Compression;

use super::*;

fn open() -> HookSourceBuilder {
    builder(Verify::nothing()).id_header("x-id").max_body(1000)
}

#[tokio::test]
async fn a_body_of_the_limit_passes_and_a_byte_more_does_not() {
    let lake = Lake::on(open()).await;
    assert_eq!(lake.post(&[], "x".repeat(1000)).await.status, 200);
    assert_eq!(lake.post(&[], "x".repeat(1001)).await.status, 413);
    assert_eq!(lake.documents().len(), 1);
}

#[tokio::test]
async fn a_body_that_declares_too_much_is_not_waited_for() {
    let lake = Lake::on(open()).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    let head = b"POST /events HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = [0; 12];
    within(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_that_declares_nothing_is_cut_off_while_it_streams() {
    let lake = Lake::on(open()).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    let head = b"POST /events HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    for _ in 0..3 {
        stream.write_all(format!("190\r\n{}\r\n", "x".repeat(400)).as_bytes()).await.unwrap();
    }
    let mut answer = [0; 12];
    within(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert!(lake.documents().is_empty());
}

#[tokio::test]
async fn a_body_that_ends_before_its_declared_length_is_no_event() {
    let lake = Lake::on(open()).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    stream.write_all(b"POST /events HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{}").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 2"));
    assert!(lake.documents().is_empty());
}

#[tokio::test]
async fn a_large_refused_body_still_gets_its_answer() {
    let lake = Lake::on(open()).await;
    assert_eq!(lake.post(&[], "x".repeat(3 << 20)).await.status, 413);
}

#[tokio::test]
async fn a_small_body_that_expands_too_far_is_too_large() {
    let lake = Lake::on(open()).await;
    for (coding, codec) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let body = |bytes| codec.frame(3, &[Bytes::from(vec![b' '; bytes])]).unwrap();
        assert_eq!(lake.post(&[("content-encoding", coding)], body(1000)).await.status, 200);
        assert_eq!(lake.post(&[("content-encoding", coding)], body(1001)).await.status, 413);
    }
    for coding in ["br", "gzip, gzip"] {
        let answer = lake.post(&[("content-encoding", coding)], "x").await;
        assert_eq!(answer.status, 415);
        assert!(answer.head.contains("accept-encoding: gzip, zstd"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_slow_body_is_cut_off() {
    let lake = Lake::on(open().read_timeout(Duration::from_millis(100))).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    let head = b"POST /events HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head).await.unwrap();
    assert_eq!(read(&mut stream).await.status, 408);
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let lake = Lake::on(open().read_timeout(Duration::from_millis(100))).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    stream.write_all(b"POST /events HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let lake = Lake::on(open()).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    let head = post("/events", &[("x-long", &"x".repeat(32 << 10))], "");
    stream.write_all(&head).await.unwrap();
    let mut answer = [0; 12];
    within(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
    assert!(lake.documents().is_empty());
}

#[tokio::test]
async fn a_full_queue_asks_senders_to_wait_and_serves_them_later() {
    let mut source = open().queue(2).build().await.unwrap();
    let at = source.local_addr();
    let first = sending(at, &[("x-id", "1")], "{}");
    let read = batch(&mut source).await;
    let second = sending(at, &[("x-id", "2")], "{}");
    while source.remaining().bytes != Some(2) {
        tokio::task::yield_now().await;
    }
    let refused = sending(at, &[("x-id", "3")], "{}").await.unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("retry-after: 5"), "{refused:?}");

    source.commit(&read.position).await.unwrap();
    assert_eq!(first.await.unwrap().status, 200);
    let third = sending(at, &[("x-id", "3")], "{}");
    while source.remaining().bytes != Some(4) {
        tokio::task::yield_now().await;
    }
    let read = batch(&mut source).await;
    source.commit(&read.position).await.unwrap();
    assert_eq!((second.await.unwrap().status, third.await.unwrap().status), (200, 200));
}

#[tokio::test]
async fn bytes_under_way_are_bounded() {
    let mut source = open().queue_bytes(1000).build().await.unwrap();
    let at = source.local_addr();
    let first = sending(at, &[("x-id", "1")], &"x".repeat(600));
    let read = batch(&mut source).await;
    assert_eq!(sending(at, &[("x-id", "2")], &"x".repeat(600)).await.unwrap().status, 503);
    source.commit(&read.position).await.unwrap();
    assert_eq!(first.await.unwrap().status, 200);
    let second = sending(at, &[("x-id", "2")], &"x".repeat(600));
    let read = batch(&mut source).await;
    source.commit(&read.position).await.unwrap();
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_their_turn() {
    let lake = Lake::on(open().connections(1).read_timeout(Duration::from_millis(100))).await;
    let _idle = TcpStream::connect(lake.at).await.unwrap();
    assert_eq!(lake.post(&[], "{}").await.status, 200);
}

#[tokio::test]
async fn only_posts_to_its_paths_are_events() {
    let lake = Lake::on(open().path("/more").health("/healthz")).await;
    for (request, status) in [
        (&b"GET /healthz"[..], 200),
        (b"POST /healthz", 404),
        (b"GET /events", 405),
        (b"PUT /more", 405),
        (b"POST /", 404),
        (b"POST /events/", 404),
        (b"POST /events/../more", 404),
    ] {
        let mut request = request.to_vec();
        request.extend_from_slice(b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        let answer = send(lake.at, request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.head.contains("allow: post"), status == 405);
    }
    assert!(lake.documents().is_empty());
    assert_eq!(send(lake.at, post("/more?token=x", &[], "{}")).await.status, 200);
    assert_eq!(&**lake.documents()[0].locator(), "/more", "a query is not kept");
}

#[tokio::test]
async fn one_connection_carries_event_after_event() {
    let lake = Lake::on(open()).await;
    let mut stream = TcpStream::connect(lake.at).await.unwrap();
    for id in ["1", "2"] {
        let request =
            format!("POST /events HTTP/1.1\r\nhost: h\r\nx-id: {id}\r\ncontent-length: 2\r\n\r\n{{}}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(format!(r#"{{"id":"{id}"}}"#).as_bytes()) {
            assert_ne!(within(stream.read_buf(&mut answer)).await.unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_wrong_setting_is_refused() {
    let none = HookSource::builder(Dataset::new("d").unwrap(), ([127, 0, 0, 1], 0).into());
    let taken = open().build().await.unwrap();
    let same = HookSource::builder(Dataset::new("d").unwrap(), taken.local_addr());
    for builder in [
        none.clone().verify(Verify::nothing()),
        none.path("/"),
        same.path("/").verify(Verify::nothing()),
        open().path("events"),
        open().path("/a?b"),
        open().health("/events"),
        open().id_pointer("id"),
        open().id_header("x id"),
        open().type_header("é"),
        open().queue(0),
        open().max_body(0),
        open().queue_bytes(999),
        open().connections(0),
        open().commit_within(Duration::from_secs(25)),
        open().remember(Duration::from_secs(359)),
    ] {
        let error = builder.build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
        assert!(error.to_string().starts_with("web.hook: "), "{error}");
    }
}

#[tokio::test]
async fn it_says_what_the_engine_must_know() {
    let source = open().queue(7).build().await.unwrap();
    let info = source.info();
    assert!(!info.can_seek && info.wants_commit);
    assert_eq!((info.window, &*info.system), (Some(7), "web.hook"));
    assert_eq!(info.locator, format!("http://{}/events", source.local_addr()));
    assert_eq!(info.config["verify"], "nothing");
}
