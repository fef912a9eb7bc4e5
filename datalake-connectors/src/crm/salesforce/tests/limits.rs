//! The requests of a day.

use std::time::Duration;

use super::{builder, drain, fill, ids, org, read, records, settings};
use datalake_core::{ErrorKind, Next, Source};

#[tokio::test]
async fn a_share_of_the_days_requests_is_left_to_others() {
    let org = org(settings().page(1).daily_requests(20));
    let made = fill(&org, 30);
    let mut source = builder(&org).request_share(0.5).build().unwrap();
    source.seek(None).await.unwrap();
    let mut batches = Vec::new();
    let error = loop {
        match source.next_batch().await {
            Ok(Next::Batch(batch)) => batches.push(batch),
            Ok(next) => panic!("{next:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::RateLimited, true), "{error}");
    assert!(error.retry_after().unwrap() > Duration::from_secs(800), "{error:?}");
    assert_eq!((org.requests(), source.requests_used()), (10, Some((10, 20))));
    source.next_batch().await.unwrap_err();
    assert_eq!(org.requests(), 10, "while it waits it does not ask");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(901)).await;
    tokio::time::resume();
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("no batch") };
    batches.push(batch);
    source.next_batch().await.unwrap_err();
    assert_eq!(org.requests(), 11, "one request finds out that the share is still used up");
    org.restore_requests();
    let position = batches.last().unwrap().position.clone();
    batches.extend(read(&builder(&org).request_share(1.0), Some(&position)).await.unwrap_or_default());
    assert!(made.starts_with(&ids(&records(&batches)).into_iter().map(str::to_owned).collect::<Vec<_>>()));
}

#[tokio::test]
async fn a_day_that_is_used_up_is_waited_for() {
    let org = org(settings().daily_requests(1));
    fill(&org, 1);
    let mut source = builder(&org).request_share(1.0).build().unwrap();
    source.seek(None).await.unwrap();
    let error = drain(&mut source).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::RateLimited, true), "{error}");
    assert!(error.retry_after().unwrap() > Duration::from_secs(60));
}
