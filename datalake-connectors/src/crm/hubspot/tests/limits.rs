//! Rates, and what refusals for them mean.

use std::time::Duration;

use super::{builder, fill, portal, read, settings};
use datalake_core::{Error, ErrorKind};
use datalake_simulators::rest::{Fault, Refusal, Rule};

async fn refused(policy: &'static str) -> Error {
    let portal = portal(settings());
    portal.faults().add(Rule::of("properties"), Fault::Refused(Refusal::new(429, policy)));
    read(&builder(&portal, "contacts"), None).await.unwrap_err()
}

#[tokio::test]
async fn a_refusal_for_the_rate_is_waited_for_as_its_policy_asks() {
    for (policy, least, most) in
        [("SECONDLY", 1, 1), ("TEN_SECONDLY_ROLLING", 10, 10), ("DAILY", 0, 24 * 3600)]
    {
        let error = refused(policy).await;
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::RateLimited, true), "{error}");
        let wait = error.retry_after().unwrap();
        assert!(
            wait >= Duration::from_secs(least) && wait <= Duration::from_secs(most),
            "{policy}: {wait:?}"
        );
    }
}

#[tokio::test]
async fn requests_are_sent_no_faster_than_the_system_takes_them() {
    let portal = portal(settings());
    fill(&portal, "contacts", 1_000);
    let source = builder(&portal, "contacts").rate_limit(3, Duration::from_millis(60));
    let began = tokio::time::Instant::now();
    read(&source, None).await.unwrap();
    let requests = portal.faults().seen().len();
    assert_eq!(requests, 11);
    assert!(began.elapsed() >= Duration::from_millis(180), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_token_that_is_not_known_is_told_and_not_shown() {
    let portal = portal(settings());
    let error = read(&builder(&portal, "contacts").token("pat-wr0ng-one"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error}");
    assert_eq!(portal.faults().seen().len(), 1);
}
