//! Transactions that commit after a later one was read: what a timestamp misses, and a horizon of transactions does not.

use std::time::Duration;

use tokio_postgres::NoTls;

use super::{Mode, database, drain, end, numbers, read, table};

/// A table of events that tells time and transaction of each row, with one row.
const EVENTS: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
                         written xid8 NOT NULL DEFAULT pg_current_xact_id());
    CREATE INDEX ON events (at, id); CREATE INDEX ON events (written, id);
    INSERT INTO events VALUES (1)";

/// What sources in these modes read of one row that is written before, and committed after, another: what they read while
/// it is open, and then.
async fn read_around_a_late_commit(mode: Mode) -> Option<(Vec<i64>, Vec<i64>)> {
    let database = database()?;
    database.sql(EVENTS);
    let (mut late, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let transaction = late.transaction().await.unwrap();
    transaction.execute("INSERT INTO events VALUES (2)", &[]).await.unwrap();
    database.sql("INSERT INTO events VALUES (3)");

    let builder = table(&database, "events").mode(mode);
    let mut source = builder.build().unwrap();
    let mut before = Vec::new();
    // The mode that goes by transactions waits for those of other tests, too.
    let first = tokio::time::timeout(Duration::from_secs(60), async {
        while !before.contains(&1) {
            before.extend(numbers(&drain(&mut source).await.unwrap(), "id"));
        }
    });
    first.await.unwrap();
    transaction.commit().await.unwrap();
    connection.abort();
    let mut after = Vec::new();
    for _ in 0..20 {
        after.extend(numbers(&drain(&mut source).await.unwrap(), "id"));
        if before.len() + after.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    after.sort_unstable();
    Some((before, after))
}

#[tokio::test]
async fn a_timestamp_misses_for_ever_what_commits_late() {
    let mode = Mode::keyset("at", ["id"]).look_back(Duration::ZERO);
    let Some(read) = read_around_a_late_commit(mode).await else { return };
    assert_eq!(read, (vec![1, 3], vec![]));
}

#[tokio::test]
async fn a_look_back_finds_what_commits_late_by_no_more_than_that_and_gives_nothing_twice() {
    let Some(read) = read_around_a_late_commit(Mode::keyset("at", ["id"])).await else { return };
    assert_eq!(read, (vec![1, 3], vec![2]));
}

#[tokio::test]
async fn a_cycle_that_is_interrupted_is_looked_back_from_where_it_would_have_ended() {
    let Some(database) = database() else { return };
    database.sql("CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())");
    database.sql("INSERT INTO t VALUES (1, '2024-01-01 00:00:00.0005'), (2, '2024-01-01 00:00:00.0007')");
    let mode = Mode::keyset("at", ["id"]).look_back(Duration::from_millis(1));
    let source = table(&database, "t").mode(mode).batch_bytes(1);
    let mut killed = source.clone().build().unwrap();
    let datalake_core::Next::Batch(first) = datalake_core::Source::next_batch(&mut killed).await.unwrap()
    else {
        panic!("there are rows")
    };
    assert_eq!(numbers(std::slice::from_ref(&first), "id"), [1]);
    drop(killed);
    // One that commits late, and one that comes much later.
    database.sql("INSERT INTO t VALUES (3, '2024-01-01 00:00:00'); INSERT INTO t VALUES (4)");
    let rest = read(&source, Some(&first.position)).await.unwrap();
    assert_eq!(numbers(&rest, "id"), [2, 3, 4]);
    assert!(read(&source, end(&rest)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_column_of_transactions_that_nothing_fills_is_refused() {
    let Some(database) = database() else { return };
    database.sql("CREATE TABLE t (id bigint PRIMARY KEY, written xid8); INSERT INTO t VALUES (1)");
    let source = table(&database, "t").mode(Mode::xid());
    let error = read(&source, None).await.unwrap_err();
    assert_eq!(error.kind(), datalake_core::ErrorKind::ConfigInvalid, "{error}");
    database.sql("ALTER TABLE t ALTER written SET DEFAULT pg_current_xact_id()");
    assert_eq!(numbers(&read(&source, None).await.unwrap(), "id"), [1]);
}

#[tokio::test]
async fn a_horizon_of_transactions_misses_nothing() {
    let Some((before, after)) = read_around_a_late_commit(Mode::xid()).await else { return };
    assert_eq!(before, [1], "what began after the open transaction is held back");
    assert_eq!(after, [2, 3]);
}

#[tokio::test]
async fn rows_without_a_transaction_are_read_at_first_and_updates_are_read_by_a_trigger() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE TABLE stock (id bigint PRIMARY KEY, pieces int, written xid8);
         INSERT INTO stock SELECT n, n FROM generate_series(1, 5) AS n;
         CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN NEW.written := pg_current_xact_id(); RETURN NEW; END $$;
         CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stock FOR EACH ROW EXECUTE FUNCTION stamp()",
    );
    let source = table(&database, "stock").mode(Mode::xid().xid_column("written")).page_rows(2);
    let first = read(&source, None).await.unwrap();
    assert_eq!(numbers(&first, "id"), [1, 2, 3, 4, 5]);
    database.sql("UPDATE stock SET pieces = 0 WHERE id IN (2, 4); INSERT INTO stock VALUES (6, 6)");
    let mut news = Vec::new();
    let mut at = end(&first).cloned();
    let all = tokio::time::timeout(Duration::from_secs(60), async {
        while news.len() < 3 {
            let batches = read(&source, at.as_ref()).await.unwrap();
            news.extend(numbers(&batches, "id"));
            at = end(&batches).cloned().or(at.take());
        }
    });
    all.await.unwrap();
    assert_eq!(news, [2, 4, 6]);
}

#[tokio::test]
async fn a_position_of_another_cluster_is_refused() {
    let Some(database) = database() else { return };
    database.sql(EVENTS);
    let source = table(&database, "events").mode(Mode::xid());
    let first = read(&source, None).await.unwrap();
    let mut state = end(&first).unwrap().state().clone();
    state["since"] = "99999999999".into();
    let foreign = datalake_core::Position::new(super::super::position::SCHEMA, &state).unwrap();
    let error = read(&source, Some(&foreign)).await.unwrap_err();
    assert_eq!(error.kind(), datalake_core::ErrorKind::PositionInvalid, "{error}");
}
