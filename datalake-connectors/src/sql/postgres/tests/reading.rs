//! Ties, keys, pages, and what a server does in the middle.

use std::time::Duration;

use super::{Mode, database, drain, end, numbers, read, table};
use datalake_core::{ErrorKind, Next, Source};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ties_that_are_more_than_a_page_are_all_read_once() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         INSERT INTO t SELECT n, '2024-01-01' FROM generate_series(1, 50) AS n",
    );
    let mode = Mode::keyset("at", ["id"]);
    let source = table(&database, "t").mode(mode).page_rows(7).batch_bytes(100);
    let first = read(&source, None).await.unwrap();
    assert_eq!(numbers(&first, "id"), (1..=50).collect::<Vec<_>>());
    // Written later with the same time: the look-back has them, and nothing that was given.
    database.sql("INSERT INTO t SELECT n, '2024-01-01' FROM generate_series(-5, 0) AS n");
    let news = read(&source, end(&first)).await.unwrap();
    assert_eq!(numbers(&news, "id"), (-5..=0).collect::<Vec<_>>());
    assert!(read(&source, end(&news)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_key_that_does_not_name_a_row_is_an_error_and_no_loss() {
    let Some(database) = database() else { return };
    database
        .sql("CREATE TABLE t (a int NOT NULL, b int); INSERT INTO t VALUES (1, 1), (2, 2), (2, 3), (3, 4)");
    for page in [1, 2, 3, 100] {
        let source = table(&database, "t").key(["a"]).page_rows(page);
        let error = read(&source, None).await.unwrap_err();
        assert!(error.to_string().contains("two rows have one key"), "{page}: {error}");
        let whole = table(&database, "t").key(["a", "b"]).page_rows(page);
        assert_eq!(numbers(&read(&whole, None).await.unwrap(), "b"), [1, 2, 3, 4]);
    }
    let error = read(&table(&database, "t"), None).await.unwrap_err();
    assert!(error.to_string().contains("no primary key"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn keys_that_are_equal_to_the_server_are_one_key_however_they_are_written() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE TABLE n (a numeric NOT NULL); INSERT INTO n VALUES (1.5), (100000.0), (100000.00);
         CREATE TABLE f (a float8 NOT NULL); INSERT INTO f VALUES (0), ('-0');
         CREATE TABLE parent (a int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
         INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);
         CREATE TABLE i (a interval NOT NULL); INSERT INTO i VALUES ('1 day'), ('24 hours');
         CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE c (a text COLLATE loose NOT NULL); INSERT INTO c VALUES ('a'), ('A');
         CREATE TABLE whole (a numeric NOT NULL, b interval PRIMARY KEY); INSERT INTO whole VALUES (1.0, '1 day'), (1.00, '25 hours')",
    );
    for page in [1, 2, 3, 100] {
        for name in ["n", "f", "parent"] {
            let source = table(&database, name).key(["a"]).page_rows(page);
            let error = read(&source, None).await.unwrap_err();
            assert!(error.to_string().contains("two rows have one key"), "{name} {page}: {error}");
        }
    }
    for name in ["i", "c"] {
        let error = read(&table(&database, name).key(["a"]), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("written differently"), "{name}: {error}");
    }
    let whole = table(&database, "whole").key(["a", "b"]).page_rows(1);
    assert_eq!(super::records(&read(&whole, None).await.unwrap()).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_table_that_is_emptied_or_rewritten_while_a_read_begins_is_read_as_it_is_then() {
    for statements in [
        "TRUNCATE t; INSERT INTO t SELECT n, n FROM generate_series(1, 5) n",
        "ALTER TABLE t ALTER n TYPE bigint",
        "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT n, n FROM generate_series(1, 5) n",
    ] {
        let Some(database) = database() else { return };
        database.sql("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT n, n FROM generate_series(1, 5) n");
        let query =
            super::PostgresSource::query(super::dataset(), database.url(), "SELECT * FROM t").key(["id"]);
        for source in [table(&database, "t"), query] {
            let (mut other, connection) =
                tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let transaction = other.transaction().await.unwrap();
            transaction.batch_execute(statements).await.unwrap();
            let reading = tokio::spawn(async move { read(&source, None).await });
            let waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) \
                         WHERE NOT granted AND datname = current_database()";
            let until = std::time::Instant::now() + Duration::from_secs(20);
            while database.sql(waits) == "0" && std::time::Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            transaction.commit().await.unwrap();
            let found = reading.await.unwrap().unwrap();
            assert_eq!(numbers(&found, "n"), [1, 2, 3, 4, 5], "{statements}");
            connection.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mark_of_another_column_is_refused() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, made timestamptz NOT NULL, changed timestamptz NOT NULL);
         INSERT INTO t VALUES (1, '2024-01-02', '2024-01-02')",
    );
    for by in [Duration::ZERO, Duration::from_secs(1)] {
        let source = |cursor: &str| table(&database, "t").mode(Mode::keyset(cursor, ["id"]).look_back(by));
        let first = read(&source("changed"), None).await.unwrap();
        assert!(read(&source("changed"), end(&first)).await.unwrap().is_empty());
        let error = read(&source("made"), end(&first)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_backslash_in_a_key_is_itself_where_texts_have_escapes_too() {
    let Some(database) = database() else { return };
    database.sql(&format!(
        "CREATE TABLE t (id text PRIMARY KEY, n int); INSERT INTO t SELECT 'a\\' || n, n FROM generate_series(1, 5) n;
         ALTER DATABASE {} SET standard_conforming_strings = off",
        database.name()
    ));
    let source = table(&database, "t").redshift().key(["id"]).page_rows(1);
    assert_eq!(numbers(&read(&source, None).await.unwrap(), "n"), [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_row_that_would_never_be_read_is_an_error() {
    let Some(database) = database() else { return };
    database.sql("CREATE DOMAIN stamp AS timestamptz CHECK (VALUE <> '-infinity'); CREATE DOMAIN price AS numeric(10, 2)");
    for (of, odd) in [
        ("timestamptz", "NULL"),
        ("timestamptz", "'infinity'"),
        ("stamp", "'infinity'"),
        ("date", "'-infinity'"),
        ("numeric", "'NaN'"),
        ("numeric", "'Infinity'"),
        ("price", "'NaN'"),
        ("real", "'Infinity'"),
        ("double precision", "'NaN'"),
    ] {
        database.sql(&format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, at {of}); INSERT INTO t VALUES (1, {odd})"
        ));
        let error = read(&table(&database, "t").mode(Mode::keyset("at", ["id"])), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("would never be read"), "{of} {odd}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_time_in_the_future_is_read_when_it_has_come_and_hides_nothing() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL);
         INSERT INTO t VALUES (1, now()), (2, now() + interval '1 second'), (3, now() + interval '1 year')",
    );
    let mut source = table(&database, "t").mode(Mode::keyset("at", ["id"])).build().unwrap();
    let mut found = numbers(&drain(&mut source).await.unwrap(), "id");
    assert_eq!(found, [1]);
    database.sql("INSERT INTO t VALUES (4, now())");
    let rest = async {
        while found.len() < 3 {
            found.extend(numbers(&drain(&mut source).await.unwrap(), "id"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), rest).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_statement_that_the_server_gives_up_is_asked_for_again() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 4);
         CREATE VIEW slow AS SELECT id, pg_sleep(0.15)::text AS slept FROM t",
    );
    let source = table(&database, "slow").key(["id"]).page_rows(4).batch_bytes(1);
    // All four at once take too long, the server says, and that can be tried again.
    let hasty = source.clone().statement_timeout(Duration::from_millis(250));
    let error = read(&hasty, None).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("57014"), "{error}");
    assert_eq!(numbers(&read(&source, None).await.unwrap(), "id"), [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_snapshot_is_the_same_for_all_connections_and_for_all_pages() {
    let Some(database) = database() else { return };
    database.sql("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT n, 0 FROM generate_series(1, 3000) AS n; ANALYZE t");
    let source = table(&database, "t").parallel(3).range_bytes(8192).page_rows(50).batch_bytes(300);
    let mut source = source.build().unwrap();
    source.seek(None).await.unwrap();
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("there are rows") };
    database.sql("UPDATE t SET n = 1; INSERT INTO t VALUES (5000, 1)");
    let mut batches = vec![first];
    batches.extend(drain(&mut source).await.unwrap());
    assert_eq!(numbers(&batches, "id"), (1..=3000).collect::<Vec<_>>());
    assert!(numbers(&batches, "n").iter().all(|n| *n == 0));
    assert!(batches.len() > 50, "{} batches", batches.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_edition_reads_everything_again() {
    let Some(database) = database() else { return };
    database.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    let monday = table(&database, "t").mode(Mode::full().edition("monday"));
    let first = read(&monday, None).await.unwrap();
    assert!(read(&monday, end(&first)).await.unwrap().is_empty());
    let tuesday = table(&database, "t").mode(Mode::full().edition("tuesday"));
    assert_eq!(numbers(&read(&tuesday, end(&first)).await.unwrap(), "id"), [1, 2]);
    for other in [table(&database, "other"), table(&database, "t").mode(Mode::xid())] {
        let error = read(&other, end(&first)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionInvalid);
    }
}
