//! What is missing is an alarm, and never silence.

use datalake_core::{Error, ErrorKind, Next, Position, Source};
use datalake_simulators::postgres::Cluster;
use serde_json::json;

use super::server::{Silo, read};
use crate::sql::cdc::{CdcSource, CdcSourceBuilder};

/// The error with which reading on after a position ends.
async fn error(builder: CdcSourceBuilder, position: Option<&Position>) -> Error {
    let mut source = builder.build().unwrap();
    source.seek(position).await.unwrap();
    match source.next_batch().await {
        Err(error) => error,
        Ok(next) => panic!("{next:?}, where an error was expected"),
    }
}

/// A silo, and the position after one row.
async fn read_once(left_out: &str) -> Option<(Silo, Position)> {
    let silo = Silo::new(left_out).await?;
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (1)");
    let (mut source, batches) = read(silo.builder(), None).await;
    let last = batches.last().unwrap().position.clone();
    source.commit(&last).await.unwrap();
    source.close().await.unwrap();
    Some((silo, last))
}

#[tokio::test]
async fn a_slot_that_was_dropped_is_an_alarm_and_so_is_one_made_in_its_place() {
    let Some((silo, last)) = read_once("slots that are dropped").await else { return };
    silo.database.sql(&format!("SELECT pg_drop_replication_slot('{}')", silo.name));
    silo.sql("INSERT INTO t VALUES (2)");
    let dropped = error(silo.builder().first_load(), Some(&last)).await;
    assert_eq!(dropped.kind(), ErrorKind::PositionInvalid, "{dropped}");
    assert!(!dropped.is_retryable());
    silo.slot(&silo.name);
    let remade = error(silo.builder(), Some(&last)).await;
    assert_eq!(remade.kind(), ErrorKind::PositionInvalid, "{remade}");
}

#[tokio::test]
async fn a_slot_that_others_moved_is_an_alarm() {
    let Some((silo, last)) = read_once("slots that others move").await else { return };
    silo.sql("INSERT INTO t VALUES (2)");
    let name = &silo.name;
    silo.database.sql(&format!("SELECT pg_replication_slot_advance('{name}', pg_current_wal_lsn())"));
    let error = error(silo.builder(), Some(&last)).await;
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
}

#[tokio::test]
async fn a_position_of_another_server_is_refused() {
    let Some((silo, last)) = read_once("servers that are others").await else { return };
    let mut state = last.state().clone();
    state["origin"]["system"] = json!("7000000000000000000");
    let other = Position::new(last.schema(), &state).unwrap();
    let error = error(silo.builder(), Some(&other)).await;
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    state["origin"]["slot"] = json!("another");
    let other = Position::new(last.schema(), &state).unwrap();
    let refused = silo.builder().build().unwrap().seek(Some(&other)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PositionInvalid, "{refused}");
}

#[tokio::test]
async fn a_server_that_was_restored_to_before_what_was_read_is_an_alarm() {
    let Some(cluster) = Cluster::builder("servers that were restored") else { return };
    let mut cluster = cluster.setting("restore_command", "false").setting("synchronous_commit", "on").start();
    let name = cluster.database().name().to_owned();
    let dataset = datalake_core::Dataset::new("changes").unwrap();
    let builder = CdcSource::builder(cluster.named(&name).url(), "restored", "all_tables", dataset);
    let builder = builder.create().tables(["t"]).wait(std::time::Duration::from_millis(50));
    cluster.named(&name).sql("CREATE TABLE t (id int PRIMARY KEY)");
    let (mut source, _) = read(builder.clone(), None).await;
    cluster.named(&name).sql("INSERT INTO t VALUES (1)");
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("no batch") };
    drop(source);
    let at = |lsn: &str| {
        let mut state = batch.position.state().clone();
        state["lsn"] = json!(lsn);
        Position::new(batch.position.schema(), &state).unwrap()
    };
    let beyond = error(builder.clone(), Some(&at("FF/0"))).await;
    assert_eq!(beyond.kind(), ErrorKind::PositionInvalid, "{beyond}");
    assert!(beyond.to_string().contains("log ends before"), "{beyond}");
    // A restore from an archive ends on a timeline of its own.
    let data = cluster.named(&name).sql("SHOW data_directory");
    std::fs::write(std::path::Path::new(&data).join("recovery.signal"), "").unwrap();
    cluster.crash();
    let database = cluster.named(&name);
    assert_eq!(database.sql("SELECT timeline_id FROM pg_control_checkpoint()"), "2");
    database.sql("INSERT INTO t VALUES (2)");
    let end = database.sql("SELECT pg_current_wal_insert_lsn()");
    let (_, batches) = read(builder.clone(), Some(&batch.position)).await;
    assert_eq!(super::server::records(&batches)[0]["key"]["id"], 2, "what was read is on the way to here");
    assert_eq!(batches[0].position.state()["origin"]["timeline"], 2);
    let aside = error(builder, Some(&at(&end))).await;
    assert_eq!(aside.kind(), ErrorKind::PositionInvalid, "{aside}");
    assert!(aside.to_string().contains("another way"), "{aside}");
}

#[tokio::test]
async fn what_is_expected_and_not_there_is_said() {
    let Some(silo) = Silo::new("slots that are not there").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    let publication = error(silo.builder(), None).await;
    assert_eq!(publication.kind(), ErrorKind::NotFound, "{publication}");
    silo.sql("CREATE PUBLICATION all_tables FOR TABLE t");
    let slot = error(silo.builder(), None).await;
    assert_eq!(slot.kind(), ErrorKind::NotFound, "{slot}");
    let table = error(silo.builder().tables(["t", "u"]), None).await;
    assert_eq!(table.kind(), ErrorKind::ConfigInvalid, "{table}");
    let sql = format!("SELECT pg_create_logical_replication_slot('{}', 'test_decoding')", silo.name);
    silo.database.sql(&sql);
    let plugin = error(silo.builder(), None).await;
    assert_eq!(plugin.kind(), ErrorKind::ConfigInvalid, "{plugin}");
}

#[tokio::test]
async fn a_slot_that_another_reads_is_left_to_it() {
    let Some(silo) = Silo::new("slots that are read already").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    let (_reading, _) = read(silo.builder(), None).await;
    for builder in [silo.builder(), silo.builder().first_load()] {
        let error = error(builder, None).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(silo.of_slot("active"), "t");
}

#[tokio::test]
async fn a_slot_that_the_server_gave_up_is_an_alarm_while_it_is_read_too() {
    let Some(cluster) = Cluster::builder("slots that the server gives up") else { return };
    let cluster = cluster
        .setting("max_slot_wal_keep_size", "1MB")
        .setting("max_wal_size", "32MB")
        .setting("min_wal_size", "32MB")
        .setting("wal_keep_size", "0")
        .start();
    let database = cluster.database();
    database.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION all_tables FOR TABLE t");
    let dataset = datalake_core::Dataset::new("changes").unwrap();
    let builder = CdcSource::builder(database.url(), "lost", "all_tables", dataset).create().tables(["t"]);
    let builder =
        builder.wait(std::time::Duration::from_millis(50)).check_every(std::time::Duration::from_secs(9));
    let (mut source, _) = read(builder, None).await;
    database.sql("INSERT INTO t VALUES (1)");
    let error = tokio::time::timeout(super::server::SOON, async {
        loop {
            for _ in 0..3 {
                database.sql("SELECT pg_switch_wal()");
            }
            database.sql("CHECKPOINT");
            match source.next_batch().await {
                Ok(Next::End) => panic!("the end"),
                Err(error) if !error.is_retryable() => return error,
                _ => {}
            }
        }
    });
    let error = error.await.unwrap();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    assert!(error.to_string().contains("lost"), "{error}");
}
