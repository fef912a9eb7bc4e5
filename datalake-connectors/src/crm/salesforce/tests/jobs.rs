//! Bulk jobs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use super::{Bulk, builder, drain, fill, ids, org, read, records, settings};
use datalake_core::{ErrorKind, Next, Source};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::salesforce::{Field, Object, Salesforce};

#[tokio::test]
async fn the_header_on_every_page_of_results_is_no_record() {
    for org in [org(settings()), org(settings().without_number_of_records())] {
        let made = fill(&org, 10);
        let source = builder(&org).bulk(Bulk::Always).bulk_page_size(4);
        let batches = read(&source, None).await.unwrap();
        let pages: Vec<_> = batches.iter().flat_map(|batch| &batch.documents).collect();
        assert_eq!(pages.len(), 3);
        assert!(pages.iter().all(|page| page.bytes().starts_with(b"\"Id\",")));
        assert_eq!(ids(&records(&batches)), made);
    }
}

#[tokio::test]
async fn the_word_null_as_locator_is_the_end() {
    let org = org(settings());
    fill(&org, 8);
    let source = builder(&org).bulk(Bulk::Always).bulk_page_size(4);
    assert_eq!(records(&read(&source, None).await.unwrap()).len(), 8);
    let seen = org.faults().seen();
    let asked: Vec<_> = seen.iter().filter(|seen| seen.operation == "job_results").collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.iter().all(|seen| !seen.target.contains("null")));
}

#[tokio::test]
async fn any_character_in_a_field_of_a_result_stays() {
    let org = org(settings());
    let names = ["a\0b", "line\nline", "quote \"x\", comma", "\r\n", "ä€😀", "\"", "\n\"\n"];
    for name in names {
        org.create("Account", json!({ "Name": name }));
    }
    org.advance(std::time::Duration::from_secs(60));
    let source = builder(&org).bulk(Bulk::Always).bulk_page_size(2);
    let given = records(&read(&source, None).await.unwrap());
    let given: Vec<_> = given.iter().map(|record| record["Name"].as_str().unwrap()).collect();
    assert_eq!(given, names);
}

#[tokio::test]
async fn another_process_goes_on_with_the_job_at_every_page() {
    let org = org(settings());
    let made = fill(&org, 10);
    let source = builder(&org).bulk(Bulk::Always).bulk_page_size(3);
    let batches = read(&source, None).await.unwrap();
    assert_eq!(batches.len(), 5, "the job, and four pages");
    for n in 0..batches.len() {
        let before = records(&batches[..=n]).len();
        let rest = read(&source, Some(&batches[n].position)).await.unwrap();
        assert_eq!(ids(&records(&rest)), made[before..]);
    }
    assert_eq!(org.faults().count("create_job"), 1);
}

#[tokio::test]
async fn a_job_is_removed_once_its_results_are_committed_and_not_before() {
    let org = org(settings());
    fill(&org, 5);
    let mut source = builder(&org).bulk(Bulk::Always).bulk_page_size(3).build().unwrap();
    source.seek(None).await.unwrap();
    let batches = drain(&mut source).await.unwrap();
    assert_eq!(org.jobs().len(), 1);
    source.commit(&batches[1].position).await.unwrap();
    assert_eq!(org.jobs().len(), 1, "a page is left");
    source.commit(&batches[2].position).await.unwrap();
    assert_eq!(org.jobs().len(), 0);
    source.commit(&batches[2].position).await.unwrap();
}

#[tokio::test]
async fn a_job_that_was_left_behind_is_aborted_and_removed() {
    let org = org(settings().bulk_polls(1_000));
    fill(&org, 5);
    let mut source = builder(&org).bulk(Bulk::Always).build().unwrap();
    source.seek(None).await.unwrap();
    assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(batch) if batch.documents.is_empty()));
    assert_eq!(org.jobs().len(), 1);
    source.seek(None).await.unwrap();
    source.close().await.unwrap();
    assert_eq!((org.jobs().len(), org.faults().count("abort_job")), (0, 1));
}

#[tokio::test]
async fn results_that_are_gone_are_made_again() {
    let org = org(settings());
    let made = fill(&org, 6);
    let source = builder(&org).bulk(Bulk::Always).bulk_page_size(4);
    let batches = read(&source, None).await.unwrap();
    org.forget_jobs();
    let rest = read(&source, Some(&batches[1].position)).await.unwrap();
    assert_eq!(ids(&records(&rest)), made, "all of it, since nobody knows what is left");
}

#[tokio::test]
async fn a_token_that_ends_while_a_job_is_read_is_replaced() {
    let org = Arc::new(org(settings()));
    let made = fill(&org, 9);
    for operation in ["job_state", "job_results"] {
        let of = Arc::downgrade(&org);
        org.faults().meanwhile(Rule::of(operation).after(1), move || of.upgrade().unwrap().expire_sessions());
    }
    let source = builder(&org).bulk(Bulk::Always).bulk_page_size(3);
    assert_eq!(ids(&records(&read(&source, None).await.unwrap())), made);
    assert_eq!((org.faults().count("token"), org.faults().count("create_job")), (3, 1));
}

#[tokio::test]
async fn a_job_that_fails_is_an_error_and_is_made_anew() {
    let org = org(settings());
    let made = fill(&org, 3);
    org.fail_job("InternalServerError: something");
    let mut source = builder(&org).bulk(Bulk::Always).build().unwrap();
    source.seek(None).await.unwrap();
    let error = drain(&mut source).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    assert!(error.to_string().contains("something"), "{error}");
    assert_eq!(ids(&records(&drain(&mut source).await.unwrap())), made);
    source.close().await.unwrap();
    assert_eq!(org.jobs().len(), 1, "the one that failed is removed");
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_made_in_halves() {
    let org = org(settings());
    let made: Vec<_> = [fill(&org, 3), fill(&org, 3)].concat();
    org.fail_job("QUERY_TIMEOUT: Your query request was running for too long.");
    let batches = read(&builder(&org).bulk(Bulk::Always), None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
    assert_eq!(org.faults().count("create_job"), 3);
}

#[tokio::test]
async fn the_size_decides_between_queries_and_jobs() {
    let org = org(settings().page(4));
    let made = fill(&org, 10);
    let source = builder(&org).bulk(Bulk::From(10));
    let first = read(&source, None).await.unwrap();
    assert_eq!(ids(&records(&first)), made);
    assert_eq!((org.faults().count("query_all"), org.faults().count("create_job")), (1, 1));
    let more = fill(&org, 9);
    let second = read(&source, Some(&first.last().unwrap().position)).await.unwrap();
    assert_eq!(ids(&records(&second)), more);
    assert_eq!(org.faults().count("create_job"), 1, "nine are few");
}

#[tokio::test]
async fn an_object_that_jobs_cannot_read_is_queried() {
    let account = Object::new("Account").field(Field::text("Name")).without_bulk();
    let org = org(Salesforce::builder().object(account).page(2));
    let made = fill(&org, 5);
    let given = read(&builder(&org).bulk(Bulk::From(1)), None).await.unwrap();
    assert_eq!(ids(&records(&given)), made);
    let error = read(&builder(&org).bulk(Bulk::Always), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
}

#[tokio::test]
async fn a_query_that_takes_too_long_becomes_a_job() {
    let org = org(settings().page(50).query_rows(60));
    let made: Vec<String> = [fill(&org, 50), fill(&org, 50)].concat();
    let batches = read(&builder(&org).bulk(Bulk::From(1_000)), None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
    assert_eq!((org.faults().count("query_all"), org.faults().count("create_job")), (1, 1));
}

#[tokio::test]
async fn results_that_are_gone_time_and_again_are_an_error() {
    let org = org(settings());
    let made = fill(&org, 3);
    for operation in ["job_results", "job_state"] {
        org.faults().add(Rule::of(operation).always(), Fault::Refused(Refusal::new(404, "NOT_FOUND")));
        let mut source = builder(&org).bulk(Bulk::Always).build().unwrap();
        source.seek(None).await.unwrap();
        org.faults().forget();
        let error = drain(&mut source).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
        assert_eq!(org.faults().count("create_job"), 2, "it is made again once");
        org.faults().clear();
        assert_eq!(ids(&records(&drain(&mut source).await.unwrap())), made, "who asks again gets them");
        source.close().await.unwrap();
        assert_eq!(org.jobs().len(), 1, "but for the last, whose results are not committed");
        org.forget_jobs();
    }
}

#[tokio::test]
async fn a_query_that_is_refused_as_if_it_were_a_job_is_an_error_and_no_loop() {
    let org = org(settings());
    fill(&org, 3);
    let refusal = Refusal::new(400, "INVALIDENTITY");
    org.faults().add(Rule::of("query_all").always(), Fault::Refused(refusal));
    let error = read(&builder(&org).bulk(Bulk::From(1_000)), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    assert_eq!(org.faults().count("query_all"), 1);
}

#[tokio::test]
async fn a_commit_does_not_wait_for_a_token_that_never_comes() {
    let org = org(settings());
    fill(&org, 3);
    let source = builder(&org).bulk(Bulk::Always).bulk_page_size(3).timeout(Duration::from_millis(300));
    let mut source = source.build().unwrap();
    source.seek(None).await.unwrap();
    let batches = drain(&mut source).await.unwrap();
    org.expire_sessions();
    org.faults().forget();
    org.faults().add(Rule::of("token").always(), Fault::Silent);
    let asked = Arc::new(Notify::new());
    let tell = Arc::clone(&asked);
    org.faults().meanwhile(Rule::of("token"), move || tell.notify_one());
    tokio::select! {
        answer = source.next_batch() => panic!("{answer:?}"),
        () = asked.notified() => {}
    }
    let commit = source.commit(&batches.last().unwrap().position);
    tokio::time::timeout(Duration::from_secs(20), commit).await.expect("it ends").unwrap();
    assert_eq!(org.jobs().len(), 1, "there was no way to remove it");
    org.faults().clear();
    let remembered = async {
        while !org.jobs().is_empty() {
            source.close().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), remembered).await.expect("it is removed");
}

#[tokio::test]
async fn a_job_without_results_may_have_an_empty_body() {
    let org = org(settings().bare_results());
    assert!(records(&read(&builder(&org).bulk(Bulk::Always), None).await.unwrap()).is_empty());
    assert_eq!(org.faults().count("job_results"), 1);
}
