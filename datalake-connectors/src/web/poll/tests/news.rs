//! What is new, and what is not given again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::server::{Reply, Server};
use super::{at, bodies, builder, drain, read};
use crate::web::poll::{Pagination, Window};
use datalake_core::{Format, Next, Source as _};

/// A server whose one answer can be changed.
async fn board(reply: Reply) -> (Server, Arc<Mutex<Reply>>) {
    let board = Arc::new(Mutex::new(reply));
    let shown = Arc::clone(&board);
    (Server::start(move |_| shown.lock().unwrap().clone()).await, board)
}

#[tokio::test]
async fn an_answer_that_has_not_changed_is_asked_for_once() {
    let server = Server::start(|seen| match seen.header("if-none-match") {
        Some("W/\"7\"") => Reply::new(304, ""),
        _ => Reply::json("[1,2]")
            .header("etag", "W/\"7\"")
            .header("last-modified", "Wed, 03 Jan 2024 02:49:00 GMT")
            .header("x-request-id", "r-1"),
    })
    .await;
    let source = builder(&server.url("/x?key=1"));
    let batches = drain(&mut at(&source, None).await).await.unwrap();
    assert_eq!(bodies(&batches), ["1", "2"]);
    let request = &batches[0].requests[0];
    assert_eq!(
        (request.id.as_deref(), request.status, request.etag.as_deref()),
        (Some("r-1"), Some(200), Some("W/\"7\""))
    );
    assert_eq!(request.last_modified.as_deref(), Some("Wed, 03 Jan 2024 02:49:00 GMT"));
    assert_eq!(request.locator.as_deref(), Some(server.url("/x").as_str()));
    let mut again = at(&source, Some(&batches[0].position)).await;
    for _ in 0..3 {
        assert!(matches!(again.next_batch().await.unwrap(), Next::Idle(_)));
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[3].header("if-modified-since"), Some("Wed, 03 Jan 2024 02:49:00 GMT"));
    let other = builder(&server.url("/x?key=2"));
    drain(&mut at(&other, Some(&batches[0].position)).await).await.unwrap();
    assert_eq!(server.seen()[4].header("if-none-match"), None, "validators belong to one request");
}

#[tokio::test]
async fn the_same_bytes_are_no_news_and_other_bytes_are() {
    let (server, board) = board(Reply::json("[1]")).await;
    let source = builder(&server.url("/x"));
    let (found, first) = read(&source, None).await;
    assert_eq!(found, ["1"]);
    assert_eq!(read(&source, first.as_ref()).await, (vec![], first.clone()));
    *board.lock().unwrap() = Reply::json("[2]");
    let (found, second) = read(&source, first.as_ref()).await;
    assert_eq!(found, ["2"]);
    *board.lock().unwrap() = Reply::json("[1]");
    assert_eq!(read(&source, second.as_ref()).await.0, ["1"], "what comes back is news again");
}

#[tokio::test]
async fn what_surrounds_the_records_is_no_news() {
    let (server, board) = board(Reply::json(r#"{"at":"noon","items":[1,2]}"#)).await;
    let source = builder(&server.url("/x")).records("/items");
    let (_, position) = read(&source, None).await;
    *board.lock().unwrap() = Reply::json(r#"{"at":"one","items":[1,2]}"#);
    assert_eq!(read(&source, position.as_ref()).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn only_the_pages_that_changed_are_given_again() {
    let pages = Arc::new(Mutex::new(vec!["[1]", "[2]", "[3]"]));
    let shown = Arc::clone(&pages);
    let server = Server::start(move |seen| {
        let page = seen.number("page").unwrap();
        Reply::json(shown.lock().unwrap().get(page).copied().unwrap_or("[]"))
    })
    .await;
    let source = builder(&server.url("/x")).pagination(Pagination::page("page", 0));
    let (found, position) = read(&source, None).await;
    assert_eq!(found, ["1", "2", "3"]);
    *pages.lock().unwrap() = vec!["[1]", "[2,2]", "[3]", "[4]"];
    let (found, position) = read(&source, position.as_ref()).await;
    assert_eq!(found, ["2", "2", "4"]);
    assert_eq!(read(&source, position.as_ref()).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_window_that_has_not_changed_leads_on_to_the_next() {
    let server = Server::start(|seen| {
        let etag = format!("\"{}\"", seen.target);
        match seen.header("if-none-match") {
            Some(known) if known == etag => Reply::new(304, ""),
            _ => Reply::json(format!("[\"{}\"]", seen.query("from").unwrap())).header("etag", etag),
        }
    })
    .await;
    let day = Duration::from_secs(24 * 60 * 60);
    let yesterday = chrono::Utc::now() - day;
    let window = Window::days("from", "to", yesterday).span(day).again(Duration::ZERO);
    let source = builder(&server.url("/x")).window(window);
    let Next::Batch(batch) = at(&source, None).await.next_batch().await.unwrap() else { panic!("no batch") };
    // What a cycle of yesterday ended with.
    let mut position = serde_json::to_value(&batch.position).unwrap();
    let state = position["state"].as_object_mut().unwrap();
    assert!(state.remove("next").is_some() && state.remove("span").is_some());
    state.insert("reached".into(), yesterday.to_rfc3339().into());
    let (found, _) = read(&source, Some(&serde_json::from_value(position).unwrap())).await;
    let date = |at: chrono::DateTime<chrono::Utc>| format!("\"{}\"", at.format("%Y-%m-%d"));
    assert_eq!(found, [date(yesterday), date(yesterday + day)]);
}

#[tokio::test]
async fn a_drained_source_idles_once_and_then_polls_again() {
    let (server, board) = board(Reply::json("[1]")).await;
    let mut source = builder(&server.url("/x")).poll_every(Duration::from_secs(7)).build().unwrap();
    source.seek(None).await.unwrap();
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    for requests in [1, 2, 3] {
        assert!(
            matches!(source.next_batch().await.unwrap(), Next::Idle(wait) if wait == Duration::from_secs(7))
        );
        assert_eq!(server.seen().len(), requests);
    }
    *board.lock().unwrap() = Reply::json("[2]");
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
}

#[tokio::test]
async fn documents_are_the_bytes_of_the_server() {
    for (content_type, body, records) in [
        ("application/json", "\u{feff}[ {\"a\": 0.30},\r\n 2 ]\n", vec!["{\"a\": 0.30}", "2"]),
        ("application/vnd.x+json; charset=utf-8", "{\"a\":1}", vec!["{\"a\":1}"]),
        ("application/x-ndjson", "1\n\n2", vec!["1", "2"]),
        ("text/csv", "a;b\r\n1;2\r\n", vec![r#"{"a":"1","b":"2"}"#]),
        ("application/xml", "<a/>", vec!["<a/>"]),
        ("text/plain", "x\ny", vec!["x\ny"]),
    ] {
        let (server, _) = board(Reply::new(200, body).header("content-type", content_type)).await;
        let batches = drain(&mut at(&builder(&server.url("/x")), None).await).await.unwrap();
        assert_eq!(batches[0].documents[0].bytes(), body.as_bytes(), "{content_type}");
        assert_eq!(bodies(&batches), records, "{content_type}");
    }
    let (server, _) = board(Reply::new(200, [0xff, 0, b'\n', 7])).await;
    let source = builder(&server.url("/x")).format(Format::Lines);
    let batches = drain(&mut at(&source, None).await).await.unwrap();
    assert_eq!(&batches[0].documents[0].bytes()[..], [0xff, 0, b'\n', 7]);
}
