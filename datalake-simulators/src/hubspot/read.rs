//! Lists, single records and batches of them, and what properties there are.

use std::fmt::Write;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::object::{CREATED, ID, Object, Record, singular, time};
use super::portal::{Portal, Table};
use super::refused::Refused;
use crate::rest::{Answer, Request};

/// The most records on a page of a list, and in a batch.
const PAGE: usize = 100;
/// What is on a page if the client does not say.
const DEFAULT_PAGE: usize = 10;

#[derive(Deserialize)]
struct Batch {
    inputs: Vec<Input>,
    #[serde(default)]
    properties: Vec<String>,
}

#[derive(Deserialize)]
struct Input {
    id: String,
}

impl Portal {
    pub(super) fn known(&self, object: &str) -> Result<&Table, Refused> {
        let message = format!("Unable to infer object type from: {object}");
        self.table(object).ok_or_else(|| Refused::invalid(message))
    }

    pub(super) fn list(&self, object: &str, request: &Request) -> Result<Answer, Refused> {
        let table = self.known(object)?;
        let limit = match request.query("limit") {
            None => DEFAULT_PAGE,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=PAGE).contains(limit));
                limit.ok_or_else(|| Refused::invalid(format!("limit is {text} and not in 1..{PAGE}")))?
            }
        };
        let after = match request.query("after") {
            None | Some("") => 0,
            Some(text) if text.starts_with('e') => {
                let next = &text[1..];
                let body = json!({ "results": [], "paging": { "next": { "after": next } } });
                return Ok(Answer::json(200, body.to_string()));
            }
            Some(text) => text.parse().map_err(|_| Refused::invalid("after is invalid"))?,
        };
        let archived = wants_archived(request);
        let properties = names(request);
        let linked: Vec<_> =
            request.query("associations").into_iter().flat_map(|text| text.split(',')).collect();
        let mut records =
            table.records.range(after..).filter(|(_, record)| record.archived.is_some() == archived);
        let mut body = String::from("{\"results\":[");
        for (n, (_, record)) in records.by_ref().take(limit).enumerate() {
            if n > 0 {
                body.push(',');
            }
            let end = write_record(&mut body, &table.object, record, &properties);
            if !linked.is_empty() {
                self.link(&mut body, end, &table.object.name, record.id, &linked);
            }
        }
        body.push(']');
        if let Some((next, _)) = records.next() {
            let (gap, to) = (if self.settings.gaps { "e" } else { "" }, &self.settings.links_to);
            let link = format!("{to}{}?after={gap}{next}", request.path);
            // Writing to a text does not fail.
            write!(body, ",\"paging\":{{\"next\":{{\"after\":\"{gap}{next}\",\"link\":\"{link}\"}}}}").ok();
        }
        body.push('}');
        Ok(Answer::json(200, body))
    }

    /// Puts the ids of linked records into a record whose closing bracket is at the end.
    fn link(&self, body: &mut String, end: usize, object: &str, id: u64, linked: &[&str]) {
        let links: serde_json::Map<_, _> = linked
            .iter()
            .filter_map(|to| {
                let ids = self.associations.get(&(object.to_owned(), id, (*to).to_owned()))?;
                let kind = format!("{}_to_{}", singular(object), singular(to));
                let results: Vec<_> =
                    ids.iter().map(|id| json!({ "id": id.to_string(), "type": kind })).collect();
                Some(((*to).to_owned(), json!({ "results": results })))
            })
            .collect();
        if !links.is_empty() {
            body.truncate(end);
            write!(body, ",\"associations\":{}}}", Value::Object(links)).ok();
        }
    }

    pub(super) fn read(&self, object: &str, id: &str, request: &Request) -> Result<Answer, Refused> {
        let table = self.known(object)?;
        let archived = wants_archived(request);
        let record = id.parse().ok().and_then(|id: u64| table.records.get(&id));
        let record =
            record.filter(|record| record.archived.is_some() == archived).ok_or_else(Refused::missing)?;
        let mut body = String::new();
        write_record(&mut body, &table.object, record, &names(request));
        Ok(Answer::json(200, body))
    }

    pub(super) fn batch_read(&self, object: &str, body: &Bytes) -> Result<Answer, Refused> {
        let table = self.known(object)?;
        let batch: Batch = parse(body)?;
        if batch.inputs.len() > PAGE {
            return Err(Refused::invalid(format!("a batch has at most {PAGE} inputs")));
        }
        let mut text = String::from("{\"status\":\"COMPLETE\",\"results\":[");
        let mut found = 0;
        let (mut missing, mut errors) = (Vec::new(), Vec::new());
        for input in &batch.inputs {
            let broken = input.id.parse().ok().and_then(|id: u64| self.broken.get(&id));
            if let Some(category) = broken {
                errors.push(json!({
                    "status": "error", "category": category, "message": "made to fail",
                    "context": { "ids": [input.id] },
                }));
                continue;
            }
            let record = input.id.parse().ok().and_then(|id: u64| table.records.get(&id));
            if let Some(record) = record.filter(|record| record.archived.is_none()) {
                if found > 0 {
                    text.push(',');
                }
                write_record(&mut text, &table.object, record, &batch.properties);
                found += 1;
            } else {
                missing.push(&input.id);
            }
        }
        text.push(']');
        if !missing.is_empty() {
            errors.push(json!({
                "status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects",
                "context": { "ids": missing },
            }));
        }
        if !errors.is_empty() {
            write!(text, ",\"numErrors\":{},\"errors\":{}", errors.len(), json!(errors)).ok();
        }
        text.push('}');
        Ok(Answer::json(if errors.is_empty() { 200 } else { 207 }, text))
    }

    pub(super) fn properties(&self, object: &str) -> Result<Answer, Refused> {
        let object = &self.known(object)?.object;
        let results = object.properties.iter().map(|(name, kind)| {
            let own = name == ID || name == CREATED || name == object.modified();
            json!({
                "name": name, "label": name, "type": kind.name(), "fieldType": "text", "groupName": "information",
                "hasUniqueValue": name == ID, "hidden": false, "hubspotDefined": own, "calculated": false,
                "archived": false, "modificationMetadata": { "readOnlyValue": own },
            })
        });
        Ok(Answer::json(200, json!({ "results": results.collect::<Vec<_>>() }).to_string()))
    }
}

/// Reads the body of a request.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::invalid(format!("Invalid input JSON: {error}")))
}

/// Python's client writes it with a capital.
fn wants_archived(request: &Request) -> bool {
    request.query("archived").is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn names(request: &Request) -> Vec<String> {
    let given = request.query.iter().filter(|(name, _)| name == "properties");
    given.flat_map(|(_, names)| names.split(',')).map(|name| name.trim().to_owned()).collect()
}

/// Writes a record, and gives the place of its last bracket. A property that it does not have is null, and one that
/// there is not is left out.
pub(super) fn write_record(
    body: &mut String,
    object: &Object,
    record: &Record,
    properties: &[String],
) -> usize {
    write!(body, "{{\"id\":\"{}\",\"properties\":{{", record.id).ok();
    let own = [CREATED, object.modified(), ID];
    let own = own.into_iter().filter(|name| !properties.iter().any(|known| known == name));
    let asked = properties.iter().map(String::as_str).filter(|name| object.properties.contains_key(*name));
    for (n, name) in asked.chain(own).enumerate() {
        let value = record.value(object, name).map_or(Value::Null, Value::String);
        write!(body, "{}{}:{value}", if n == 0 { "" } else { "," }, Value::from(name)).ok();
    }
    let (created, modified) = (time(record.created), time(record.modified));
    let archived = record.archived.is_some();
    write!(body, "}},\"createdAt\":\"{created}\",\"updatedAt\":\"{modified}\",\"archived\":{archived}").ok();
    if let Some(at) = record.archived {
        write!(body, ",\"archivedAt\":\"{}\"", time(at)).ok();
    }
    let end = body.len();
    body.push('}');
    end
}
