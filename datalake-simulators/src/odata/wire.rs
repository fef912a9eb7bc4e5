//! Requests as they stand, for tests.

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer: status, head and body.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends a request as it stands, and gives the answer, or `None` if the connection ended without a whole one.
pub(crate) async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Option<Got> {
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
pub(crate) async fn get(url: &str) -> Got {
    get_with(url, &[]).await
}

pub(crate) async fn get_with(url: &str, headers: &[(&str, &str)]) -> Got {
    let headers: Vec<_> = headers.iter().copied().chain([("accept", "application/json")]).collect();
    send("GET", url, &headers, "").await.expect("an answer")
}
