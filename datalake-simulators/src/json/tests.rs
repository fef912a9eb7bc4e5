//! Calls as a client without an SDK makes them.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// The status and the body of an answer, or `None` if the connection ended without one.
pub(crate) fn call(url: &str, operation: &str, body: &Value) -> Option<(u16, Value)> {
    let address = url.strip_prefix("http://").unwrap();
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: Service_1.{operation}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, serde_json::from_str(body).unwrap()))
}

/// The body of an answer that is no refusal.
pub(crate) fn done(url: &str, operation: &str, body: &Value) -> Value {
    let (status, answer) = call(url, operation, body).unwrap();
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

/// The code of a refusal.
pub(crate) fn refused(url: &str, operation: &str, body: &Value) -> String {
    let (status, answer) = call(url, operation, body).unwrap();
    assert_ne!(status, 200, "{operation}: {answer}");
    answer["__type"].as_str().unwrap().to_owned()
}
