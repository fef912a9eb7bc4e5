//! Answers in the middle of a walk that are no page.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Reply, Server};
use super::walking::{expected, page};
use super::{at, bodies, builder, drain};
use crate::web::poll::{Pagination, PollSourceBuilder};
use datalake_core::{ErrorKind, Next, Source as _};

/// What a source gives in all, which meets a page that is none as the second.
async fn through(source: &PollSourceBuilder, what: &str) -> Vec<String> {
    let mut source = at(source, None).await;
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("no batch") };
    let found = source.next_batch().await.unwrap_err();
    assert!(found.kind() == ErrorKind::Unavailable && found.is_retryable(), "{what}: {found}");
    let rest = drain(&mut source).await.unwrap();
    [bodies(&[first]), bodies(&rest)].concat()
}

/// A walk that such a page ended would move the mark, and what is older and was not reached would be missed for ever.
#[tokio::test]
async fn a_page_in_the_middle_that_is_none_is_asked_for_again() {
    const GLITCHES: &[&str] = &["", "{}", r#"{"error":"busy"}"#, r#"{"items":7}"#];
    let ways = [
        ("next url", Pagination::next_url("/link"), GLITCHES),
        ("cursor", Pagination::cursor("/next", "p"), GLITCHES),
        ("link header", Pagination::link_header(), &GLITCHES[1..]),
        ("page", Pagination::page("p", 0), &GLITCHES[1..]),
    ];
    for (name, pagination, glitches) in ways {
        for glitch in glitches {
            let turn = AtomicUsize::new(0);
            let server = Server::start(move |seen| {
                let n = seen.number("p").unwrap_or(0);
                match turn.fetch_add(1, Ordering::SeqCst) {
                    1 => Reply::json(*glitch),
                    _ if n >= 2 => Reply::json(format!(r#"{{"items":[{}]}}"#, page(n))),
                    _ => {
                        let (next, link) = (n + 1, format!("?p={}", n + 1));
                        let items = page(n);
                        Reply::json(format!(r#"{{"next":{next},"link":"{link}","items":[{items}]}}"#))
                            .header("link", format!("<{link}>; rel=next"))
                    }
                }
            })
            .await;
            let source = builder(&server.url("/x")).records("/items").pagination(pagination.clone());
            let what = format!("{name} {glitch:?}");
            assert_eq!(through(&source, &what).await, expected(7), "{what}");
        }
    }
}

#[cfg(feature = "web-presets")]
#[tokio::test]
async fn charges_older_than_a_page_that_was_none_are_read() {
    let charge = |n: u64| format!(r#"{{"id":"ch_{n}","created":{}}}"#, 1_700_000_000 + n * 3600);
    for glitch in ["", "{}", r#"{"error":{"message":"busy"}}"#] {
        let turn = AtomicUsize::new(0);
        let server = Server::start(move |seen| {
            let above = seen.query("starting_after").map_or(8, |id| id[3..].parse().unwrap());
            if turn.fetch_add(1, Ordering::SeqCst) == 1 {
                return Reply::json(glitch);
            }
            let page: Vec<_> = (above - 4..above).rev().map(charge).collect();
            Reply::json(format!(r#"{{"data":[{}],"has_more":{}}}"#, page.join(","), above == 8))
        })
        .await;
        let charges = crate::web::presets::stripe::list(datalake_core::Dataset::new("d").unwrap(), "charges");
        let found = through(&charges.origin(server.url("")).page_size(4), glitch).await;
        assert_eq!(found, (0..8).rev().map(charge).collect::<Vec<_>>(), "{glitch:?}");
    }
}
