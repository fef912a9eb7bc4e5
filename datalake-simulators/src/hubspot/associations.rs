//! Which records belong together.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::portal::Portal;
use super::read::parse;
use super::refused::Refused;
use crate::rest::Answer;

/// The most records that are asked for at once.
const INPUTS: usize = 1000;
/// The most links of one record in an answer.
const LINKS: usize = 500;

#[derive(Deserialize)]
struct Batch {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    id: Value,
    #[serde(default)]
    after: Option<String>,
}

impl Portal {
    /// Records without links are named as errors, and the status is 207 then.
    pub(super) fn linked(&self, from: &str, to: &str, body: &Bytes) -> Result<Answer, Refused> {
        let from = self.known(from)?.object.name.as_str();
        let to = self.known(to)?.object.name.as_str();
        let batch: Batch = parse(body)?;
        if batch.inputs.len() > INPUTS {
            return Err(Refused::invalid(format!("a batch has at most {INPUTS} inputs")));
        }
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in &batch.inputs {
            let text = input.id.as_str().map_or_else(|| input.id.to_string(), str::to_owned);
            let id: u64 = text.parse().map_err(|_| Refused::invalid("an id is no number"))?;
            if let Some(category) = self.broken.get(&id) {
                errors.push(json!({
                    "status": "error", "category": category, "message": "made to fail",
                    "context": { "fromObjectId": [text] },
                }));
                continue;
            }
            let after: u64 = input.after.as_deref().unwrap_or("0").parse().unwrap_or_default();
            let ids = self.associations.get(&(from.to_owned(), id, to.to_owned()));
            let mut ids = ids.into_iter().flat_map(|ids| ids.range(after..)).peekable();
            if ids.peek().is_none() {
                errors.push(json!({
                    "status": "error", "category": "OBJECT_NOT_FOUND",
                    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": format!("No {to} is associated with {from} {id}."),
                    "context": { "fromObjectId": [text] },
                }));
                continue;
            }
            let kind = json!([{ "category": "HUBSPOT_DEFINED", "typeId": 1, "label": null }]);
            let links: Vec<_> = ids
                .by_ref()
                .take(LINKS)
                .map(|id| json!({ "toObjectId": id, "associationTypes": kind }))
                .collect();
            let mut result = json!({ "from": { "id": text }, "to": links });
            if let Some(next) = ids.next() {
                result["paging"] = json!({ "next": { "after": next.to_string() } });
            }
            results.push(result);
        }
        let mut answer = json!({ "status": "COMPLETE", "results": results });
        if errors.is_empty() {
            return Ok(Answer::json(200, answer.to_string()));
        }
        answer["numErrors"] = errors.len().into();
        answer["errors"] = errors.into();
        Ok(Answer::json(207, answer.to_string()))
    }
}
