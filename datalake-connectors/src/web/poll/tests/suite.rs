//! The promises of every source.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::builder;
use super::server::{Reply, Seen, Server};
use crate::web::Auth;
use crate::web::poll::{Incremental, Pagination, PollSourceBuilder};
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait, source_suite};

const SECRET: &str = "s3cr3t-0123";

const FAILURES: [(u16, ErrorKind); 6] = [
    (503, ErrorKind::Unavailable),
    (429, ErrorKind::RateLimited),
    (401, ErrorKind::Unauthenticated),
    (403, ErrorKind::PermissionDenied),
    (404, ErrorKind::NotFound),
    (302, ErrorKind::ConfigInvalid),
];

/// Pages of records, in a server that can fail.
struct Silo {
    server: Server,
    pages: Arc<Mutex<Vec<Vec<String>>>>,
    failing: Arc<Mutex<Option<usize>>>,
    next_failure: Mutex<usize>,
    source: PollSourceBuilder,
    grows: bool,
}

impl Silo {
    async fn new(
        pages: usize,
        grows: bool,
        answer: fn(&Seen, &[Vec<String>]) -> Reply,
        poll: fn(&Server) -> PollSourceBuilder,
    ) -> Self {
        let record = |n: usize| format!(r#"{{"id":{n},"at":"2024-01-03T00:00:{n:02}Z"}}"#);
        let pages: Vec<Vec<String>> =
            (0..pages).map(|page| (page * 3..page * 3 + 3).map(record).collect()).collect();
        let (pages, failing) = (Arc::new(Mutex::new(pages)), Arc::new(Mutex::new(None::<usize>)));
        let (shown, failure) = (Arc::clone(&pages), Arc::clone(&failing));
        let server = Server::start(move |seen| match *failure.lock().unwrap() {
            Some(n) => Reply::new(FAILURES[n].0, SECRET).header("x-request-id", SECRET),
            None => answer(seen, &shown.lock().unwrap()),
        })
        .await;
        let source = poll(&server);
        Self { server, pages, failing, next_failure: Mutex::new(0), source, grows }
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.source.clone().build()?))
    }

    fn expected(&self) -> Vec<Bytes> {
        self.pages.lock().unwrap().iter().flatten().map(|record| Bytes::from(record.clone())).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        if !self.grows {
            return None;
        }
        let mut pages = self.pages.lock().unwrap();
        let page = vec![format!("\"page {}\"", pages.len())];
        pages.push(page.clone());
        Some(Fed::new(page))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut next = self.next_failure.lock().unwrap();
        let now = (*next < FAILURES.len()).then_some(*next);
        *next = now.map_or(0, |now| now + 1);
        *self.failing.lock().unwrap() = now;
        now.map(|now| FAILURES[now].1)
    }

    async fn mend(&self) {
        *self.failing.lock().unwrap() = None;
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build()), self.server.url("")]
    }
}

fn body(records: &[String]) -> String {
    format!(r#"{{"items":[{}]}}"#, records.join(","))
}

/// One page with validators, and a key in the query.
async fn one_page() -> Silo {
    Silo::new(
        1,
        false,
        |seen, pages| match seen.header("if-none-match") {
            Some("\"1\"") => Reply::new(304, ""),
            _ => Reply::json(body(&pages[0])).header("etag", "\"1\""),
        },
        |server| builder(&server.url("/x")).records("/items").auth(Auth::api_key_query("key", SECRET)),
    )
    .await
}

/// Links that repeat the credential, at the pace of a rate limit.
async fn links() -> Silo {
    Silo::new(
        5,
        true,
        |seen, pages| {
            let page = seen.number("page").unwrap_or(0);
            let reply = Reply::json(body(&pages[page]));
            let link = format!("<https://elsewhere/x?page={}&access_token={SECRET}>; rel=next", page + 1);
            if page + 1 < pages.len() { reply.header("link", link) } else { reply }
        },
        |server| {
            builder(&server.url("/x"))
                .records("/items")
                .auth(Auth::bearer(SECRET))
                .pagination(Pagination::link_header())
                .rate_limit(30, Duration::from_millis(20))
        },
    )
    .await
}

/// Page numbers until an empty page, as NDJSON.
async fn numbers() -> Silo {
    Silo::new(
        5,
        true,
        |seen, pages| {
            let page = pages.get(seen.number("page").unwrap()).map(|page| page.join("\n"));
            Reply::new(200, page.unwrap_or_default()).header("content-type", "application/x-ndjson")
        },
        |server| {
            let page = Pagination::page("page", 0);
            builder(&server.url("/x")).auth(Auth::basic("me", SECRET)).pagination(page)
        },
    )
    .await
}

/// Keyset pages by timestamp and id.
async fn keyset() -> Silo {
    Silo::new(
        4,
        false,
        |seen, pages| {
            let after = seen.number("after").map_or(0, |after| after + 1);
            let all = pages.concat();
            let limit = seen.number("limit").unwrap();
            Reply::json(body(&all[after..(after + limit).min(all.len())]))
        },
        |server| {
            let since = Incremental::since("since", "/at").id("/id", "after").look_back(Duration::ZERO);
            builder(&server.url("/x"))
                .records("/items")
                .auth(Auth::api_key_header("X-Api-Key", SECRET))
                .incremental(since)
                .pagination(Pagination::keyset("limit", 5))
        },
    )
    .await
}

source_suite!(of_one_page, one_page().await);
source_suite!(of_links, links().await);
source_suite!(of_page_numbers, numbers().await);
source_suite!(of_keyset_pages, keyset().await);
