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
async fn a_table_that_is_emptied_or_rewritten_before_the_load_reaches_it_is_loaded_again() {
    for statements in [
        "DELETE FROM shops WHERE id = 1; TRUNCATE shops; INSERT INTO shops VALUES (1, 'new')",
        "ALTER TABLE shops ALTER id TYPE bigint",
        "ALTER TABLE shops RENAME TO old; CREATE TABLE shops (id int PRIMARY KEY, name text); \
         INSERT INTO shops SELECT * FROM old; ALTER PUBLICATION all_tables SET TABLE notes, shops, visits",
        "TRUNCATE visits_1; INSERT INTO visits VALUES (5)",
        "ALTER TABLE visits DETACH PARTITION visits_1; DROP TABLE visits_1; CREATE TABLE visits_1 PARTITION OF visits DEFAULT",
    ] {
        let Some(silo) = silo("first loads and tables that are rewritten").await else { return };
        silo.sql(
            "CREATE TABLE visits (id int PRIMARY KEY) PARTITION BY RANGE (id); \
             CREATE TABLE visits_1 PARTITION OF visits DEFAULT; INSERT INTO visits SELECT generate_series(1, 9)",
        );
        silo.sql("CREATE PUBLICATION all_tables FOR TABLE shops, notes, visits WITH (publish_via_partition_root = true)");
        // More than the connection takes while nobody reads, so that the load is still at the first table.
        silo.sql("INSERT INTO notes SELECT n, repeat('long', 10000) FROM generate_series(1000, 1600) n");
        let mut source = builder(&silo).document_bytes(1 << 20).batch_bytes(1).build().unwrap();
        source.seek(None).await.unwrap();
        let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("no batch") };
        silo.sql(statements);
        let mut batches = vec![first];
        let error = loop {
            match source.next_batch().await {
                Ok(Next::Batch(batch)) => batches.push(batch),
                Ok(next) => panic!("{next:?} after {statements}"),
                Err(error) => break error,
            }
        };
        assert!(error.is_retryable() && error.to_string().contains("begins again"), "{statements}: {error}");
        batches.extend(drain(&mut source).await);
        let replay = Replay::of(&records(&batches));
        assert_eq!(replay.loads, 2);
        assert_eq!(replay.state(), held(&silo.database, &["shops", "notes", "visits"]), "{statements}");
    }
}

#[tokio::test]
async fn a_partitioned_table_is_named_and_is_there_by_its_partitions() {
    let Some(silo) = silo("partitioned tables").await else { return };
    silo.sql(
        "CREATE TABLE visits (id int PRIMARY KEY) PARTITION BY RANGE (id); \
         CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (1) TO (5); \
         CREATE TABLE visits_2 PARTITION OF visits DEFAULT; INSERT INTO visits SELECT generate_series(1, 9)",
    );
    let builder = silo.builder().create().first_load().tables(["visits"]).batch_bytes(1);
    let mut source = builder.clone().build().unwrap();
    source.seek(None).await.unwrap();
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("no batch") };
    drop(source);
    let (mut source, batches) = read(builder, Some(&first.position)).await;
    silo.sql("UPDATE visits SET id = 20 WHERE id = 2");
    let found = [records(&batches), take(&mut source, 2).await].concat();
    assert_eq!(Replay::of(&found).state(), held(&silo.database, &["visits_1", "visits_2"]));
    drop(source);
    silo.sql("ALTER PUBLICATION all_tables SET TABLE visits_1");
    let mut source = silo.builder().create().first_load().tables(["visits"]).build().unwrap();
    let error = source.next_batch().await.unwrap_err();
    assert!(error.to_string().contains("not all the tables"), "a partition is missing: {error}");
}

#[tokio::test]
async fn rows_that_a_policy_hides_are_an_error_and_are_not_left_out() {
    let Some(silo) = silo("first loads under row-level security").await else { return };
    silo.sql("ALTER TABLE shops ENABLE ROW LEVEL SECURITY; ALTER TABLE shops FORCE ROW LEVEL SECURITY");
    silo.sql("CREATE POLICY late ON shops USING (id > 10)");
    let mut source = builder(&silo).build().unwrap();
    source.seek(None).await.unwrap();
    let error = loop {
        match source.next_batch().await {
            Ok(Next::Batch(_)) => {}
            Ok(next) => panic!("{next:?}, where an error was expected"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), datalake_core::ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn the_key_of_a_load_is_that_of_the_changes() {
    let Some(silo) = Silo::new("keys that include more").await else { return };
    silo.sql(
        "CREATE TABLE t (id int, more text, PRIMARY KEY (id) INCLUDE (more)); INSERT INTO t VALUES (1, 'a')",
    );
    let (mut source, batches) = read(silo.builder().create().first_load().tables(["t"]), None).await;
    silo.sql("UPDATE t SET more = 'b'");
    let found = [records(&batches), take(&mut source, 1).await].concat();
    assert_eq!((&found[1]["key"], &found[2]["key"]), (&json!({ "id": 1 }), &json!({ "id": 1 })));
}

#[tokio::test]
async fn a_table_is_named_as_in_sql() {
    let Some(silo) = Silo::new("names of tables").await else { return };
    silo.sql(
        "CREATE SCHEMA \"A.b\"; CREATE TABLE \"A.b\".\"T\"\"1\" (id int PRIMARY KEY); CREATE TABLE small (id int PRIMARY KEY)",
    );
    let tables = ["\"A.b\".\"T\"\"1\"", "PUBLIC.Small"];
    let (_, batches) = read(silo.builder().create().first_load().tables(tables), None).await;
    let load = &records(&batches)[0];
    let expected = json!([{ "schema": "A.b", "table": "T\"1" }, { "schema": "public", "table": "small" }]);
    assert_eq!(load["tables"], expected);
    for odd in ["", "a.b.c", "\"a", "a.", "\"a\"b"] {
        assert!(silo.builder().tables([odd]).build().is_err(), "{odd}");
    }
}
