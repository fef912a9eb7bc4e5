//! Random tables that are written to while they are read, by workers that are killed: every row comes once.

use std::collections::BTreeMap;

use tokio_postgres::NoTls;

use super::{Cluster, Mode, PostgresSourceBuilder, dataset, records};
use crate::sql::postgres::PostgresSource;
use datalake_core::testkit::Rng;
use datalake_core::{Next, Position, Source};

/// How many histories.
const HISTORIES: u64 = 60;

/// Reads some batches and forgets the rest, as a worker that is killed.
async fn some(
    source: &PostgresSourceBuilder,
    committed: &mut Option<Position>,
    landed: &mut BTreeMap<i64, Vec<i64>>,
    batches: usize,
) -> bool {
    let mut source = source.clone().build().unwrap();
    source.seek(committed.as_ref()).await.unwrap();
    for _ in 0..batches {
        let Next::Batch(batch) = source.next_batch().await.unwrap() else { return true };
        for record in records([&batch]) {
            landed.entry(record["id"].as_i64().unwrap()).or_default().push(record["n"].as_i64().unwrap());
        }
        *committed = Some(batch.position);
    }
    false
}

#[tokio::test]
async fn whatever_is_written_while_it_is_read_lands_once_in_each_state() {
    // Of its own, since open transactions of other tests hold back what is read.
    let Some(cluster) = Cluster::builder("random tables of PostgreSQL") else { return };
    let cluster = cluster.start();
    let database = cluster.database();
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    for seed in 0..HISTORIES {
        let mut rng = Rng::new(seed);
        let table = format!("t{seed}");
        client
            .batch_execute(&format!(
                "CREATE TABLE {table} (id bigint PRIMARY KEY, n bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
                                       written xid8 NOT NULL DEFAULT pg_current_xact_id())"
            ))
            .await
            .unwrap();
        let mode = if rng.chance(0.5) { Mode::xid() } else { Mode::keyset("at", ["id"]) };
        let source = PostgresSource::table(dataset(), database.url(), &table)
            .mode(mode)
            .page_rows(rng.within(1..6))
            .batch_bytes(rng.within(1..300))
            .parallel(rng.within(1..3))
            .range_bytes(1);
        // Each state of each row that was committed and still stood when it could be read.
        let (mut now, mut landed, mut committed) = (BTreeMap::new(), BTreeMap::new(), None);
        let mut version = 0;
        for _ in 0..rng.within(4..10) {
            if rng.chance(0.6) {
                let mut statements = String::from("BEGIN;");
                for _ in 0..rng.within(1..9) {
                    let id = i64::try_from(rng.below(30)).unwrap();
                    version += 1;
                    statements.push_str(&format!(
                        "INSERT INTO {table} (id, n) VALUES ({id}, {version}) ON CONFLICT (id) DO UPDATE \
                         SET n = excluded.n, at = clock_timestamp(), written = pg_current_xact_id();"
                    ));
                    now.insert(id, version);
                }
                client.batch_execute(&(statements + "COMMIT")).await.unwrap();
            } else {
                some(&source, &mut committed, &mut landed, rng.within(0..6)).await;
            }
        }
        while !some(&source, &mut committed, &mut landed, usize::MAX).await {}
        while !some(&source, &mut committed, &mut landed, usize::MAX).await {}
        for (id, n) in &now {
            assert_eq!(landed[id].last(), Some(n), "seed {seed}, row {id}");
            let mut once = landed[id].clone();
            once.dedup();
            assert_eq!(once, landed[id], "seed {seed}, row {id}");
            assert!(landed[id].is_sorted(), "seed {seed}, row {id}");
        }
        assert_eq!(landed.len(), now.len(), "seed {seed}");
    }
    connection.abort();
}
