//! The first load, and the changes after it.

use datalake_core::{Next, Source};
use serde_json::{Value, json};

use super::server::{Silo, drain, read, records, take};
use super::state::{Replay, held};
use crate::sql::cdc::CdcSourceBuilder;

async fn silo(left_out: &str) -> Option<Silo> {
    let silo = Silo::new(left_out).await?;
    silo.sql(
        "CREATE TABLE shops (id int PRIMARY KEY, name text); CREATE TABLE notes (id int PRIMARY KEY, text text); \
         INSERT INTO shops SELECT n, E'tab\\tline\\nslash\\\\' || n FROM generate_series(1, 300) n; \
         INSERT INTO notes SELECT n, NULL FROM generate_series(1, 50) n",
    );
    Some(silo)
}

fn builder(silo: &Silo) -> CdcSourceBuilder {
    let builder = silo.builder().create().first_load().tables(["public.shops", "notes"]);
    builder.document_bytes(1000).batch_bytes(2000)
}

#[tokio::test]
async fn between_the_first_load_and_the_changes_is_no_gap_and_nothing_twice() {
    let Some(silo) = silo("first loads").await else { return };
    let mut source = builder(&silo).build().unwrap();
    source.seek(None).await.unwrap();
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("no batch") };
    silo.sql("UPDATE shops SET name = 'late' WHERE id > 290; DELETE FROM notes WHERE id < 5");
    silo.sql("INSERT INTO shops VALUES (1000, 'new'); UPDATE shops SET id = 2000 WHERE id = 7");
    let rest = drain(&mut source).await;
    let all = [records([&first]), records(&rest)].concat();
    assert_eq!(all[0]["op"], "load");
    assert_eq!(all[0]["tables"].as_array().unwrap().len(), 2);
    assert_eq!(all.iter().filter(|record| record["op"] == "read").count(), 350);
    let replay = Replay::of(&all);
    assert_eq!(replay.state(), held(&silo.database, &["shops", "notes"]));
    assert!(all.iter().any(|record| record["after"]["name"] == "tab\tline\nslash\\300"));
}

#[tokio::test]
async fn a_first_load_that_is_interrupted_begins_again_and_says_so() {
    let Some(silo) = silo("first loads that are interrupted").await else { return };
    let mut kept: Vec<Value> = Vec::new();
    let mut position = None;
    for batches in [1, 2, 3] {
        let mut source = builder(&silo).build().unwrap();
        source.seek(position.as_ref()).await.unwrap();
        for _ in 0..batches {
            let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("no batch") };
            kept.extend(records([&batch]));
            source.commit(&batch.position).await.unwrap();
            position = Some(batch.position);
        }
        drop(source);
        silo.sql(&format!("DELETE FROM shops WHERE id <= {}", batches * 10));
    }
    let (mut source, batches) = read(builder(&silo), position.as_ref()).await;
    kept.extend(records(&batches));
    silo.sql("INSERT INTO notes VALUES (100, 'after')");
    kept.extend(take(&mut source, 1).await);
    let replay = Replay::of(&kept);
    assert_eq!(replay.loads, 4);
    assert_eq!(replay.state(), held(&silo.database, &["shops", "notes"]));
}

#[tokio::test]
async fn after_its_commit_a_first_load_does_not_come_again() {
    let Some(silo) = silo("first loads that are done").await else { return };
    let (mut source, batches) = read(builder(&silo), None).await;
    let last = batches.last().unwrap().position.clone();
    source.commit(&last).await.unwrap();
    source.close().await.unwrap();
    silo.sql("INSERT INTO notes VALUES (100, 'after')");
    let (_, batches) = read(builder(&silo), Some(&last)).await;
    let found = records(&batches);
    assert_eq!((found.len(), &found[0]["op"]), (1, &json!("insert")));
}

#[tokio::test]
async fn only_what_is_published_is_loaded() {
    let Some(silo) = silo("publications of some rows and columns").await else { return };
    silo.sql("ALTER TABLE shops ADD double int GENERATED ALWAYS AS (id * 2) STORED");
    silo.sql("CREATE PUBLICATION all_tables FOR TABLE shops (id, name) WHERE (id > 298), notes");
    let (_, batches) = read(silo.builder().create().first_load().tables(["shops", "notes"]), None).await;
    let found = records(&batches);
    let shops: Vec<&Value> = found.iter().filter(|record| record["table"] == "shops").collect();
    let ids: Vec<&Value> = shops.iter().map(|record| &record["after"]["id"]).collect();
    assert_eq!(ids, [&json!(299), &json!(300)]);
    assert!(shops[0]["after"].get("double").is_none());
    assert_eq!(found.iter().filter(|record| record["table"] == "notes").count(), 50);
}

#[tokio::test]
async fn a_truncate_before_the_load_reaches_its_table_ends_in_the_right_state() {
    let Some(silo) = silo("first loads and truncates").await else { return };
    // More than the connection takes while nobody reads, so that the load is still at the first table.
    silo.sql("INSERT INTO notes SELECT n, repeat('long', 10000) FROM generate_series(1000, 1600) n");
    let mut source = builder(&silo).document_bytes(1 << 20).batch_bytes(1).build().unwrap();
    source.seek(None).await.unwrap();
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("no batch") };
    silo.sql("DELETE FROM shops WHERE id = 1; UPDATE shops SET name = 'x' WHERE id = 2");
    silo.sql("TRUNCATE shops; INSERT INTO shops VALUES (1, 'new')");
    let all = [records([&first]), records(&drain(&mut source).await)].concat();
    let of_shops =
        |op: &str| all.iter().filter(|record| record["table"] == "shops" && record["op"] == op).count();
    assert_eq!((of_shops("read"), of_shops("delete"), of_shops("update")), (0, 1, 1));
    assert_eq!(Replay::of(&all).state(), held(&silo.database, &["shops", "notes"]));
}
