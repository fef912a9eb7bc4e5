//! Answers that are none, and requests that are dropped.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::server::{Reply, Server};
use super::{at, bodies, builder, error, read};
use crate::web::poll::{Pagination, PollSource};
use datalake_core::codec::Compression;
use datalake_core::{Dataset, ErrorKind, Next, Source as _};

async fn refused(reply: Reply) -> datalake_core::Error {
    let server = Server::start(move |_| reply.clone()).await;
    error(&mut at(&builder(&server.url("/x?key=s3cr3t")).max_body(1000), None).await).await
}

#[tokio::test]
async fn an_answer_cut_short_is_unavailable_and_not_a_page() {
    for reply in [Reply::json("[1,2,3]").cut(2), Reply::json("[1,2,3]").chunked().cut(5)] {
        let found = refused(reply).await;
        assert_eq!(found.kind(), ErrorKind::Unavailable);
        assert!(found.is_retryable() && !found.to_string().contains("s3cr3t"), "{found}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x?key=s3cr3t", listener.local_addr().unwrap());
    drop(listener);
    let found = error(&mut at(&builder(&url), None).await).await;
    assert_eq!(found.kind(), ErrorKind::Unavailable);
    assert!(found.is_retryable() && !format!("{found} {found:?}").contains("s3cr3t"), "{found}");
}

#[tokio::test]
async fn a_silent_server_is_unavailable() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = Server::start(move |_| Reply::json("[1]").gated(&held)).await;
    let source = builder(&server.url("/x")).timeout(Duration::from_millis(50));
    let found = error(&mut at(&source, None).await).await;
    assert!(found.kind() == ErrorKind::Unavailable && found.is_retryable(), "{found}");
}

#[tokio::test]
async fn a_server_that_sends_byte_after_byte_without_end_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::new()).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await.unwrap();
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let source = builder(&url).answer_within(Duration::from_millis(200));
    let found = error(&mut at(&source, None).await).await;
    assert!(found.kind() == ErrorKind::Unavailable && found.is_retryable(), "{found}");
    assert!(found.to_string().contains("takes too long"), "{found}");
    tokio::time::timeout(Duration::from_secs(10), server).await.expect("the connection is closed").unwrap();
}

#[tokio::test]
async fn the_delay_a_server_asks_for_is_in_the_error() {
    for (status, kind) in [(429, ErrorKind::RateLimited), (503, ErrorKind::Unavailable)] {
        let found = refused(Reply::new(status, "").header("retry-after", "17")).await;
        assert_eq!((found.kind(), found.retry_after()), (kind, Some(Duration::from_secs(17))));
    }
}

#[tokio::test]
async fn the_source_does_not_retry_and_goes_on_where_it_was() {
    let count = Arc::new(AtomicUsize::new(0));
    let turn = Arc::clone(&count);
    let server = Server::start(move |seen| {
        match (turn.fetch_add(1, Ordering::SeqCst), seen.number("page").unwrap()) {
            (n, _) if n % 2 == 1 => Reply::new(503, ""),
            (_, 3) => Reply::json("[]"),
            (_, page) => Reply::json(format!("[{page}]")),
        }
    })
    .await;
    let mut source = at(&builder(&server.url("/x")).pagination(Pagination::page("page", 0)), None).await;
    let (mut batches, mut errors) = (Vec::new(), 0);
    loop {
        match source.next_batch().await {
            Ok(Next::Batch(batch)) => batches.push(batch),
            Ok(_) => break,
            Err(_) => errors += 1,
        }
    }
    assert_eq!((bodies(&batches), errors), (vec!["0".into(), "1".into(), "2".into()], 3));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start(|_| Reply::json("[1]")).await;
    let target = other.url("/y?ticket=1");
    let found = refused(Reply::new(302, "").header("location", target)).await;
    assert_eq!(found.kind(), ErrorKind::ConfigInvalid);
    assert!(found.to_string().contains(&format!("target: {})", other.url(""))), "{found}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn an_unexpected_304_is_an_error() {
    assert_eq!(refused(Reply::new(304, "")).await.kind(), ErrorKind::Unexpected);
}

#[tokio::test]
async fn a_page_too_large_is_refused_before_it_fills_memory() {
    for reply in [
        Reply::json("x".repeat(1001)),
        Reply::json("x".repeat(1001)).chunked(),
        Reply::json(gzip(&[b'x'; 1001])).header("content-encoding", "gzip"),
        Reply::json(gzip(&vec![0; 700_000])).header("content-encoding", "gzip"),
    ] {
        assert_eq!(refused(reply).await.kind(), ErrorKind::RecordTooLarge);
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    Compression::Gzip.frame(9, &[Bytes::copy_from_slice(content)]).unwrap().to_vec()
}

#[tokio::test]
async fn a_compressed_answer_is_its_content() {
    let zstd = Compression::Zstd.frame(1, &[Bytes::from_static(b"[1]")]).unwrap().to_vec();
    let mut two = gzip(b"[1,");
    two.write_all(&gzip(b"2]")).unwrap();
    for (coding, body, records) in
        [("gzip", gzip(b"[1]"), vec!["1"]), ("GZIP", two, vec!["1", "2"]), ("zstd", zstd, vec!["1"])]
    {
        let server = Server::start(move |seen| {
            assert_eq!(seen.header("accept-encoding"), Some("gzip, zstd"));
            Reply::json(body.clone()).header("content-encoding", coding)
        })
        .await;
        assert_eq!(read(&builder(&server.url("/x")), None).await.0, records);
    }
    let mut damaged = gzip(b"[1]");
    damaged.truncate(damaged.len() - 4);
    let found = refused(Reply::json(damaged).header("content-encoding", "gzip")).await;
    assert!(found.kind() == ErrorKind::Corrupt && found.is_retryable(), "{found}");
    let found = refused(Reply::json("x").header("content-encoding", "br")).await;
    assert_eq!(found.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_large_page_is_read_like_a_small_one() {
    let small = Server::start(|_| Reply::json("[1,2]").chunked()).await;
    assert_eq!(read(&builder(&small.url("/x")), None).await.0, ["1", "2"]);
    let body = format!("[{}]", vec!["\"some text that is a record\""; 40_000].join(","));
    let server = Server::start(move |_| Reply::json(body.clone())).await;
    assert_eq!(read(&builder(&server.url("/x")), None).await.0.len(), 40_000);
}

#[tokio::test]
async fn a_request_under_way_outlives_a_dropped_read() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = Server::start(move |_| Reply::json("[1]").gated(&held)).await;
    let mut source = at(&builder(&server.url("/x")), None).await;
    for _ in 0..5 {
        let dropped = tokio::time::timeout(Duration::from_millis(10), source.next_batch()).await;
        assert!(dropped.is_err());
    }
    gate.add_permits(100);
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_dropped_wait_for_the_rate_limit_costs_no_request() {
    let server = Server::start(|_| Reply::json("[1]")).await;
    let limit = Duration::from_millis(120);
    let mut source = at(&builder(&server.url("/x")).rate_limit(1, limit), None).await;
    let start = Instant::now();
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    assert!(matches!(source.next_batch().await.unwrap(), Next::Idle(_)));
    let mut dropped = 0;
    while tokio::time::timeout(Duration::from_millis(10), source.next_batch()).await.is_err() {
        dropped += 1;
    }
    assert!(dropped > 0 && start.elapsed() >= limit);
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let url = "http://127.0.0.1:1/x";
    let build = |change: &dyn Fn(super::PollSourceBuilder) -> super::PollSourceBuilder| {
        change(PollSource::builder(Dataset::new("d").unwrap(), url)).build()
    };
    assert!(build(&|b| b).is_ok());
    type Change = fn(super::PollSourceBuilder) -> super::PollSourceBuilder;
    let wrong: [Change; 12] = [
        |b| b.records("items"),
        |b| b.records("/items").format(datalake_core::Format::Ndjson),
        |b| b.pagination(Pagination::next_url("next")),
        |b| b.pagination(Pagination::keyset("limit", 10)),
        |b| b.pagination(Pagination::offset("o", "l", 0)),
        |b| b.pagination(Pagination::page("p", 1).short_page_ends()),
        |b| b.rate_limit(0, Duration::from_secs(1)),
        |b| b.page_cap(0),
        |b| b.max_body(0),
        |b| b.header("a b", "x"),
        |b| b.header("a", "x\r\ny: z"),
        |b| b.trust("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----"),
    ];
    for (n, change) in wrong.iter().enumerate() {
        let found = build(&|b| change(b)).unwrap_err();
        assert_eq!(found.kind(), ErrorKind::ConfigInvalid, "{n}: {found}");
    }
}
