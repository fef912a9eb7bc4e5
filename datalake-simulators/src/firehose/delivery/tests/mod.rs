mod buffers;
mod calls;
mod prefixes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Failure, Function, Memory, function};

fn noon() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-26T12:34:56Z").unwrap().to_utc()
}

/// The events that a function has seen.
type Seen = Arc<Mutex<Vec<Value>>>;

/// A function that says of each record what `say` makes of its text.
fn saying(say: impl Fn(&str) -> Value + Send + Sync + 'static) -> (Seen, impl Function) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let say = Arc::new(say);
    let call = function(move |event: Bytes| {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let records = event["records"].as_array().unwrap().iter().map(|record| {
            let data = STANDARD.decode(record["data"].as_str().unwrap()).unwrap();
            let mut said = say(std::str::from_utf8(&data).unwrap());
            if said.get("recordId").is_none() {
                said["recordId"] = record["recordId"].clone();
            }
            said
        });
        let answer =
            json!({ "records": records.filter(|said| !said["recordId"].is_null()).collect::<Vec<_>>() });
        kept.lock().unwrap().push(event);
        futures::future::ready(Ok::<_, Failure>(Bytes::from(answer.to_string())))
    });
    (seen, call)
}

fn ok(text: &str) -> Value {
    json!({ "result": "Ok", "data": STANDARD.encode(text) })
}

/// The objects as texts, without what tells one object's name from the next.
fn texts(bucket: &Memory) -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (key, body) in bucket.objects() {
        let folder = key.rsplit_once('/').unwrap().0.to_owned();
        texts.entry(folder).or_default().push_str(std::str::from_utf8(&body).unwrap());
    }
    texts
}

/// The lines of what failed: code, tries and bytes.
fn failures(bucket: &Memory) -> Vec<(String, u64, String)> {
    let texts = texts(bucket);
    let lines = texts.iter().filter(|(key, _)| key.starts_with("bad")).flat_map(|(_, text)| text.lines());
    let failure = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let raw = STANDARD.decode(line["rawData"].as_str().unwrap()).unwrap();
        let code = line["errorCode"].as_str().unwrap().to_owned();
        (code, line["attemptsMade"].as_u64().unwrap(), String::from_utf8(raw).unwrap())
    };
    lines.map(failure).collect()
}

fn failure(code: &str, tries: u64, raw: &str) -> (String, u64, String) {
    (code.into(), tries, raw.into())
}
