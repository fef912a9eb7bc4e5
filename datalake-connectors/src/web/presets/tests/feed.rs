use std::sync::Arc;

use serde_json::{Value, json};

use super::{Silo, at, dataset, drain, ids, read};
use crate::web::Auth;
use crate::web::presets::feed::items;
use datalake_core::lake::{Lake, Zone};
use datalake_core::pipeline::Budget;
use datalake_core::split::Decoders;
use datalake_core::store::MemoryStore;
use datalake_core::transform::dedupe;
use datalake_core::{Pipeline, Source as _, source_suite};
use datalake_simulators::social::Social;
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt as _;

const FEED: &str = "/feeds/news";

fn item(n: u64) -> Value {
    json!({ "guid": format!("n-{n}"), "title": format!("title {n} & more"), "link": format!("https://news.example/{n}") })
}

/// An item as it is given.
fn body(item: &Value) -> String {
    format!(
        r#"{{"id":{},"title":{},"link":{},"published":null,"updated":null,"authors":[],"summary":null,"content":null,"categories":[],"enclosures":[],"other":{{}},"feed":{{"format":"rss","id":null,"title":"simulated","link":null}}}}"#,
        item["guid"], item["title"], item["link"]
    )
}

fn silo() -> Silo {
    let newest_first = |records: Vec<Value>| records.into_iter().rev().collect();
    let preset = items(dataset(), "https://news.example/feeds/news");
    Silo { paged: newest_first, body, ..Silo::new(FEED, preset, item, 12) }
}

source_suite!(of_a_feed, silo());
source_suite!(of_a_feed_on_a_shaky_server, silo().shaky());

#[tokio::test]
async fn a_feed_that_has_not_changed_is_asked_for_in_vain_and_one_that_has_is_given_whole() {
    let social = Social::builder().start().unwrap();
    (0..3).for_each(|n| social.push(FEED, item(n)));
    let source = at(&social, items(dataset(), "https://news.example/feeds/news")).auth(Auth::none());
    let (records, position) = read(&source, None).await;
    assert_eq!(ids(&records), ["n-2", "n-1", "n-0"]);
    assert_eq!(read(&source, position.as_ref()).await.0.len(), 0);
    let statuses: Vec<_> = social.faults().seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 304]);
    social.push(FEED, item(3));
    assert_eq!(ids(&read(&source, position.as_ref()).await.0), ["n-3", "n-2", "n-1", "n-0"]);
}

#[tokio::test]
async fn a_feed_whose_items_are_the_same_is_no_news_whatever_else_changes() {
    let social = Social::builder().start().unwrap();
    let feed = |built: &str| {
        format!(
            "<rss><channel><lastBuildDate>{built}</lastBuildDate><item><guid>1</guid></item></channel></rss>"
        )
    };
    social.publish(FEED, "application/rss+xml", feed("monday"));
    let source = at(&social, items(dataset(), "https://news.example/feeds/news"));
    let (records, position) = read(&source, None).await;
    assert_eq!(ids(&records), ["1"]);
    social.publish(FEED, "application/rss+xml", feed("tuesday"));
    assert_eq!(read(&source, position.as_ref()).await.0.len(), 0);
}

#[tokio::test]
async fn a_dedupe_over_the_whole_record_leaves_out_nothing_that_is_new_or_edited() {
    let social = Social::builder().start().unwrap();
    let items_of = ["<guid>1</guid><title>a</title>", "<title>x</title>", "<title>y</title>"];
    let edited = ["<guid>1</guid><title>b</title>", "<title>x</title>", "<guid>1</guid><title>a</title>"];
    let all = items_of.iter().chain(&edited).map(|item| format!("<item>{item}</item>")).collect::<String>();
    social.publish(FEED, "application/rss+xml", format!("<rss><channel>{all}</channel></rss>"));
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let source = at(&social, items(dataset(), "https://news.example/feeds/news")).build().unwrap();
    let mut pipeline = Pipeline::builder("news")
        .source(source)
        .transform(dedupe("once", [""], 100).unwrap())
        .lake(&LakeSink::builder(&lake).build())
        .build()
        .unwrap();
    pipeline.drain(Budget::unlimited()).await.unwrap();
    let lines = lake.read(&dataset(), Zone::Curated).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    let rows = lines.concat();
    let rows = rows.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let titles: Vec<_> =
        rows.map(|row| serde_json::from_slice::<Value>(row).unwrap()["title"].clone()).collect();
    assert_eq!(titles, ["a", "x", "y", "b"]);
}

#[tokio::test]
async fn a_feed_that_is_broken_is_archived_with_the_reason() {
    let social = Social::builder().start().unwrap();
    for (body, reason) in [
        ("<rss><channel><item><guid>1</guid></item><item>", "xml"),
        ("<html><body>Log in</body></html>", "feed"),
    ] {
        social.publish(FEED, "application/rss+xml", body);
        let mut source = at(&social, items(dataset(), "https://news.example/feeds/news")).build().unwrap();
        let batches = drain(&mut source).await.unwrap();
        let decoders: Decoders = source.decoders().into_iter().collect();
        let mut errors = Vec::new();
        assert_eq!(batches[0].documents[0].bytes(), body);
        decoders.split(&batches[0].documents[0], |piece| errors.extend(piece.error));
        assert_eq!(errors.iter().map(|error| &*error.reason).collect::<Vec<_>>(), [reason]);
    }
}
