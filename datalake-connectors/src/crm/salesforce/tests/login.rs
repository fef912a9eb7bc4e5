//! Tokens: how they come, where they go, and what happens when they end.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{
    SalesforceAuth, SalesforceSource, builder, drain, fill, ids, org, read, read_by, records, settings,
};
use datalake_core::{Dataset, ErrorKind, Source};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::salesforce::{CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, USER};

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

/// Answers each request of a listener by its first line, and keeps the requests, headers included.
async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>, answer: impl Fn(&str) -> String) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap() == 0 {
                break;
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let body = answer(request.lines().next().unwrap_or_default());
        seen.lock().unwrap().push(request);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_next_link_to_another_host_gets_no_credential() {
    let (here, elsewhere) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("http://{}", here.local_addr().unwrap());
    let link = format!("http://{}/services/data/v62.0/query/01g-1", elsewhere.local_addr().unwrap());
    let (asked, other) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let page = |id: &str, rest: String| {
        let record = format!(r#"{{"Id":"{id}","SystemModstamp":"2024-01-01T00:00:00.000+0000"}}"#);
        format!(r#"{{"totalSize":2,{rest},"records":[{record}]}}"#)
    };
    let field = |name: &str| format!(r#"{{"name":"{name}","type":"string","filterable":true}}"#);
    let fields = [field("Id"), field("SystemModstamp")].join(",");
    let servers = async {
        tokio::join!(
            serve(here, Arc::clone(&asked), |line| match line {
                line if line.contains("/oauth2/token") => r#"{"access_token":"00D-s3cr3t"}"#.to_owned(),
                line if line.contains("/describe") =>
                    format!(r#"{{"name":"Account","queryable":true,"fields":[{fields}]}}"#),
                line if line.contains("/query/01g-1") => page("002", r#""done":true"#.to_owned()),
                _ => page("001", format!(r#""done":false,"nextRecordsUrl":"{link}""#)),
            }),
            serve(elsewhere, Arc::clone(&other), |_| page("002", r#""done":true"#.to_owned())),
        )
    };
    let source = SalesforceSource::builder(Dataset::new("d").unwrap(), url, "Account")
        .auth(SalesforceAuth::client_credentials("a", "b"))
        .build();
    let batches = tokio::select! {
        batches = read_by(source, None) => batches.unwrap(),
        _ = servers => panic!("the servers ended"),
    };
    assert_eq!(ids(&records(&batches)), ["001", "002"]);
    let asked = asked.lock().unwrap();
    let next = asked.iter().find(|request| request.contains("/query/01g-1")).unwrap();
    assert!(next.contains("Bearer 00D-s3cr3t"), "the configured host is asked in its place: {next}");
    assert!(other.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_link_to_another_host_is_asked_of_the_own_one() {
    let elsewhere = org(settings());
    let port = elsewhere.url().rsplit(':').next().unwrap().to_owned();
    for named in [elsewhere.url(), format!("http://localhost:{port}"), format!("//me@localhost:{port}")] {
        let org = org(settings().page(2).links_to(named.as_str()));
        let made = fill(&org, 5);
        assert_eq!(ids(&records(&read(&builder(&org), None).await.unwrap())), made, "{named}");
        assert_eq!(org.faults().count("query_more"), 2);
        assert!(elsewhere.faults().seen().is_empty(), "{named} has got a request");
    }
}

#[tokio::test]
async fn a_link_that_repeats_the_secret_is_not_followed_however_it_is_written() {
    for repeated in [CLIENT_SECRET.to_owned(), CLIENT_SECRET.replace('-', "%2D")] {
        let org = org(settings().page(2).links_to(format!("/{repeated}")));
        fill(&org, 5);
        let error = read(&builder(&org), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
        assert!(!format!("{error:?}").contains(CLIENT_SECRET), "{error:?}");
        assert_eq!(org.faults().seen().iter().filter(|seen| seen.target.contains(&repeated)).count(), 0);
    }
}
