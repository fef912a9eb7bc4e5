//! From page to page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::server::{Reply, Seen, Server};
use super::{at, bodies, builder, drain, error, read};
use crate::web::poll::{Pagination, PollSourceBuilder};
use datalake_core::{ErrorKind, Next, Position, Source as _};

fn items(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("{{\"n\":{n}}}")).collect::<Vec<_>>().join(",")
}

pub(super) fn expected(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"n\":{n}}}")).collect()
}

/// Page `n` of seven records, three a page.
pub(super) fn page(n: usize) -> String {
    items((n * 3).min(7)..(n * 3 + 3).min(7))
}

/// A server that knows every way to page.
async fn shop() -> Server {
    Server::start(|seen| match seen.path() {
        "/header" => {
            let n = seen.number("p").unwrap_or(0);
            let reply = Reply::json(format!("[{}]", page(n)));
            let link = format!("</first>; rel=\"first\", <header?p={}>; rel=\"next last\"", n + 1);
            if n < 2 { reply.header("link", link) } else { reply }
        }
        "/body" => {
            let n = seen.number("p").unwrap_or(0);
            let next = if n < 2 { format!("\"http://elsewhere:1/body?p={}\"", n + 1) } else { "null".into() };
            Reply::json(format!(r#"{{"links":{{"next":{next}}},"items":[{}]}}"#, page(n)))
        }
        "/cursor" => {
            let n = seen.number("after").unwrap_or(0);
            let more = n < 2;
            let next = if more { n + 1 } else { 2 };
            Reply::json(format!(r#"{{"after":{next},"more":{more},"items":[{}]}}"#, page(n)))
        }
        "/offset" => {
            let (offset, limit) = (seen.number("offset").unwrap(), seen.number("limit").unwrap());
            let end = (offset + limit.min(2)).min(7);
            if offset > 7 || (offset == 7 && seen.query("strict").is_some()) {
                return Reply::new(416, "");
            }
            Reply::json(format!(r#"{{"total":7,"items":[{}]}}"#, items(offset..end)))
        }
        "/page" => {
            Reply::json(format!(r#"{{"pages":3,"items":[{}]}}"#, page(seen.number("page").unwrap() - 1)))
        }
        _ => Reply::new(404, ""),
    })
    .await
}

fn styles(server: &Server) -> Vec<(&'static str, PollSourceBuilder, usize)> {
    let poll = |path: &str, pagination| builder(&server.url(path)).pagination(pagination);
    let page = || Pagination::page("page", 1);
    let offset = || Pagination::offset("offset", "limit", 5);
    vec![
        ("link header", poll("/header", Pagination::link_header()), 3),
        ("next url", poll("/body", Pagination::next_url("/links/next")).records("/items"), 3),
        (
            "cursor and flag",
            poll("/cursor", Pagination::cursor("/after", "after").while_true("/more")).records("/items"),
            3,
        ),
        ("offset", poll("/offset", offset()).records("/items"), 5),
        ("offset with total", poll("/offset", offset().total("/total")).records("/items"), 4),
        ("offset until 416", poll("/offset?strict=1", offset()).records("/items"), 5),
        ("page", poll("/page", page()).records("/items"), 4),
        ("page with total", poll("/page", page().total("/pages")).records("/items"), 3),
        ("page until short", poll("/page", page().size("size", 3).short_page_ends()).records("/items"), 3),
    ]
}

#[tokio::test]
async fn every_style_reads_every_record_once() {
    for n in 0..styles(&shop().await).len() {
        let server = shop().await;
        let (name, builder, requests) = styles(&server).swap_remove(n);
        assert_eq!(read(&builder, None).await.0, expected(7), "{name}");
        assert_eq!(server.seen().len(), requests, "{name}");
    }
}

#[tokio::test]
async fn every_style_goes_on_where_it_stopped_and_has_nothing_twice() {
    let server = shop().await;
    for (name, builder, _) in styles(&server) {
        let batches = drain(&mut at(&builder, None).await).await.unwrap();
        for n in 0..batches.len() {
            let position = &batches[n].position;
            let text = serde_json::to_string(position).unwrap();
            let position: Position = serde_json::from_str(&text).unwrap();
            let (rest, end) = read(&builder, Some(&position)).await;
            assert_eq!(rest, bodies(&batches[n + 1..]), "{name} after {position}");
            let (again, _) = read(&builder, end.as_ref()).await;
            assert_eq!(again, Vec::<String>::new(), "{name}: a second cycle has no news");
        }
    }
}

#[tokio::test]
async fn a_numbered_page_is_named_by_its_number() {
    let server = shop().await;
    let builder =
        builder(&server.url("/page?key=1")).records("/items").pagination(Pagination::page("page", 1));
    let batches = drain(&mut at(&builder, None).await).await.unwrap();
    assert_eq!(&**batches[1].documents[0].locator(), server.url("/page?page=2"));
}

#[tokio::test]
async fn an_empty_page_with_a_next_link_is_no_end() {
    let server = Server::start(|seen| match seen.number("p").unwrap_or(0) {
        0 => Reply::json(r#"{"next":"?p=1","items":[]}"#),
        1 => Reply::json(r#"{"next":"?p=2","items":null}"#),
        2 => Reply::new(204, "").header("link", "<?p=3>; rel=next"),
        _ => Reply::json(r#"{"next":"","items":[{"n":0}]}"#),
    })
    .await;
    let url = server.url("/x?a=1");
    let source = builder(&url).records("/items").pagination(Pagination::next_url("/next"));
    // Nobody says an end in the body without a body, and the rest of a list would be missed.
    let found = error(&mut at(&source, None).await).await;
    assert!(found.kind() == ErrorKind::Unavailable && found.is_retryable(), "{found}");
    assert_eq!(server.targets(), ["/x?a=1", "/x?p=1", "/x?p=2"]);
    let source = builder(&server.url("/x?p=2")).records("/items").pagination(Pagination::link_header());
    assert_eq!(read(&source, None).await.0, expected(1));
}

#[tokio::test]
async fn a_cursor_that_stays_on_an_empty_last_page_is_the_end() {
    let server = Server::start(|seen| match seen.number("after").unwrap_or(0) {
        0 => Reply::json(format!(r#"{{"after":"7","items":[{}]}}"#, items(0..7))),
        _ => Reply::json(r#"{"after":"7","items":[]}"#),
    })
    .await;
    let source =
        builder(&server.url("/x")).records("/items").pagination(Pagination::cursor("/after", "after"));
    assert_eq!(read(&source, None).await.0, expected(7));
}

#[tokio::test]
async fn a_walk_in_circles_is_an_error() {
    let server = Server::start(|seen| {
        let n = seen.number("p").unwrap_or(0);
        Reply::json(format!(r#"{{"next":"?p={}","c":"x","items":[{}]}}"#, n % 3 + 1, items(n..n + 1)))
    })
    .await;
    let poll = |pagination| builder(&server.url("/x?p=1")).records("/items").pagination(pagination);
    let mut source = at(&poll(Pagination::next_url("/next")), None).await;
    for _ in 0..2 {
        assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    }
    let found = source.next_batch().await.unwrap_err();
    assert!(found.to_string().contains("leads back") && !found.is_retryable(), "{found}");
    assert!(error(&mut source).await.to_string().contains("leads back"), "again, from the same place");
    let found = error(&mut at(&poll(Pagination::cursor("/c", "c")), None).await).await;
    assert!(found.to_string().contains("leads back"), "{found}");
    let found = error(&mut at(&poll(Pagination::page("page", 1)), None).await).await;
    assert!(found.to_string().contains("are the same"), "{found}");
    let found = error(&mut at(&poll(Pagination::offset("o", "l", 5)), None).await).await;
    assert!(found.to_string().contains("are the same"), "{found}");
}

#[tokio::test]
async fn more_pages_than_the_cap_are_an_error_and_not_an_end() {
    let server = Server::start(|seen| {
        let n = seen.number("page").unwrap();
        Reply::json(format!("[{}]", items(n..n + 1)))
    })
    .await;
    let source = builder(&server.url("/x")).pagination(Pagination::page("page", 0)).page_cap(5);
    let found = error(&mut at(&source, None).await).await;
    assert!(found.to_string().contains("page_cap: 5"), "{found}");
}

#[tokio::test]
async fn a_page_the_server_has_forgotten_begins_the_cycle_again() {
    for status in [400, 404, 410] {
        let forgotten = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&forgotten);
        let server = Server::start(move |seen: &Seen| {
            match (seen.query("c").as_deref(), flag.load(Ordering::SeqCst)) {
                (None, _) => Reply::json(format!(
                    r#"{{"c":"old{}","items":[{}]}}"#,
                    flag.load(Ordering::SeqCst),
                    items(0..2)
                )),
                (Some("oldfalse"), true) => Reply::new(status, ""),
                _ => Reply::json(format!(r#"{{"items":[{}]}}"#, items(2..4))),
            }
        })
        .await;
        let source = builder(&server.url("/x")).records("/items").pagination(Pagination::cursor("/c", "c"));
        let mut first = at(&source, None).await;
        let Next::Batch(batch) = first.next_batch().await.unwrap() else { panic!("no batch") };
        forgotten.store(true, Ordering::SeqCst);
        let (rest, _) = read(&source, Some(&batch.position)).await;
        assert_eq!(rest, expected(4)[2..], "{status}: the first page has not changed and is no news");
        let found = error(&mut first).await;
        assert!(!found.is_retryable(), "{status}: in the same walk it is an error: {found}");
    }
}

#[tokio::test]
async fn a_position_of_another_path_is_refused_and_of_another_host_is_not() {
    let (one, two) = (shop().await, shop().await);
    let poll = |url: String| builder(&url).pagination(Pagination::link_header());
    let mut source = at(&poll(one.url("/header")), None).await;
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("no batch") };
    let (rest, _) = read(&poll(two.url("/header")), Some(&batch.position)).await;
    assert_eq!(rest, expected(7)[3..]);
    let mut other = poll(one.url("/other")).build().unwrap();
    assert_eq!(other.seek(Some(&batch.position)).await.unwrap_err().kind(), ErrorKind::PositionInvalid);
}

#[tokio::test]
async fn a_position_of_another_pagination_begins_the_cycle_again() {
    let server = shop().await;
    let mut source = at(&builder(&server.url("/header")).pagination(Pagination::link_header()), None).await;
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("no batch") };
    let single = builder(&server.url("/header"));
    let (found, end) = read(&single, Some(&batch.position)).await;
    assert_eq!(found, Vec::<String>::new(), "the page is known");
    assert_ne!(end.as_ref(), Some(&batch.position), "the position moves on all the same");
}

#[tokio::test]
async fn many_pages_that_are_no_news_still_move_the_position() {
    let server = Server::start(|seen| {
        let n = seen.number("page").unwrap();
        Reply::json(if n < 120 { format!("[{}]", items(n..n + 1)) } else { "[]".into() })
    })
    .await;
    let source = builder(&server.url("/x")).pagination(Pagination::page("page", 0));
    let mut reader = at(&source, None).await;
    assert_eq!(bodies(&drain(&mut reader).await.unwrap()), expected(120));
    let again = drain(&mut reader).await.unwrap();
    assert_eq!(bodies(&again), Vec::<String>::new());
    assert_eq!(again.len(), 3, "after 50 pages, after 100, and at the end");
    assert_eq!(drain(&mut at(&source, Some(&again[2].position)).await).await.unwrap().len(), 3);
}
