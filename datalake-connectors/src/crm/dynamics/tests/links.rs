//! Links that lead elsewhere, nowhere, or round and round.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{builder, dataverse, end, keys, read};
use crate::crm::testing::{drain, records};
use datalake_core::{Dataset, ErrorKind, Next, Source};
use datalake_simulators::dataverse::{ACCOUNTS, Dataverse, Fault, Rule, account, account_key};

#[tokio::test]
async fn links_to_localhost_are_asked_of_the_configured_host() {
    let dataverse = dataverse(Dataverse::builder().page(2).links_to("http://localhost:4004"), 5).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    assert_eq!(records(&first).len(), 5);
    dataverse.system().create(ACCOUNTS, account(7));
    let second = read(&source, end(&first)).await.unwrap();
    assert_eq!(keys(&records(&second)), [account_key(7)]);
}

#[tokio::test]
async fn links_to_another_host_take_no_credential_there() {
    let stranger = Dataverse::start().await.unwrap();
    let dataverse = dataverse(Dataverse::builder().page(2).links_to(stranger.url()), 5).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    assert_eq!(records(&first).len(), 5);
    dataverse.system().create(ACCOUNTS, account(7));
    assert_eq!(records(&read(&source, end(&first)).await.unwrap()).len(), 1);
    assert!(stranger.seen().is_empty(), "nobody else hears anything");
    let asked = dataverse.seen().into_iter().filter(|seen| seen.target.starts_with("/api/"));
    assert!(asked.into_iter().all(|seen| seen.header("authorization").is_some()));
}

#[tokio::test]
async fn a_position_of_another_environment_is_refused_and_its_links_are_not_asked() {
    let one = dataverse(Dataverse::builder().page(2), 3).await;
    let other = dataverse(Dataverse::builder().page(2), 3).await;
    for batch in read(&builder(&one), None).await.unwrap() {
        let error = read(&builder(&other), Some(&batch.position)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
        assert!(error.to_string().contains("another environment"), "{error}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_link_that_is_refused_every_time_ends_in_an_error_and_not_in_a_loop() {
    for tracked in [true, false] {
        let dataverse = dataverse(Dataverse::builder().page(2), 5).await;
        let mut source = builder(&dataverse);
        let mut from = None;
        if tracked {
            let first = read(&source, None).await.unwrap();
            (10..15).for_each(|n| dataverse.system().create(ACCOUNTS, account(n)));
            from = end(&first).cloned();
        } else {
            source = source.without_tracking();
        }
        let gone = Fault::Refused { status: 404, retry_after: None };
        dataverse.faults().add(Rule::new(gone).target("skiptoken").always());
        let mut source = source.build().unwrap();
        source.seek(from.as_ref()).await.unwrap();
        let mut pages = 0;
        let error = loop {
            match source.next_batch().await {
                Ok(Next::Batch(batch)) if pages < 3 => pages += batch.documents.len(),
                Ok(_) => panic!("the cycle neither ends nor fails"),
                Err(error) => break error,
            }
        };
        assert_eq!(pages, 2, "the first page, and once again");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        dataverse.faults().clear();
        assert_eq!(records(&drain(&mut source).await.unwrap()).len(), 3, "it goes on when the link is good");
    }
}

/// Three pages, the last of which leads back to the second.
async fn circle() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let next = if asked.contains("page=b") { "c" } else { "b" };
            let link = format!("\"@odata.nextLink\":\"/api/data/v9.2/accounts?page={next}\"");
            let body = format!("{{\"value\":[{{\"accountid\":\"7\"}}],{link}}}");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    origin
}

#[tokio::test]
async fn pages_that_lead_round_and_round_end_in_an_error() {
    let source = super::DynamicsSource::builder(Dataset::new("d").unwrap(), circle().await, ACCOUNTS);
    let mut source = source.without_tracking().build().unwrap();
    source.seek(None).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
    }
    let error = source.next_batch().await.unwrap_err();
    assert!(error.to_string().contains("leads back"), "{error}");
}

#[tokio::test]
async fn more_pages_than_the_cap_are_an_error() {
    let dataverse = dataverse(Dataverse::builder().page(1), 4).await;
    let error = read(&builder(&dataverse).page_cap(3), None).await.unwrap_err();
    assert!(error.to_string().contains("page_cap"), "{error}");
    assert_eq!(records(&read(&builder(&dataverse).page_cap(4), None).await.unwrap()).len(), 4);
}

#[tokio::test]
async fn a_page_is_known_by_its_cycle_and_number_however_often_it_is_read() {
    let dataverse = dataverse(Dataverse::builder().page(2), 3).await;
    let source = builder(&dataverse);
    let first = read(&source, None).await.unwrap();
    dataverse.system().delete(ACCOUNTS, account_key(1));
    let named = |batches: &[datalake_core::SourceBatch]| -> Vec<String> {
        let documents = batches.iter().flat_map(|batch| &batch.documents);
        documents.map(|document| document.id().unwrap().to_string()).collect()
    };
    assert_eq!(named(&first), ["cycle 1, page 1", "cycle 1, page 2"]);
    assert_eq!(named(&read(&source, Some(&first[0].position)).await.unwrap()), ["cycle 1, page 2"]);
    let second = read(&source, end(&first)).await.unwrap();
    assert_eq!(records(&second)[0]["reason"], "deleted");
    assert_eq!(named(&second), ["cycle 2, page 1"]);
}
