//! What clients get, asked over the wire.

mod delta;
mod gate;
mod going_wrong;
mod odp;
mod python;
mod reading;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// An answer: status, head and body.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends a request as it stands, and gives the answer, or `None` if the connection ended without a whole one.
pub(super) async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Option<Got> {
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let mut head = format!(
        "{method} /{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let got = Got { status, head: head.to_owned(), body: body.to_owned() };
    let whole = got.header("content-length").is_none_or(|length| length == got.body.len().to_string());
    whole.then_some(got)
}

/// Asks for JSON.
pub(super) async fn get(url: &str) -> Got {
    get_with(url, &[]).await
}

pub(super) async fn get_with(url: &str, headers: &[(&str, &str)]) -> Got {
    let headers: Vec<_> = headers.iter().copied().chain([("accept", "application/json")]).collect();
    send("GET", url, &headers, "").await.expect("an answer")
}

/// All rows of an answer of several pages, and the delta link at its end.
pub(super) async fn walk_v4(
    gateway: &Gateway,
    first: &str,
    headers: &[(&str, &str)],
) -> (Vec<Json>, Option<String>) {
    let mut rows = Vec::new();
    let mut url = first.to_owned();
    loop {
        let page = get_with(&url, headers).await;
        assert_eq!(page.status, 200, "{url}: {}", page.body);
        let page = page.json();
        rows.extend(page["value"].as_array().unwrap().iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(next) => url = gateway.v4() + next,
            None => return (rows, page["@odata.deltaLink"].as_str().map(|link| gateway.v4() + link)),
        }
    }
}

/// The same in V2.
pub(super) async fn walk_v2(first: &str, headers: &[(&str, &str)]) -> (Vec<Json>, Option<String>) {
    let mut rows = Vec::new();
    let mut url = first.to_owned();
    loop {
        let page = get_with(&url, headers).await;
        assert_eq!(page.status, 200, "{url}: {}", page.body);
        let page = page.json();
        rows.extend(page["d"]["results"].as_array().unwrap().iter().cloned());
        match page["d"]["__next"].as_str() {
            Some(next) => url = next.to_owned(),
            None => return (rows, page["d"]["__delta"].as_str().map(str::to_owned)),
        }
    }
}

pub(super) fn keys(rows: &[Json]) -> Vec<String> {
    rows.iter().map(|row| row["SalesOrder"].as_str().unwrap().trim_start_matches('0').to_owned()).collect()
}

/// A gateway with so many orders, the first of them number 1.
pub(super) async fn with_orders(builder: Builder, orders: u64) -> Gateway {
    let gateway = builder.start().await.unwrap();
    (1..=orders).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    gateway
}
