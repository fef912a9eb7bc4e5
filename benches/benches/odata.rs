//! Ten million rows of an entity set of OData version 4 through the source, against reading the same pages with `reqwest`
//! and parsing them with `serde_json`, in the same run; and the memory that the source takes.
//!
//! `cargo bench -p datalake-benches --features odata --bench odata [-- ROWS]`

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use datalake_benches::{Sample, median, peak_mebibytes};
use datalake_connectors::sap::{Mode, SapSource};
use datalake_core::split::split;
use datalake_core::{Dataset, Next, Source};
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Rows of a page, about a mebibyte.
const PAGE: u64 = 5_000;

const METADATA: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="bench" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="Order"><Key><PropertyRef Name="ID"/></Key>
<Property Name="ID" Type="Edm.String" Nullable="false"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Orders" EntityType="bench.Order"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"#;

/// The rows of every page.
fn rows() -> String {
    let row = |n: u64| {
        format!(
            r#"{{"ID":"{n:010}","SoldToParty":"{:010}","NetAmount":"{n}.{:02}","Currency":"EUR","Items":{},"Blocked":{},"ChangedAt":"2024-01-01T00:{:02}:01.007Z","Note":"call first, then \"deliver\"","Plant":null}}"#,
            n % 97,
            n % 100,
            n % 40,
            n.is_multiple_of(5),
            n % 60
        )
    };
    (0..PAGE).map(row).collect::<Vec<_>>().join(",")
}

/// Serves pages until the process ends.
async fn serve(pages: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let rows: Arc<str> = rows().into();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&rows), pages));
        }
    });
    address
}

async fn connection(stream: TcpStream, rows: Arc<str>, pages: u64) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        }
        let target = first.split(' ').nth(1)?;
        let (kind, head, body, tail) = if target.contains("$metadata") {
            ("application/xml", METADATA.to_owned(), "", String::new())
        } else {
            let page: u64 = target.split_once("skiptoken=").map_or(Ok(0), |(_, page)| page.parse()).ok()?;
            let link = format!(",\"@odata.nextLink\":\"Orders?$skiptoken={}\"", page + 1);
            let link = if page + 1 < pages { link.as_str() } else { "" };
            let head = "{\"@odata.context\":\"$metadata#Orders\",\"value\":[".to_owned();
            ("application/json", head, &*rows, format!("]{link}}}"))
        };
        let length = head.len() + body.len() + tail.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{head}");
        for part in [answer.as_str(), body, tail.as_str()] {
            stream.get_mut().write_all(part.as_bytes()).await.ok()?;
        }
    }
}

/// Reads everything through the source, and cuts it into records as the engine does.
async fn through_the_source(address: SocketAddr) -> u64 {
    let root = format!("http://{address}/service");
    let source = SapSource::builder(Dataset::new("orders").expect("a name"), root, "Orders");
    let mut source = source.mode(Mode::full()).build().expect("a source");
    source.seek(None).await.expect("the beginning");
    let mut count = 0;
    while let Next::Batch(batch) = source.next_batch().await.expect("a page") {
        for document in &batch.documents {
            split(document, |piece| count += u64::from(piece.error.is_none()));
        }
    }
    count
}

/// Reads everything with `reqwest`, and parses each page.
async fn by_hand(address: SocketAddr, parse: fn(&Bytes) -> (u64, Option<String>)) -> u64 {
    let client = reqwest::Client::new();
    let mut count = 0;
    let mut link = Some("Orders".to_owned());
    while let Some(next) = link {
        let url = format!("http://{address}/service/{next}");
        let answer = client.get(url).send().await.expect("an answer");
        let (rows, next) = parse(&answer.bytes().await.expect("a body"));
        count += rows;
        link = next;
    }
    count
}

fn tree(body: &Bytes) -> (u64, Option<String>) {
    let page: Value = serde_json::from_slice(body).expect("a page");
    let rows = page["value"].as_array().map_or(0, |rows| rows.len() as u64);
    (rows, page["@odata.nextLink"].as_str().map(str::to_owned))
}

/// Parses everything and keeps nothing but the link: the least that `serde_json` can do.
fn nothing_kept(body: &Bytes) -> (u64, Option<String>) {
    #[derive(serde::Deserialize)]
    struct Page {
        value: Vec<IgnoredAny>,
        #[serde(rename = "@odata.nextLink")]
        next: Option<String>,
    }
    let page: Page = serde_json::from_slice(body).expect("a page");
    (page.value.len() as u64, page.next)
}

fn runs(runtime: &Runtime, times: usize, rows: u64, mut run: impl AsyncFnMut() -> u64) -> Sample {
    let once = |_| {
        let (sample, count) = Sample::of(|| runtime.block_on(run()));
        assert_eq!(count, rows);
        sample
    };
    median(&(0..times).map(once).collect::<Vec<_>>())
}

fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(10_000_000);
    let pages = u64::max(wanted / PAGE, 1);
    let rows = pages * PAGE;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let address = runtime.block_on(serve(pages));
    let source = runs(&runtime, 3, rows, async || through_the_source(address).await);
    println!(
        "{rows} rows on {pages} pages through the source: {:.1} s, at most {:.0} MiB",
        source.wall.as_secs_f64(),
        peak_mebibytes()
    );
    for (what, parse) in
        [("serde_json::Value", tree as fn(&Bytes) -> _), ("serde_json, nothing kept", nothing_kept)]
    {
        let hand = runs(&runtime, 3, rows, async || by_hand(address, parse).await);
        let ratio = hand.wall.as_secs_f64() / source.wall.as_secs_f64();
        println!(
            "reqwest and {what}: {:.1} s; the source is {ratio:.2} times as fast (bound: 0.8)",
            hand.wall.as_secs_f64()
        );
    }
}
