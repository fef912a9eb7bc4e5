//! Tokens: how they come, where they go, and what happens when they end.

use std::sync::Arc;

use super::{SalesforceAuth, builder, drain, fill, ids, org, read, records, settings};
use datalake_core::{ErrorKind, Source};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::salesforce::{CLIENT_ID, PRIVATE_KEY, USER};

#[tokio::test]
async fn a_token_that_expires_between_pages_is_replaced_and_nothing_comes_twice() {
    let org = Arc::new(org(settings().page(2)));
    let made = fill(&org, 7);
    let of = Arc::downgrade(&org);
    org.faults().meanwhile(Rule::of("query_more").after(1), move || of.upgrade().unwrap().expire_sessions());
    assert_eq!(ids(&records(&read(&builder(&org), None).await.unwrap())), made);
    assert_eq!(org.faults().count("token"), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_an_error_and_no_loop() {
    let org = org(settings());
    let refused = Fault::Refused(Refusal::new(401, "INVALID_SESSION_ID"));
    org.faults().add(Rule::of("describe").always(), refused);
    let error = read(&builder(&org), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!((org.faults().count("token"), org.faults().count("describe")), (2, 2));
}

#[tokio::test]
async fn a_worker_logs_in_by_a_signed_assertion() {
    let org = org(settings());
    // The clock of an organisation may stand elsewhere than ours, and then it takes no assertion.
    org.set_clock(chrono::Utc::now().timestamp_millis());
    let made = fill(&org, 1);
    let auth = SalesforceAuth::jwt_bearer(CLIENT_ID, USER, PRIVATE_KEY);
    assert!(!format!("{auth:?}").contains("PRIVATE"), "{auth:?}");
    let mut source = builder(&org).auth(auth).build().unwrap();
    source.seek(None).await.unwrap();
    org.set_clock(chrono::Utc::now().timestamp_millis());
    source.describe().await.unwrap();
    org.advance(std::time::Duration::from_secs(60));
    assert_eq!(ids(&records(&drain(&mut source).await.unwrap())), made);
}

#[test]
fn a_key_that_is_none_is_refused_without_showing_it() {
    let org = org(settings());
    for key in ["s3cr3t", "-----BEGIN PRIVATE KEY-----\nczNjcjN0\n-----END PRIVATE KEY-----\n"] {
        let error = builder(&org).auth(SalesforceAuth::jwt_bearer("a", "b", key)).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("czNj"), "{shown}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_told_by_its_error_and_not_shown() {
    let org = org(settings());
    let auth = SalesforceAuth::client_credentials(CLIENT_ID, "wrong-s3cr3t");
    let error = read(&builder(&org).auth(auth), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("invalid_client"), "{error}");
    assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    assert_eq!(org.faults().count("token"), 1, "a wrong secret is not tried again");
}

#[tokio::test]
async fn a_token_is_taken_to_no_other_host() {
    let elsewhere = org(settings());
    let org = org(settings().instance_url(elsewhere.url()));
    let made = fill(&org, 1);
    assert_eq!(ids(&records(&read(&builder(&org), None).await.unwrap())), made);
    assert!(elsewhere.faults().seen().is_empty());
}

#[tokio::test]
async fn an_organisation_that_calls_itself_localhost_is_asked_where_it_is() {
    let org = org(settings().instance_url("http://localhost:9"));
    let made = fill(&org, 1);
    assert_eq!(ids(&records(&read(&builder(&org), None).await.unwrap())), made);
}
