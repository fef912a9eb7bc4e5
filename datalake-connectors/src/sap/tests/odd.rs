//! Servers of version 4 that do what the simulated gateway does not.

use datalake_core::ErrorKind;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const METADATA: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="odd" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Order"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.String" Nullable="false"/>
<Property Name="At" Type="Edm.DateTimeOffset"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Orders" EntityType="odd.Order"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"#;

/// What is answered to a target: a body of JSON.
type Answers = fn(&str) -> String;

/// The root of a service with these answers.
async fn service(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/odd", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, answers));
        }
    });
    root
}

async fn connection(stream: TcpStream, answers: Answers) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "\r\n") {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            lines.push(line);
        }
        let target = lines[0].split(' ').nth(1)?;
        let (kind, body) = match target.contains("$metadata") {
            true => ("application/xml", METADATA.to_owned()),
            false => ("application/json", answers(target)),
        };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.get_mut().write_all(format!("{head}{body}").as_bytes()).await.ok()?;
    }
}

async fn source(answers: Answers, mode: Mode) -> SapSource {
    let root = service(answers).await;
    let builder = SapSource::builder(Dataset::new("d").unwrap(), root, "Orders").mode(mode);
    at(&builder.poll_every(Duration::from_millis(5)).timeout(Duration::from_secs(10)), None).await
}

#[tokio::test]
async fn an_empty_page_leads_on_if_it_has_a_link() {
    let answers = |target: &str| match target.split_once("skiptoken=").map(|(_, page)| page) {
        None => r#"{"value":[],"@odata.nextLink":"Orders?$skiptoken=1"}"#.to_owned(),
        Some("1") => r#"{"value":[{"ID":"1"}],"@odata.nextLink":"Orders?$skiptoken=2"}"#.to_owned(),
        Some("2") => r#"{"value":[],"@odata.nextLink":"Orders?$skiptoken=3"}"#.to_owned(),
        Some(_) => r#"{"value":[{"ID":"2"}]}"#.to_owned(),
    };
    let batches = drain(&mut source(answers, Mode::full()).await).await.unwrap();
    assert_eq!(bodies(&batches), [r#"{"ID":"1"}"#, r#"{"ID":"2"}"#]);
}

#[tokio::test]
async fn a_server_that_does_not_sort_is_noticed() {
    let answers = |_: &str| {
        r#"{"value":[{"ID":"1","At":"2024-01-02T00:00:00Z"},{"ID":"2","At":"2024-01-01T00:00:00Z"}]}"#
            .to_owned()
    };
    let found = error(&mut source(answers, Mode::keyset("At")).await).await;
    assert!(found.to_string().contains("does not sort"), "{found}");
}

#[tokio::test]
async fn a_server_that_ignores_the_filter_is_noticed_and_not_read_for_ever() {
    let answers = |_: &str| r#"{"value":[{"ID":"1","At":"2024-01-01T00:00:00Z"}]}"#.to_owned();
    let found = error(&mut source(answers, Mode::keyset("At")).await).await;
    assert!(found.to_string().contains("ended with"), "{found}");
}

#[tokio::test]
async fn a_delta_link_that_gives_the_whole_set_is_noticed() {
    let answers = |target: &str| {
        let link = if target.contains("deltatoken") { 2 } else { 1 };
        format!(
            r#"{{"@odata.context":"$metadata#Orders","value":[{{"ID":"1"}}],"@odata.deltaLink":"Orders?$deltatoken={link}"}}"#
        )
    };
    let mut source = source(answers, Mode::delta()).await;
    let load = drain(&mut source).await.unwrap();
    source.commit(&load[0].position).await.unwrap();
    let found = error(&mut source).await;
    assert_eq!(found.kind(), ErrorKind::Unexpected);
    assert!(found.to_string().contains("no delta"), "{found}");
}

#[tokio::test]
async fn a_delta_that_leads_to_itself_is_noticed() {
    let answers = |target: &str| {
        let context =
            if target.contains("deltatoken") { "$metadata#Orders/$delta" } else { "$metadata#Orders" };
        format!(
            r#"{{"@odata.context":"{context}","value":[{{"ID":"1"}}],"@odata.deltaLink":"Orders?$deltatoken=1"}}"#
        )
    };
    let mut source = source(answers, Mode::delta()).await;
    let load = drain(&mut source).await.unwrap();
    source.commit(&load[0].position).await.unwrap();
    assert!(error(&mut source).await.to_string().contains("leads to itself"));
}

#[tokio::test]
async fn an_error_after_the_rows_of_a_page_makes_it_no_page() {
    let answers =
        |_: &str| r#"{"value":[{"ID":"1"}],"error":{"code":"X","message":"out of memory"}}"#.to_owned();
    let found = error(&mut source(answers, Mode::full()).await).await;
    assert_eq!((found.kind(), found.is_retryable()), (ErrorKind::Unavailable, true));
}

#[tokio::test]
async fn a_delta_link_that_is_a_path_alone_gives_its_pages_an_id() {
    let answers = |target: &str| match target.ends_with("/since") {
        true => {
            r##"{"@odata.context":"#Orders/$delta","value":[{"ID":"2"}],"@odata.deltaLink":"Orders/later"}"##
                .to_owned()
        }
        false => r##"{"@odata.context":"#Orders","value":[{"ID":"1"}],"@odata.deltaLink":"Orders/since"}"##
            .to_owned(),
    };
    let mut source = source(answers, Mode::delta()).await;
    let load = drain(&mut source).await.unwrap();
    let delta = more(&mut source, &load).await;
    assert_eq!(delta[0].documents[0].id().map(|id| &**id), Some("delta 1, /odd/Orders/since, page 1"));
}
