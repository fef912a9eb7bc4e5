use datalake_core::async_trait;

use super::*;
use crate::web::collect::{Page, Pages};

const SHOP: &str = "https://shop.example";

#[tokio::test]
async fn a_page_of_a_named_origin_may_send_with_cookies() {
    let lake = Lake::on(builder().allow_origin("https://other.example").allow_origin(SHOP)).await;
    let asks = [("origin", SHOP), ("access-control-request-method", "POST")];
    let answer = ask(lake.at, "OPTIONS", TP2, &asks, b"").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("content-type"));
    for body in [tp2(&["1"]), "no events".to_owned()] {
        let answer = lake.post(TP2, &[("origin", SHOP)], body).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP), "refusals can be read too");
        assert_eq!(answer.header("vary"), Some("origin"));
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_read_the_answer() {
    let lake = Lake::on(builder().allow_origin(SHOP)).await;
    for origin in ["https://evil.example", "https://shop.example.evil", "http://shop.example", "null"] {
        for method in ["OPTIONS", "POST"] {
            let answer = ask(lake.at, method, TP2, &[("origin", origin)], tp2(&["1"]).as_bytes()).await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{origin}");
        }
    }
}

#[tokio::test]
async fn every_origin_is_let_in_without_cookies_or_none() {
    let open = Lake::on(builder().allow_any_origin()).await;
    let answer = open.get("/i?e=pv", &[("origin", SHOP)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let own = Lake::on(builder()).await;
    let answer = own.get("/i?e=pv", &[("origin", SHOP)]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
}

struct Site;

#[async_trait]
impl Pages for Site {
    async fn page(&self, path: &str, query: Option<&str>) -> Option<Page> {
        let found = (path == "/").then(|| Page::new("text/plain", query.unwrap_or("none").to_owned()));
        found.or_else(|| (path == "/down").then(|| Page::new("text/plain", "later").status(503)))
    }
}

#[tokio::test]
async fn pages_are_shown_where_no_events_are_received() {
    let lake = Lake::on(builder().pages(Site)).await;
    let answer = lake.get("/?q=1", &[]).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"q=1"[..]));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(lake.get("/down", &[]).await.status, 503);
    assert_eq!(lake.get("/nothing", &[]).await.status, 404);
    assert_eq!(lake.post("/", &[], "").await.status, 404);
    assert!(lake.documents().is_empty());
}
