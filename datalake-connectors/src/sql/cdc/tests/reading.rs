//! What comes from the real server, in all its kinds.

use std::sync::Arc;

use datalake_core::lake::{Lake, Zone};
use datalake_core::pipeline::Budget;
use datalake_core::store::MemoryStore;
use datalake_core::{Dataset, ErrorKind, Pipeline, Secrets, Source};
use datalake_simulators::postgres::Cluster;
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::server::{PASSWORD, Silo, read, records, take};
use super::state::{Replay, held};
use crate::sql::cdc::CdcSource;

#[tokio::test]
async fn changes_of_every_kind_lead_to_what_the_tables_hold() {
    let Some(silo) = Silo::new("changes of every kind").await else { return };
    silo.sql(
        "CREATE TABLE plain (id int PRIMARY KEY, doc text, n numeric); \
         ALTER TABLE plain ALTER doc SET STORAGE EXTERNAL; \
         CREATE TABLE wide (id int, doc text, n int); ALTER TABLE wide REPLICA IDENTITY FULL; \
         ALTER TABLE wide ALTER doc SET STORAGE EXTERNAL; \
         CREATE TABLE named (a int NOT NULL, b text NOT NULL, c int); CREATE UNIQUE INDEX names ON named (b, a); \
         ALTER TABLE named REPLICA IDENTITY USING INDEX names; \
         CREATE TABLE bare (id int); ALTER TABLE bare REPLICA IDENTITY NOTHING",
    );
    silo.publish("plain, wide, named, bare");
    for statements in [
        "INSERT INTO plain SELECT n, repeat('long' || n, 2000), n / 3.0 FROM generate_series(1, 5) n",
        "UPDATE plain SET n = 'NaN' WHERE id = 1; UPDATE plain SET id = 10 WHERE id = 2",
        "UPDATE plain SET doc = NULL WHERE id = 3; DELETE FROM plain WHERE id = 4",
        "INSERT INTO wide SELECT n % 2, repeat('x', 9000), n FROM generate_series(1, 6) n",
        "UPDATE wide SET n = 100 WHERE n = 3; DELETE FROM wide WHERE n = 4",
        "INSERT INTO named VALUES (1, 'one', 1), (2, 'two', 2); UPDATE named SET c = 5",
        "UPDATE named SET b = 'uno' WHERE a = 1; DELETE FROM named WHERE a = 2",
        "INSERT INTO bare VALUES (1), (1)",
        "BEGIN; INSERT INTO plain VALUES (50, 'rolled back', 0); ROLLBACK; BEGIN; SAVEPOINT s; \
         INSERT INTO plain VALUES (51, 'rolled back too', 0); ROLLBACK TO s; INSERT INTO plain VALUES (52, 'kept', 0); COMMIT",
    ] {
        silo.sql(statements);
    }
    let tables = ["plain", "wide", "named", "bare"];
    let (mut source, batches) = read(silo.builder(), None).await;
    let mut found = records(&batches);
    assert_eq!(Replay::of(&found).state(), held(&silo.database, &tables));
    let unchanged: Vec<&Value> = found.iter().filter(|record| record.get("unchanged").is_some()).collect();
    assert_eq!(unchanged.len(), 2, "{unchanged:?}");
    silo.sql("TRUNCATE plain, named; INSERT INTO plain VALUES (1, 'again', 1)");
    found.extend(take(&mut source, 3).await);
    assert_eq!(Replay::of(&found).state(), held(&silo.database, &tables));
}

#[tokio::test]
async fn tables_that_change_their_columns_are_read_as_they_were_at_each_change() {
    let Some(silo) = Silo::new("tables that change").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY, gone text)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (1, 'a')");
    silo.sql("ALTER TABLE t ADD more int DEFAULT 7; INSERT INTO t VALUES (2, 'b', 8)");
    silo.sql("ALTER TABLE t DROP gone; ALTER TABLE t RENAME more TO less; INSERT INTO t VALUES (3, 9)");
    silo.sql("ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (4, 10)");
    let (_, batches) = read(silo.builder(), None).await;
    let found = records(&batches);
    let after: Vec<&Value> = found.iter().map(|record| &record["after"]).collect();
    let expected = [
        json!({ "id": 1, "gone": "a" }),
        json!({ "id": 2, "gone": "b", "more": 8 }),
        json!({ "id": 3, "less": 9 }),
        json!({ "id": 4, "less": 10 }),
    ];
    assert_eq!(after, expected.iter().collect::<Vec<_>>());
    assert_eq!((&found[2]["table"], &found[3]["table"]), (&json!("t"), &json!("u")));
}

#[tokio::test]
async fn values_of_types_that_only_this_database_has_are_what_the_types_say() {
    let Some(silo) = Silo::new("types of a database").await else { return };
    let values = "(1, '{1,2}', 'sad', ROW(3, 'x, \"y\"'), '{happy,NULL}', 5, '\\x00ff', '2024-01-02 03:04:05+02', \
                  '{\"a\": 1.50}', 'infinity')";
    silo.sql(&format!(
        "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE pair AS (n int, t text); \
         CREATE DOMAIN small AS int CHECK (VALUE < 10); \
         CREATE TABLE t (id bigint PRIMARY KEY, a int[], m mood, p pair, ms mood[], s small, b bytea, \
         at timestamptz, j jsonb, d date); INSERT INTO t VALUES {values}"
    ));
    let builder = silo.builder().create().first_load().tables(["t"]);
    let (mut source, batches) = read(builder, None).await;
    silo.sql("UPDATE t SET m = 'sad'");
    let found = [records(&batches), take(&mut source, 1).await].concat();
    let expected = json!({ "id": 1, "a": [1, 2], "m": "sad", "p": { "n": 3, "t": "x, \"y\"" },
        "ms": ["happy", null], "s": 5, "b": "AP8=", "at": "2024-01-02T01:04:05Z", "j": { "a": 1.50 }, "d": "infinity" });
    assert_eq!((&found[1]["op"], &found[1]["after"]), (&json!("read"), &expected));
    assert_eq!((&found[2]["op"], &found[2]["after"]), (&json!("update"), &expected));
}

#[tokio::test]
async fn values_of_a_type_that_has_grown_since_are_read() {
    let Some(silo) = Silo::new("types that grow").await else { return };
    silo.sql("CREATE TYPE pair AS (n int, t text); CREATE TABLE t (id int PRIMARY KEY, p pair)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (1, ROW(1, 'a'))");
    silo.sql("ALTER TYPE pair ADD ATTRIBUTE more int CASCADE");
    silo.sql("INSERT INTO t VALUES (2, ROW(2, 'b', 3))");
    let (_, batches) = read(silo.builder(), None).await;
    let found = records(&batches);
    assert_eq!(found[0]["after"]["p"], "(1,a)");
    assert_eq!(found[1]["after"]["p"], json!({ "n": 2, "t": "b", "more": 3 }));
}

/// A database without an encoding gives bytes that are no text.
#[tokio::test]
async fn a_change_that_cannot_be_read_goes_to_quarantine_with_the_reason_and_costs_no_other() {
    let Some(silo) = Silo::new("changes that cannot be read").await else { return };
    let name = format!("{}_bytes", silo.name);
    silo.database.sql(&format!(
        "CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    let url = silo.database.url().replace(&silo.name, &name);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let made = "CREATE TABLE t (id int PRIMARY KEY, text text); CREATE PUBLICATION all_tables FOR TABLE t";
    client.batch_execute(made).await.unwrap();
    let builder = || {
        CdcSource::builder(
            url.clone(),
            format!("{name}_slot"),
            "all_tables",
            Dataset::new("changes").unwrap(),
        )
        .create()
        .tables(["t"])
        .wait(std::time::Duration::from_millis(50))
    };
    let (source, _) = read(builder(), None).await;
    drop(source);
    client.batch_execute("INSERT INTO t VALUES (1, 'good'), (2, E'\\xff'), (3, 'good')").await.unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let sink = LakeSink::builder(&lake).build();
    let mut pipeline =
        Pipeline::builder("changes").source(builder().build().unwrap()).lake(&sink).build().unwrap();
    let report = pipeline.drain(Budget::default()).await.unwrap();
    pipeline.close().await;
    assert_eq!((report.counts.read, report.counts.written, report.counts.quarantined), (3, 2, 1));
    assert_eq!(report.reasons.keys().collect::<Vec<_>>(), ["pgoutput"]);
    let dataset = Dataset::new("changes").unwrap();
    let refused: Vec<_> = lake.read(&dataset, Zone::Quarantine).await.unwrap().try_collect().await.unwrap();
    assert!(String::from_utf8(refused.concat()).unwrap().contains("UTF-8"));
    assert!(lake.verify(&"changes".parse().unwrap()).await.unwrap().problems.is_empty());
    drop(client);
    connection.await.unwrap().unwrap();
    let slot = format!("FROM pg_replication_slots WHERE slot_name = '{name}_slot'");
    silo.database.sql(&format!("SELECT pg_terminate_backend(active_pid) {slot} AND active"));
    silo.database.sql(&format!("SELECT pg_drop_replication_slot(slot_name) {slot}"));
}

#[tokio::test]
async fn a_password_that_was_changed_is_looked_up_again() {
    let Some(silo) = Silo::new("passwords that change").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, PASSWORD).unwrap();
    let password = Secrets::new().credential(&format!("file:{}", path.display())).unwrap();
    let (mut source, _) = read(silo.builder().password(password), None).await;
    std::fs::write(&path, "another").unwrap();
    silo.database.sql(&format!("ALTER ROLE {} PASSWORD 'another'", silo.name));
    silo.way().hang_up();
    silo.sql("INSERT INTO t VALUES (1)");
    let found = loop {
        match source.next_batch().await {
            Ok(datalake_core::Next::Batch(batch)) => break records([&batch]),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
    };
    assert_eq!(found[0]["key"]["id"], 1);
    source.close().await.unwrap();
}

#[tokio::test]
async fn changes_come_over_tls_from_the_server_that_the_certificate_names() {
    let Some(cluster) = Cluster::builder("change data capture over TLS") else { return };
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cluster = cluster.tls(&issued.cert.pem(), &issued.signing_key.serialize_pem()).start();
    let database = cluster.database();
    database.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    database.sql("CREATE ROLE reader LOGIN REPLICATION SUPERUSER PASSWORD 'canary-9'");
    let builder = |host: &str| {
        let url = format!(
            "postgres://reader:canary-9@{host}:{}/{}?sslmode=verify-full",
            cluster.port(),
            database.name()
        );
        CdcSource::builder(url, "secure", "all_tables", Dataset::new("changes").unwrap())
            .create()
            .first_load()
            .tables(["t"])
            .wait(std::time::Duration::from_millis(50))
    };
    let trusted = || issued.cert.pem();
    let (mut source, batches) = read(builder("localhost").trust(trusted()), None).await;
    assert_eq!(records(&batches)[1]["key"]["id"], 1);
    let secured = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)";
    assert_eq!(database.sql(secured), "t");
    source.close().await.unwrap();
    for refused in [builder("localhost"), builder("127.0.0.1").trust(trusted())] {
        let mut source = refused.build().unwrap();
        source.seek(None).await.unwrap();
        let error = source.next_batch().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
