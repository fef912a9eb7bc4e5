//! The slot moves on after the commit, and no further.

use std::time::Duration;

use datalake_core::{Next, Source};
use tokio::sync::watch;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata};

use super::server::{SOON, Silo, drain, read, records};

fn place(position: &datalake_core::Position) -> String {
    position.state()["lsn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_slot_moves_on_only_after_the_commit() {
    let Some(silo) = Silo::new("slots that move on").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    let before = silo.of_slot("confirmed_flush_lsn");
    silo.sql("INSERT INTO t SELECT generate_series(1, 10)");
    let builder = silo.builder().status_every(Duration::from_millis(10));
    let (mut source, batches) = read(builder, None).await;
    assert_eq!(records(&batches).len(), 10);
    // The server has been told many times by then.
    drain(&mut source).await;
    assert_eq!(silo.of_slot("confirmed_flush_lsn"), before);
    let last = &batches.last().unwrap().position;
    source.commit(last).await.unwrap();
    silo.until(&format!("confirmed_flush_lsn = '{}'", place(last))).await;
}

#[tokio::test]
async fn a_batch_that_ends_within_a_transaction_keeps_all_of_it_in_the_slot() {
    let Some(silo) = Silo::new("transactions in several commits").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    silo.sql("INSERT INTO t SELECT generate_series(1, 100)");
    let before = silo.of_slot("confirmed_flush_lsn");
    let builder = silo.builder().document_bytes(500).batch_bytes(1000);
    let (mut source, batches) = read(builder.clone(), None).await;
    assert!(batches.len() > 3, "{} batches", batches.len());
    source.commit(&batches[1].position).await.unwrap();
    source.close().await.unwrap();
    assert_eq!(silo.of_slot("confirmed_flush_lsn"), before);
    let (_, rest) = read(builder, Some(&batches[1].position)).await;
    let (first, rest) = (records(&batches[..2]), records(&rest));
    assert_eq!([first, rest].concat(), records(&batches));
}

#[tokio::test]
async fn what_is_committed_is_told_before_the_source_is_closed() {
    let Some(silo) = Silo::new("sources that are closed").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (1)");
    let (mut source, batches) = read(silo.builder(), None).await;
    let last = &batches.last().unwrap().position;
    source.commit(last).await.unwrap();
    source.close().await.unwrap();
    assert_eq!(silo.of_slot("confirmed_flush_lsn"), place(last));
}

#[tokio::test]
async fn the_commit_of_a_run_that_was_killed_is_told_by_the_next() {
    let Some(silo) = Silo::new("commits that were not told").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (1)");
    let (source, batches) = read(silo.builder(), None).await;
    drop(source);
    let last = &batches.last().unwrap().position;
    let mut source = silo.builder().build().unwrap();
    source.seek(Some(last)).await.unwrap();
    source.commit(last).await.unwrap();
    assert!(drain(&mut source).await.is_empty());
    silo.until(&format!("confirmed_flush_lsn = '{}'", place(last))).await;
}

#[tokio::test]
async fn tables_in_which_nothing_happens_do_not_hold_the_log_of_others() {
    let Some(silo) = Silo::new("databases that are idle").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (text text)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (1)");
    let builder = silo.builder().advance_after(1 << 20);
    let (mut source, batches) = read(builder.clone(), None).await;
    let first = batches.last().unwrap().position.clone();
    silo.sql("INSERT INTO other VALUES ('a little')");
    assert!(drain(&mut source).await.is_empty(), "a little log is not worth a commit");
    silo.sql("INSERT INTO other SELECT repeat('much', 250) FROM generate_series(1, 2000)");
    let moved = tokio::time::timeout(SOON, async {
        loop {
            if let Next::Batch(batch) = source.next_batch().await.unwrap() {
                return batch;
            }
        }
    });
    let moved = moved.await.unwrap();
    assert!(moved.documents.is_empty() && moved.position != first);
    source.commit(&moved.position).await.unwrap();
    silo.until(&format!("confirmed_flush_lsn = '{}'", place(&moved.position))).await;
    drop(source);
    silo.sql("INSERT INTO t VALUES (2)");
    let (_, rest) = read(builder, Some(&moved.position)).await;
    assert_eq!(records(&rest)[0]["key"]["id"], 2);
}

#[tokio::test]
async fn a_server_that_stops_is_told_that_everything_is_durable() {
    let Some(cluster) = datalake_simulators::postgres::Cluster::builder("servers that stop") else { return };
    let cluster = cluster.start();
    let database = cluster.database();
    database.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)");
    let dataset = datalake_core::Dataset::new("changes").unwrap();
    let builder = crate::sql::cdc::CdcSource::builder(database.url(), "stops", "all_tables", dataset);
    let (mut source, batches) =
        read(builder.create().tables(["t"]).wait(Duration::from_millis(50)), None).await;
    source.commit(&batches.last().unwrap().position).await.unwrap();
    database.sql("INSERT INTO other VALUES (1)");
    assert!(drain(&mut source).await.is_empty());
    let stopped = tokio::task::spawn_blocking(move || drop(cluster));
    let reading = async {
        loop {
            match source.next_batch().await {
                Ok(Next::Batch(batch)) => source.commit(&batch.position).await.unwrap(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    let error = tokio::time::timeout(SOON, reading).await;
    drop(source);
    stopped.await.unwrap();
    assert_eq!(error.unwrap().kind(), datalake_core::ErrorKind::Unavailable);
}

#[tokio::test]
async fn how_much_log_waits_is_told_and_warned_of_while_nobody_takes_it() {
    let Some(silo) = Silo::new("slots that grow").await else { return };
    silo.sql("CREATE TABLE t (id int PRIMARY KEY, text text)");
    silo.publish("t");
    silo.sql("INSERT INTO t VALUES (0, '')");
    let warned = Warned::default();
    let _hears = tracing::subscriber::set_default(warned.clone());
    let builder = silo.builder().check_every(Duration::from_millis(20)).warn_above(2 << 20);
    let (source, _) = read(builder, None).await;
    assert!(source.remaining().bytes.unwrap() < 1 << 20, "{:?}", source.remaining());
    assert_eq!(warned.count(), 0);
    silo.sql("INSERT INTO t SELECT n, repeat('much', 250) FROM generate_series(1, 3000) n");
    tokio::time::timeout(SOON, warned.once()).await.unwrap();
    assert!(source.remaining().bytes.unwrap() >= 2 << 20, "{:?}", source.remaining());
    assert!(source.remaining().behind.is_some());
}

/// Counts the warnings of a slot that holds much.
#[derive(Clone, Default)]
struct Warned(watch::Sender<usize>);

impl Warned {
    fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits for the first.
    async fn once(&self) {
        self.0.subscribe().wait_for(|count| *count > 0).await.unwrap();
    }
}

impl tracing::Subscriber for Warned {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.fields().field("held_bytes").is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.send_modify(|count| *count += 1);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
