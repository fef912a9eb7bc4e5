//! Asking for what has changed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::server::{Reply, Seen, Server};
use super::{at, bodies, builder, drain, error};
use crate::web::poll::{Incremental, Pagination, PollSourceBuilder, TimeFormat};
use datalake_core::{ErrorKind, Position};

/// The rows of a table, `(updated, id)`.
type Table = Arc<Mutex<Vec<(DateTime<Utc>, u32)>>>;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Rows a second apart, `size` of each.
fn table(seconds: u32, size: u32) -> Table {
    let start = time("2024-01-03T00:00:00Z");
    let rows = (0..seconds * size).map(|n| (start + TimeDelta::seconds(i64::from(n / size)), n));
    Arc::new(Mutex::new(rows.collect()))
}

fn rows(seen: &Seen, table: &Table) -> String {
    let since = seen.query("since").map(|text| time(&text));
    let after: Option<u32> = seen.query("after").map(|text| text.parse().unwrap());
    let mut rows = table.lock().unwrap().clone();
    rows.sort_unstable();
    let wanted = |(at, id): &(DateTime<Utc>, u32)| match (since, after) {
        (Some(since), Some(after)) => (*at, *id) > (since, after),
        (Some(since), None) => *at >= since,
        (None, _) => true,
    };
    let limit = seen.number("limit").unwrap_or(usize::MAX);
    let offset = seen.number("offset").unwrap_or(0);
    let rows = rows.iter().filter(|row| wanted(row)).skip(offset).take(limit);
    let rows: Vec<_> = rows.map(|(at, id)| format!(r#"{{"id":{id},"at":"{}"}}"#, at.to_rfc3339())).collect();
    format!("[{}]", rows.join(","))
}

async fn server(table: &Table) -> Server {
    let table = Arc::clone(table);
    Server::start(move |seen| Reply::json(rows(seen, &table))).await
}

async fn ids(source: &PollSourceBuilder, position: &mut Option<Position>) -> Vec<u64> {
    let batches = drain(&mut at(source, position.as_ref()).await).await.unwrap();
    *position = batches.last().map(|batch| batch.position.clone()).or(position.take());
    let id = |body: &String| serde_json::from_str::<Value>(body).unwrap()["id"].as_u64().unwrap();
    bodies(&batches).iter().map(id).collect()
}

fn since() -> Incremental {
    Incremental::since("since", "/at").look_back(Duration::ZERO)
}

#[tokio::test]
async fn each_cycle_asks_from_the_greatest_timestamp_less_the_look_back() {
    let table = table(10, 1);
    let server = server(&table).await;
    let source = builder(&server.url("/x")).incremental(since().look_back(Duration::from_secs(2)));
    let mut position = None;
    assert_eq!(ids(&source, &mut position).await, (0..10).collect::<Vec<_>>());
    assert_eq!(ids(&source, &mut position).await, [7, 8, 9], "another page than before: given whole");
    assert_eq!(ids(&source, &mut position).await, [0; 0], "the same page");
    table.lock().unwrap().push((time("2024-01-03T00:00:20Z"), 10));
    assert_eq!(ids(&source, &mut position).await, [7, 8, 9, 10]);
    assert_eq!(
        server.targets(),
        [
            "/x",
            "/x?since=2024-01-03T00%3A00%3A07Z",
            "/x?since=2024-01-03T00%3A00%3A07Z",
            "/x?since=2024-01-03T00%3A00%3A07Z"
        ]
    );
}

#[tokio::test]
async fn a_record_that_comes_late_within_the_look_back_is_found() {
    let table = table(10, 1);
    let server = server(&table).await;
    let source = builder(&server.url("/x")).incremental(since().look_back(Duration::from_secs(5)));
    let mut position = None;
    ids(&source, &mut position).await;
    table.lock().unwrap().push((time("2024-01-03T00:00:06.5Z"), 99));
    assert!(ids(&source, &mut position).await.contains(&99));
}

#[tokio::test]
async fn more_records_of_one_timestamp_than_fit_a_page_are_all_read() {
    let table = table(2, 25);
    let server = server(&table).await;
    let offset = Pagination::offset("offset", "limit", 10);
    let source = builder(&server.url("/x")).incremental(since()).pagination(offset);
    assert_eq!(ids(&source, &mut None).await, (0..50).collect::<Vec<_>>());
    let keyset = Pagination::keyset("limit", 10);
    let source = builder(&server.url("/x")).pagination(keyset.clone());
    let mut position = None;
    let with_id = source.clone().incremental(since().id("/id", "after"));
    assert_eq!(ids(&with_id, &mut position).await, (0..50).collect::<Vec<_>>());
    assert_eq!(ids(&with_id, &mut position).await, [0; 0]);
    table.lock().unwrap().push((time("2024-01-03T00:00:01Z"), 50));
    assert_eq!(ids(&with_id, &mut position).await, [50]);
    let found = error(&mut at(&source.incremental(since()), None).await).await;
    assert_eq!(found.kind(), ErrorKind::ConfigInvalid, "what cannot be reached is an error: {found}");
}

#[tokio::test]
async fn keyset_pages_without_an_id_lose_nothing_and_repeat_what_shares_a_timestamp() {
    let table = table(9, 3);
    let server = server(&table).await;
    let source = builder(&server.url("/x")).incremental(since()).pagination(Pagination::keyset("limit", 7));
    let mut found = ids(&source, &mut None).await;
    found.dedup();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (0..27).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_walk_of_keyset_pages_goes_on_from_every_position() {
    let table = table(4, 5);
    let server = server(&table).await;
    let keyset = Pagination::keyset("limit", 3);
    let source = builder(&server.url("/x")).incremental(since().id("/id", "after")).pagination(keyset);
    let batches = drain(&mut at(&source, None).await).await.unwrap();
    for n in 0..batches.len() {
        let rest = drain(&mut at(&source, Some(&batches[n].position)).await).await.unwrap();
        assert_eq!(bodies(&rest), bodies(&batches[n + 1..]));
    }
}

#[tokio::test]
async fn the_bound_moves_only_when_a_cycle_is_complete() {
    let table = table(10, 1);
    let server = server(&table).await;
    let offset = Pagination::offset("offset", "limit", 4);
    let source = builder(&server.url("/x")).incremental(since()).pagination(offset);
    let batches = drain(&mut at(&source, None).await).await.unwrap();
    let state = |n: usize| batches[n].position.state();
    assert!(state(0).get("mark").is_none() && state(0)["high"]["at"] == "2024-01-03T00:00:03Z");
    let last = batches.len() - 1;
    assert_eq!(state(last)["mark"]["at"], "2024-01-03T00:00:09Z");
}

#[tokio::test]
async fn a_timestamp_in_the_future_does_not_hide_what_comes_before_it() {
    let table = table(3, 1);
    table.lock().unwrap().push((time("2999-01-01T00:00:00Z"), 9));
    let server = server(&table).await;
    let source = builder(&server.url("/x")).incremental(since().look_back(Duration::from_secs(60)));
    let mut position = None;
    assert_eq!(ids(&source, &mut position).await, [0, 1, 2, 9]);
    table.lock().unwrap().push((Utc::now(), 10));
    assert!(ids(&source, &mut position).await.contains(&10));
}

#[tokio::test]
async fn a_record_that_changes_while_pages_are_read_is_read_in_the_next_cycle() {
    let table = table(6, 1);
    let (shared, first) = (Arc::clone(&table), Mutex::new(true));
    // After the first page, row 0 changes: in this order of pages it is not seen again.
    let server = Server::start(move |seen| {
        let body = rows(seen, &shared);
        if std::mem::take(&mut *first.lock().unwrap()) {
            let mut table = shared.lock().unwrap();
            table.push((Utc::now(), 100));
            let newest = table.iter().position(|row| row.1 == 5).unwrap();
            table[newest].0 = Utc::now() + TimeDelta::seconds(1);
        }
        Reply::json(body)
    })
    .await;
    let source = builder(&server.url("/x"))
        .incremental(since())
        .pagination(Pagination::offset("offset", "limit", 3).short_page_ends());
    let mut position = None;
    let mut found = ids(&source, &mut position).await;
    found.extend(ids(&source, &mut position).await);
    for id in [0, 1, 2, 3, 4, 5, 100] {
        assert!(found.contains(&id), "{id} is missing: {found:?}");
    }
}

#[tokio::test]
async fn a_first_bound_and_its_format_can_be_given() {
    for (format, bound) in [
        (TimeFormat::Rfc3339, "2024-01-03T00:00:05.500Z"),
        (TimeFormat::Date, "2024-01-03"),
        (TimeFormat::Seconds, "1704240005"),
        (TimeFormat::Millis, "1704240005500"),
    ] {
        let server = Server::start(|_| Reply::json("[]")).await;
        let start = since().start(time("2024-01-03T00:00:05.5Z")).format(format);
        drain(&mut at(&builder(&server.url("/x")).incremental(start), None).await).await.unwrap();
        assert_eq!(server.seen()[0].query("since").as_deref(), Some(bound));
    }
}

#[tokio::test]
async fn csv_records_have_timestamps_too_and_bad_ones_cost_nothing() {
    let body = "at,id\n2024-01-03T00:00:05Z,1\nsoon,2\n\"2024-01-03 00:00:07\",3\n";
    let server = Server::start(move |_| Reply::new(200, body).header("content-type", "text/csv")).await;
    let source = builder(&server.url("/x")).incremental(since());
    let batches = drain(&mut at(&source, None).await).await.unwrap();
    assert_eq!(bodies(&batches).len(), 3);
    assert_eq!(batches[0].position.state()["mark"]["at"], "2024-01-03T00:00:07Z");
}

#[tokio::test]
async fn a_pointer_that_finds_no_timestamp_is_an_error() {
    let table = table(3, 1);
    let server = server(&table).await;
    let source = builder(&server.url("/x")).incremental(Incremental::since("since", "/updated"));
    assert_eq!(error(&mut at(&source, None).await).await.kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn keyset_pages_out_of_order_are_an_error() {
    let body = r#"[{"at":"2024-01-03T00:00:05Z"},{"at":"2024-01-03T00:00:04Z"}]"#;
    let server = Server::start(move |_| Reply::json(body)).await;
    let source = builder(&server.url("/x")).incremental(since()).pagination(Pagination::keyset("limit", 9));
    assert!(error(&mut at(&source, None).await).await.to_string().contains("ascending"));
}
