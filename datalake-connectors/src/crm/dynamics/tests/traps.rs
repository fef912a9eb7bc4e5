//! What has cost others their rows.

use std::time::Duration;

use super::{builder, dataverse, end, keys, read};
use crate::crm::Change;
use crate::crm::testing::{drain, records};
use datalake_core::{ErrorKind, Next, Source};
use datalake_simulators::dataverse::{ACCOUNTS, Dataverse, Row, Seen, account, account_key};

#[tokio::test]
async fn changes_come_after_everything_and_deletes_after_changes() {
    let dataverse = dataverse(Dataverse::builder().page(2), 5).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    assert_eq!(records(&first).len(), 5);
    dataverse.system().delete(ACCOUNTS, account_key(1));
    dataverse.system().update(ACCOUNTS, Row::new().with("accountid", account_key(2)).with("name", "Changed"));
    dataverse.system().create(ACCOUNTS, account(9));
    let second = read(&source, end(&first)).await.unwrap();
    let told = records(&second);
    let operations: Vec<_> = told.iter().map(|record| Change::of(record.to_string().as_bytes())).collect();
    assert_eq!(operations, [Change::Upsert, Change::Upsert, Change::Delete]);
    assert_eq!(keys(&told)[2], account_key(1));
    assert!(told.iter().any(|record| record["name"] == "Changed"));
    assert!(read(&source, end(&second)).await.unwrap().iter().all(|batch| batch.documents.is_empty()));
}

#[tokio::test]
async fn a_token_that_was_not_committed_is_not_used() {
    let dataverse = dataverse(Dataverse::builder(), 3).await;
    let source = builder(&dataverse);
    let mut worker = source.clone().build().unwrap();
    worker.seek(None).await.unwrap();
    let first = drain(&mut worker).await.unwrap();
    dataverse.system().create(ACCOUNTS, account(7));
    for _ in 0..3 {
        assert!(matches!(worker.next_batch().await.unwrap(), Next::Idle(_)), "it waits for the commit");
    }
    let used = |seen: &Seen| seen.target.contains("deltatoken");
    assert!(!dataverse.seen().iter().any(used));
    worker.commit(end(&first).unwrap()).await.unwrap();
    assert_eq!(keys(&records(&drain(&mut worker).await.unwrap())), [account_key(7)]);
    assert!(dataverse.seen().iter().any(used));
    worker.commit(end(&first).unwrap()).await.unwrap();
    assert!(drain(&mut worker).await.unwrap().is_empty(), "an older commit says nothing of the newer token");
    for _ in 0..3 {
        let again = read(&source, end(&first)).await.unwrap();
        assert_eq!(keys(&records(&again)), [account_key(7)], "it comes until it is committed");
    }
}

#[tokio::test]
async fn a_link_is_taken_back_byte_for_byte() {
    let dataverse = dataverse(Dataverse::builder(), 1).await;
    let source = builder(&dataverse).columns(["name"]);
    let first = read(&source, None).await.unwrap();
    dataverse.forget();
    read(&source, end(&first)).await.unwrap();
    let asked: Vec<_> =
        dataverse.seen().into_iter().filter(|seen| seen.target.contains("deltatoken")).collect();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].target.contains("%21") && asked[0].target.contains("%2f"), "{}", asked[0].target);
}

#[tokio::test]
async fn changes_that_are_forgotten_end_the_run_unless_everything_is_to_be_read_again() {
    let dataverse = dataverse(Dataverse::builder(), 3).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    dataverse.expire_deltas();
    let error = read(&source, end(&first)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    let again = read(&source.reinitialise(), end(&first)).await.unwrap();
    assert_eq!(records(&again).len(), 3);
}

#[tokio::test]
async fn a_page_of_changes_that_is_forgotten_begins_the_cycle_again() {
    let dataverse = dataverse(Dataverse::builder().page(2), 1).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    (10..15).for_each(|n| dataverse.system().create(ACCOUNTS, account(n)));
    let second = read(&source, end(&first)).await.unwrap();
    dataverse.expire_pages();
    let rest = read(&source, Some(&second[0].position)).await.unwrap();
    assert_eq!(records(&rest).len(), 5, "all of it, since nobody knows what is left");
}

#[tokio::test]
async fn a_page_of_everything_that_is_forgotten_ends_the_run_since_deletes_could_be_missed() {
    let dataverse = dataverse(Dataverse::builder().page(2), 5).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    dataverse.expire_pages();
    dataverse.system().delete(ACCOUNTS, account_key(0));
    let error = read(&source, Some(&first[0].position)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    let again = read(&source.reinitialise(), Some(&first[0].position)).await.unwrap();
    assert_eq!(records(&again).len(), 4);
}

#[tokio::test]
async fn a_table_without_change_tracking_is_refused_and_can_be_read_without() {
    let dataverse = dataverse(Dataverse::builder().untracked(ACCOUNTS), 3).await;
    let source = builder(&dataverse);
    let error = read(&source, None).await.unwrap_err();
    assert!(error.to_string().contains("change tracking"), "{error}");
    let source = source.without_tracking();
    let first = read(&source, None).await.unwrap();
    assert_eq!(records(&first).len(), 3);
    assert_eq!(records(&read(&source, end(&first)).await.unwrap()).len(), 3);
}

#[tokio::test]
async fn a_position_of_a_read_by_changes_leads_to_everything_without_and_back() {
    let dataverse = dataverse(Dataverse::builder().page(2), 5).await;
    let tracked = builder(&dataverse);
    let untracked = tracked.clone().without_tracking();
    for (first, then) in [(&tracked, &untracked), (&untracked, &tracked)] {
        let whole = read(first, None).await.unwrap();
        for batch in &whole {
            let other = read(then, Some(&batch.position)).await.unwrap();
            assert_eq!(records(&other).len(), 5, "all of it, from the middle and from the end");
        }
    }
}

#[tokio::test]
async fn other_columns_are_refused_since_a_link_holds_its_own() {
    let dataverse = dataverse(Dataverse::builder(), 3).await;
    let first = read(&builder(&dataverse).columns(["name"]), None).await.unwrap();
    assert!(records(&first)[0].get("revenue").is_none());
    let error = read(&builder(&dataverse).columns(["revenue"]), end(&first)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
}

#[tokio::test]
async fn a_system_that_throttles_says_how_long_and_is_let_alone_for_so_long() {
    let dataverse = dataverse(Dataverse::builder(), 3).await;
    let mut source = builder(&dataverse).build().unwrap();
    source.seek(None).await.unwrap();
    dataverse.throttle(Duration::from_secs(30));
    let error = source.next_batch().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::RateLimited, true), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    assert_eq!(records(&drain(&mut source).await.unwrap()).len(), 3);
    assert_eq!(dataverse.early(), 0);
}

#[tokio::test]
async fn a_token_that_ends_between_pages_is_replaced() {
    let dataverse = dataverse(Dataverse::builder().page(2), 5).await;
    let mut source = builder(&dataverse).build().unwrap();
    source.seek(None).await.unwrap();
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("no batch") };
    dataverse.expire_access();
    let rest = drain(&mut source).await.unwrap();
    assert_eq!(records(std::iter::once(&first).chain(&rest)).len(), 5);
    assert_eq!(dataverse.tokens_given(), 2);
}
