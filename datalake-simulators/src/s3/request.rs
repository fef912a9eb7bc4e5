//! A request, taken apart.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::chunked::{self, Unwrapped};
use super::fault::{Op, Refusal};

/// A request with its whole body.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) op: Op,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn parse(parts: &Parts) -> Self {
        let path = parts.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let (bucket, key) = (decode(bucket), decode(key));
        let query: BTreeMap<_, _> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(&value.replace('+', " "))))
            .collect();
        let op = op(&parts.method, &key, &query, &parts.headers);
        Self { op, bucket, key, query, headers: parts.headers.clone(), body: Bytes::new() }
    }

    /// Gives it its body, taken out of what wraps it on the way.
    pub(super) fn with_body(mut self, body: Bytes) -> Result<Self, Refusal> {
        if self.header("content-encoding").is_some_and(|coding| coding.contains("aws-chunked"))
            || self.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"))
        {
            let Unwrapped { body, trailers } = chunked::unwrap(&body).ok_or(INCOMPLETE)?;
            if self.length() != body.len() {
                return Err(INCOMPLETE);
            }
            self.headers.extend(trailers);
            self.body = body;
        } else {
            self.body = body;
        }
        Ok(self)
    }

    /// The key, or the prefix of a list.
    pub(super) fn subject(&self) -> &str {
        if self.op == Op::ListObjects { self.query("prefix").unwrap_or_default() } else { &self.key }
    }

    /// The length of its body as its head says it.
    pub(super) fn length(&self) -> usize {
        let length = self.header("x-amz-decoded-content-length").or(self.header("content-length"));
        length.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Whether it has a condition.
    pub(super) fn conditional(&self) -> bool {
        self.headers.contains_key("if-none-match") || self.headers.contains_key("if-match")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

const INCOMPLETE: Refusal = Refusal { status: 400, code: "IncompleteBody" };

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn op(method: &Method, key: &str, query: &BTreeMap<String, String>, headers: &HeaderMap) -> Op {
    let has = |name| query.contains_key(name);
    match (method.as_str(), key.is_empty()) {
        ("PUT", true) if query.is_empty() => Op::CreateBucket,
        ("HEAD", true) => Op::HeadBucket,
        ("GET", true) if query.get("list-type").is_some_and(|kind| kind == "2") => Op::ListObjects,
        ("PUT", false) if has("partNumber") && has("uploadId") => Op::UploadPart,
        ("PUT", false) if headers.contains_key("x-amz-copy-source") || has("tagging") => Op::Other,
        ("PUT", false) => Op::PutObject,
        ("GET", false) if has("tagging") => Op::GetTags,
        ("GET", false) if !has("uploadId") && !has("acl") => Op::GetObject,
        ("HEAD", false) => Op::HeadObject,
        ("DELETE", false) if has("uploadId") => Op::AbortUpload,
        ("DELETE", false) => Op::DeleteObject,
        ("POST", false) if has("uploads") => Op::CreateUpload,
        ("POST", false) if has("uploadId") => Op::CompleteUpload,
        _ => Op::Other,
    }
}
