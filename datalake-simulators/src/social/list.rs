//! What the services hold.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::bluesky::Sessions;
use crate::rest::Request;

/// The lists by their paths, and what is left of the rate.
#[derive(Debug, Default)]
pub(super) struct Lists {
    lists: BTreeMap<String, Vec<Value>>,
    /// Content type and body by path.
    pub(super) documents: BTreeMap<String, (String, Vec<u8>)>,
    pub(super) sessions: Sessions,
    pub(super) used: u64,
    pub(super) moved: bool,
    pub(super) left: Option<u64>,
}

impl Lists {
    /// The list at a path, made if there is none.
    pub(super) fn of(&mut self, path: &str) -> &mut Vec<Value> {
        self.lists.entry(path.to_owned()).or_default()
    }

    pub(super) fn get(&self, path: &str) -> Option<&[Value]> {
        self.lists.get(path).map(Vec::as_slice)
    }

    /// Counts a request. Whether it is within the rate.
    pub(super) fn enter(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// Records as a JSON array.
pub(super) fn array<'a>(records: impl IntoIterator<Item = &'a Value>) -> String {
    let texts: Vec<_> = records.into_iter().map(Value::to_string).collect();
    format!("[{}]", texts.join(","))
}

/// The text of a member that is text or a number.
pub(super) fn member(record: &Value, name: &str) -> String {
    match &record[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A parameter that is a number, within bounds.
pub(super) fn limit(request: &Request, name: &str, usual: usize, most: usize) -> usize {
    let asked = request.query(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    asked.clamp(1, most)
}

/// A text for a query.
pub(super) fn encode(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}
