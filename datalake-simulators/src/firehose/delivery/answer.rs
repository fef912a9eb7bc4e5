//! The answer of a function, as far as the service believes it.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::Arriving;
use super::function::Failure;
use crate::lambda::RESPONSE_LIMIT;

/// What is to become of a record.
#[derive(Debug)]
pub(super) enum Verdict {
    Ok { data: Bytes, keys: BTreeMap<String, String> },
    Dropped,
    Failed(Failure),
}

#[derive(Deserialize)]
struct Answer {
    records: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    record_id: Option<String>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    partition_keys: Option<BTreeMap<String, String>>,
}

/// What the answer says of each record. An error is one of the call, which is then made again.
pub(super) fn verdicts(records: &[Arriving], answer: &Bytes) -> Result<Vec<Verdict>, Failure> {
    if answer.len() > RESPONSE_LIMIT {
        return Err(Failure::new("Lambda.FunctionError", "The answer of the function is too large"));
    }
    let whole = |code: &str, message: &str| {
        Ok(records.iter().map(|_| Verdict::Failed(Failure::new(code, message))).collect())
    };
    let Ok(answer) = serde_json::from_slice::<Answer>(answer) else {
        return whole(
            "Lambda.JsonProcessingException",
            "The answer is not of the form that the service needs",
        );
    };
    let mut entries: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in &answer.records {
        entries.entry(entry.record_id.as_deref().unwrap_or_default()).or_default().push(entry);
    }
    records.iter().map(|record| verdict(entries.get(record.id.as_str()).map_or(&[], Vec::as_slice))).collect()
}

fn verdict(entries: &[&Entry]) -> Result<Verdict, Failure> {
    let failed = |code: &str, message: &str| Ok(Verdict::Failed(Failure::new(code, message)));
    let entry = match entries {
        [] => return failed("Lambda.MissingRecordId", "A record id was not answered"),
        [entry] => entry,
        _ => return failed("Lambda.DuplicatedRecordId", "A record id was answered more than once"),
    };
    let Some(data) = &entry.data else {
        return failed("Lambda.InvalidReturnFormat", "The data of an answer is missing");
    };
    let data = STANDARD.decode(data);
    let data =
        data.map_err(|_| Failure::new("Lambda.FunctionError", "The data of an answer is not Base64"))?;
    match entry.result.as_deref() {
        Some("Ok") => {
            let keys = entry.metadata.as_ref().and_then(|metadata| metadata.partition_keys.clone());
            Ok(Verdict::Ok { data: data.into(), keys: keys.unwrap_or_default() })
        }
        Some("Dropped") => Ok(Verdict::Dropped),
        Some("ProcessingFailed") => {
            failed("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
        }
        _ => failed("Lambda.InvalidReturnFormat", "A result is Ok, Dropped or ProcessingFailed"),
    }
}
